#include "tests/tidy/rules.h"

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <utility>

#include "tests/tidy/sql_names.h"

namespace lockstep::tidy {
namespace {

constexpr std::size_t kMaxLines = 800;
constexpr std::size_t kMaxColumns = 100;

using Folders = std::set<std::string, std::less<>>;

// Folder -> the folders it may include besides itself. A new folder gets its line with its first
// file.
const std::map<std::string, Folders, std::less<>>& MayInclude() {
  static const std::map<std::string, Folders, std::less<>> kMayInclude = {
      {"model", {}},
      {"postgres", {"model"}},
      {"wire", {"model", "proto"}},
      {"replication", {"model"}},  // and proto: its decoderbufs decoder, see MayIncludeFrom
      {"consumer", {"model", "postgres", "replication"}},
      {"generator", {"model", "wire"}},
      {"applier", {"model", "wire", "postgres"}},
      {"listener", {"model", "wire", "postgres", "replication", "consumer"}},
      {"auditor", {"model", "wire", "postgres", "replication", "consumer", "report"}},
      {"client", {"model", "wire", "postgres", "replication", "consumer"}},
      {"report", {"model"}},
      {"verifier", {"model", "wire", "postgres", "report"}},
      {"launcher", {"model", "postgres", "wire", "report"}},
      {"examples", {"model", "client"}},
      {"tools", {"model"}},
  };
  return kMayInclude;
}

// May include every folder of ours, tests (bench: but for these) too.
bool IncludesEverything(std::string_view folder) { return folder == "tests" || folder == "bench"; }

bool IsOurFolder(std::string_view folder) {
  return MayInclude().contains(folder) || folder == "proto" || IncludesEverything(folder);
}

std::string_view FolderOf(std::string_view path) {
  const auto slash = path.find('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view FileOf(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool IsHeader(std::string_view path) { return path.ends_with(".h"); }
bool IsSource(std::string_view path) { return path.ends_with(".cc"); }
bool IsDecoderbufs(std::string_view path) { return path.starts_with("replication/decoderbufs"); }

// A test may know the libraries of what it tests: "tests/postgres/slot_test.cc" ->
// "postgres/slot_test.cc".
std::string_view TestedPath(std::string_view path) {
  if (path.starts_with("tests/")) path.remove_prefix(6);
  return path;
}

std::vector<std::string_view> LinesOf(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

std::string_view WithoutLeadingBlanks(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return text;
}

struct Include {
  int line = 0;
  std::string_view path;
  bool quoted = false;
};

// What an #include line names; nullopt for any other line.
std::optional<Include> ParseInclude(std::string_view line) {
  line = WithoutLeadingBlanks(line);
  if (!line.starts_with('#')) return std::nullopt;
  line = WithoutLeadingBlanks(line.substr(1));
  if (!line.starts_with("include")) return std::nullopt;
  line = WithoutLeadingBlanks(line.substr(7));
  if (line.empty() || (line[0] != '"' && line[0] != '<')) return std::nullopt;
  const auto end = line.find(line[0] == '"' ? '"' : '>', 1);
  if (end == std::string_view::npos) return std::nullopt;
  return Include{0, line.substr(1, end - 1), line[0] == '"'};
}

std::vector<Include> IncludesOf(std::string_view text) {
  std::vector<Include> includes;
  int number = 0;
  for (std::string_view line : LinesOf(text)) {
    ++number;
    auto include = ParseInclude(line);
    if (!include) continue;
    include->line = number;
    includes.push_back(*include);
  }
  return includes;
}

bool MayIncludeFrom(std::string_view path, std::string_view folder) {
  const std::string_view own = FolderOf(path);
  if (folder == own || own == "tests") return true;
  if (folder == "tests") return false;
  if (own == "bench") return true;
  if (folder == "proto" && IsDecoderbufs(path)) return true;
  const auto allowed = MayInclude().find(own);
  return allowed != MayInclude().end() && allowed->second.contains(folder);
}

// A foreign library: which includes are its, and which files may have them.
struct Library {
  std::string_view name;
  std::function<bool(std::string_view include)> owns;
  std::function<bool(std::string_view path)> allows;
  std::string_view where;
};

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> choices) {
  return std::ranges::find(choices, text) != choices.end();
}

const std::vector<Library>& Libraries() {
  static const std::vector<Library> kLibraries = {
      {"libpq",
       [](std::string_view i) {
         return i.find("libpq") != i.npos || i.starts_with("postgresql/") ||
                IsOneOf(i, {"postgres_ext.h", "pg_config.h"});
       },
       [](std::string_view p) {
         // Fixtures are what a server sent, taken without our own code in between.
         return FolderOf(p) == "postgres" || p.starts_with("replication/captures/");
       },
       "postgres/"},
      {"ZeroMQ", [](std::string_view i) { return FileOf(i).starts_with("zmq"); },
       [](std::string_view p) { return FolderOf(p) == "wire"; }, "wire/"},
      {"MessagePack",
       [](std::string_view i) { return i.starts_with("msgpack/") || i.starts_with("msgpack."); },
       [](std::string_view p) { return FolderOf(p) == "wire"; }, "wire/"},
      {"protobuf",
       [](std::string_view i) { return i.ends_with(".pb.h") || i.starts_with("google/protobuf/"); },
       [](std::string_view p) { return FolderOf(p) == "wire" || IsDecoderbufs(p); },
       "wire/ and replication/decoderbufs*"},
      {"CLI11", [](std::string_view i) { return i.starts_with("CLI/"); },
       [](std::string_view p) {
         const std::string_view file = FileOf(p);
         // A benchmark is one file, its main included.
         return file == "main.cc" || file.find("options") != file.npos || FolderOf(p) == "bench";
       },
       "main.cc, options files and bench/"},
      {"simdjson", [](std::string_view i) { return i.starts_with("simdjson"); },
       [](std::string_view p) { return p.starts_with("replication/wal2json"); },
       "replication/wal2json*"},
      {"nlohmann/json", [](std::string_view i) { return i.starts_with("nlohmann/"); },
       [](std::string_view p) {
         return IsOneOf(FolderOf(p), {"launcher", "report", "integration", "bench"});
       },
       "launcher/, report/, bench/ and tests/integration/"},
  };
  return kLibraries;
}

std::string GuardOf(std::string_view path) {
  std::string guard = "LOCKSTEP_";
  for (char c : path) {
    const bool small = c >= 'a' && c <= 'z';
    const bool kept = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    guard.push_back(small ? static_cast<char>(c - 'a' + 'A') : kept ? c : '_');
  }
  return guard + "_";
}

// Characters, not bytes: continuation bytes of UTF-8 take no column.
std::size_t ColumnsOf(std::string_view line) {
  return static_cast<std::size_t>(
      std::ranges::count_if(line, [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string WithoutExtension(std::string_view path) {
  return std::string(path.substr(0, path.rfind('.')));
}

}  // namespace

std::string ToString(const Violation& violation) {
  return violation.path + ":" + std::to_string(violation.line) + ": " + violation.message;
}

Violations CheckOwnIncludes(std::string_view path, std::string_view text) {
  Violations found;
  const std::string_view own = FolderOf(path);
  if (!own.empty() && !IsOurFolder(own)) {
    found.push_back({std::string(path), 0,
                     "folder " + std::string(own) +
                         "/ has no include rule: add it to the design and to tests/tidy/rules.cc"});
    return found;
  }
  for (const Include& include : IncludesOf(text)) {
    const std::string_view folder = FolderOf(include.path);
    const std::string name(include.path);
    if (!IsOurFolder(folder)) {
      if (include.quoted) {
        found.push_back({std::string(path), include.line,
                         "\"" + name + "\": our files by their path from the top, others in <>"});
      }
    } else if (!include.quoted) {
      found.push_back({std::string(path), include.line, "<" + name + ">: ours, so in quotes"});
    } else if (!MayIncludeFrom(path, folder)) {
      found.push_back({std::string(path), include.line,
                       std::string(own) + "/ may not include " + std::string(folder) + "/"});
    }
  }
  return found;
}

Violations CheckForeignIncludes(std::string_view path, std::string_view text) {
  Violations found;
  for (const Include& include : IncludesOf(text)) {
    for (const Library& library : Libraries()) {
      if (!library.owns(include.path) || library.allows(TestedPath(path))) continue;
      found.push_back({std::string(path), include.line,
                       "includes " + std::string(library.name) + ", which belongs only in " +
                           std::string(library.where)});
    }
  }
  return found;
}

Violations CheckLayout(std::string_view path, std::string_view text) {
  Violations found;
  const auto add = [&](std::size_t line, std::string message) {
    found.push_back({std::string(path), static_cast<int>(line), std::move(message)});
  };
  const auto lines = LinesOf(text);
  if (lines.size() > kMaxLines) {
    add(0, std::to_string(lines.size()) + " lines; at most " + std::to_string(kMaxLines) +
               ": split the file by what it does");
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string_view line = lines[i];
    if (line.find('\t') != line.npos) add(i + 1, "tab");
    if (line.ends_with(' ') || line.ends_with('\r')) add(i + 1, "blanks at the end of the line");
    // An address cannot be broken.
    if (ColumnsOf(line) > kMaxColumns && line.find("://") == line.npos) {
      add(i + 1, "longer than " + std::to_string(kMaxColumns) + " columns");
    }
  }
  if (!text.ends_with('\n')) add(lines.size(), "no newline at the end of the file");
  return found;
}

Violations CheckHeaderGuard(std::string_view path, std::string_view text) {
  if (!IsHeader(path)) return {};
  const std::string guard = GuardOf(path);
  const auto lines = LinesOf(text);
  const auto has = [&](const std::string& line) {
    return std::ranges::find(lines, line) != lines.end();
  };
  if (has("#ifndef " + guard) && has("#define " + guard) && has("#endif  // " + guard)) return {};
  return {
      {std::string(path), 0, "header guard: expected " + guard + " (#ifndef, #define, #endif)"}};
}

Violations CheckOpeningComment(std::string_view path, std::string_view text, const Paths& paths) {
  const bool has_header = paths.contains(WithoutExtension(path) + ".h");
  const bool wanted =
      IsHeader(path) || (IsSource(path) && !has_header && FolderOf(path) != "tests");
  if (!wanted || text.starts_with("// ")) return {};
  return {{std::string(path), 1, "opens without a comment that says what the file is for"}};
}

Violations CheckTestMirrorsTree(std::string_view path, const Paths& paths) {
  constexpr std::string_view kEnd = "_test.cc";
  if (!path.starts_with("tests/") || !path.ends_with(kEnd)) return {};
  const std::string_view tested = TestedPath(path);
  if (IsOneOf(FolderOf(tested), {"", "integration", "simulation", "fuzz", "compose"})) return {};
  const std::string stem(tested.substr(0, tested.size() - kEnd.size()));
  // follower_property, then follower: a file may have several tests, each named by its aspect.
  const std::size_t folder_end = stem.rfind('/');
  for (std::size_t end = stem.size(); end != stem.npos && end > folder_end;
       end = stem.rfind('_', end - 1)) {
    const std::string file = stem.substr(0, end);
    for (const std::string& tested_file : {file + ".h", file + ".cc", "tests/" + file + ".h"}) {
      if (paths.contains(tested_file)) return {};
    }
  }
  return {{std::string(path), 0, "tests a file that is not there: " + stem + ".h or .cc"}};
}

Violations CheckNoGlob(std::string_view path, std::string_view text) {
  Violations found;
  int number = 0;
  for (std::string_view line : LinesOf(text)) {
    ++number;
    if (line.substr(0, line.find('#')).find("glob(") != line.npos) {
      found.push_back({std::string(path), number, "glob: list the files"});
    }
  }
  return found;
}

Violations CheckSqlNames(std::string_view path, std::string_view text) {
  if (IsOneOf(FolderOf(path), {"tests", "bench", "tools", "generator"})) return {};
  Violations found;
  for (const UnqualifiedName& name : FindUnqualifiedNames(text)) {
    found.push_back({std::string(path), name.line,
                     "SQL with a " + name.what + " without its schema: " + name.name});
  }
  return found;
}

Violations CheckFile(std::string_view path, std::string_view text, const Paths& paths) {
  Violations found;
  const auto add = [&](Violations more) { std::ranges::move(more, std::back_inserter(found)); };
  if (IsHeader(path) || IsSource(path)) {
    add(CheckOwnIncludes(path, text));
    add(CheckForeignIncludes(path, text));
    add(CheckLayout(path, text));
    add(CheckHeaderGuard(path, text));
    add(CheckOpeningComment(path, text, paths));
    add(CheckTestMirrorsTree(path, paths));
    add(CheckSqlNames(path, text));
  } else if (FileOf(path) == "BUILD" || path.ends_with(".BUILD")) {
    add(CheckNoGlob(path, text));
  }
  return found;
}

}  // namespace lockstep::tidy
