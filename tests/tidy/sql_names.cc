#include "tests/tidy/sql_names.h"

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <regex>
#include <set>

namespace lockstep::tidy {
namespace {

using Names = std::set<std::string, std::less<>>;

// Written like functions, and none: the grammar knows them, whatever the path is.
const Names& SpecialForms() {
  static const Names kForms = {
      "array",    "all",       "any",   "cast",      "coalesce", "exists",    "extract",
      "greatest", "in",        "least", "normalize", "nullif",   "overlay",   "position",
      "row",      "substring", "trim",  "treat",     "values",   "xmlconcat", "xmlelement"};
  return kForms;
}

// Types that are words of the grammar.
const Names& GrammarTypes() {
  static const Names kTypes = {"bigint", "bit",      "boolean", "char",      "character", "decimal",
                               "float",  "int",      "integer", "interval",  "national",  "numeric",
                               "real",   "smallint", "time",    "timestamp", "varchar"};
  return kTypes;
}

// The head of a subquery in postgres/partition_tree.h.
constexpr std::string_view kSharedQuery = "tree";

bool IsWordCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

std::string Lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// Reads a file of C++ as far as strings go.
class LiteralReader {
 public:
  explicit LiteralReader(std::string_view text) : text_(text) {}

  std::vector<Literal> Read() {
    while (at_ < text_.size()) {
      if (Skip("//", "\n") || Skip("/*", "*/")) continue;
      if (text_.substr(at_).starts_with("R\"") && (at_ == 0 || !IsWordCharacter(text_[at_ - 1]))) {
        TakeRaw();
      } else if (text_[at_] == '"') {
        TakePlain();
      } else {
        if (!std::isspace(static_cast<unsigned char>(text_[at_]))) joins_ = false;
        // 'x', '\'', but not 1'000.
        if (text_[at_] == '\'' && (at_ == 0 || !IsWordCharacter(text_[at_ - 1]))) {
          Advance(text_.substr(at_).starts_with("'\\") ? 2 : 1);
          while (at_ < text_.size() && text_[at_] != '\'') Advance(1);
        }
        Advance(1);
      }
    }
    return std::move(literals_);
  }

 private:
  void Advance(std::size_t count) {
    for (; count > 0 && at_ < text_.size(); --count, ++at_) line_ += text_[at_] == '\n' ? 1 : 0;
  }
  bool Skip(std::string_view begin, std::string_view end) {
    if (!text_.substr(at_).starts_with(begin)) return false;
    const std::size_t stop = text_.find(end, at_ + begin.size());
    Advance(stop == text_.npos ? text_.size() - at_ : stop + end.size() - at_);
    return true;
  }
  void Add(std::string_view part) {
    if (!joins_) literals_.push_back({line_, {}});
    literals_.back().text += part;
    joins_ = true;
  }
  void TakeRaw() {
    const std::size_t open = text_.find('(', at_);
    if (open == text_.npos) return Advance(2);
    const std::string end = ")" + std::string(text_.substr(at_ + 2, open - at_ - 2)) + "\"";
    const std::size_t stop = std::min(text_.find(end, open), text_.size());
    Add(text_.substr(open + 1, stop - open - 1));
    Advance(stop + end.size() - at_);
  }
  void TakePlain() {
    std::size_t stop = at_ + 1;
    while (stop < text_.size() && text_[stop] != '"') stop += text_[stop] == '\\' ? 2 : 1;
    Add(text_.substr(at_ + 1, stop - at_ - 1));
    Advance(stop + 1 - at_);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool joins_ = false;  // nothing but blanks since the last literal
  std::vector<Literal> literals_;
};

bool IsSql(const std::string& text) {
  static const std::regex kVerbs(
      R"((^|[^A-Za-z])(SELECT|FROM|JOIN|INSERT INTO|UPDATE|DELETE FROM|RETURNING)[^A-Za-z])"
      R"(|(CREATE|ALTER|DROP|LOCK|TRUNCATE) [A-Z]|pg_catalog\.)");
  return std::regex_search(text + " ", kVerbs);
}

// What WITH names, with or without columns.
Names NamesOfWith(const std::vector<Literal>& literals) {
  static const std::regex kWith(R"(([a-z_]\w*)(\([^()]*\))?\s+AS\s+(MATERIALIZED\s+)?\()");
  Names names = {std::string(kSharedQuery)};
  for (const Literal& literal : literals) {
    for (std::sregex_iterator it(literal.text.begin(), literal.text.end(), kWith), end; it != end;
         ++it)
      names.insert((*it)[1]);
  }
  return names;
}

// Whether a list of columns belongs to the name, not of arguments: f(x) AS (, or ) f(x), or behind
// a word that introduces a name.
bool IsAlias(const std::string& text, std::size_t begin, std::size_t open) {
  std::string before = text.substr(0, begin);
  while (!before.empty() && std::isspace(static_cast<unsigned char>(before.back())) != 0)
    before.pop_back();
  const bool is_apart = before.size() < begin;
  for (const char* word : {"ORDINALITY", "RECURSIVE", "AS", "WITH", "INTO"}) {
    if (is_apart && before.ends_with(word)) return true;
  }
  if (is_apart && before.ends_with(')')) return true;
  const std::size_t close = text.find(')', open);
  return close != text.npos && text.substr(close).starts_with(") AS (");
}

class Finder {
 public:
  Finder(const Literal& literal, const Names& with, std::vector<UnqualifiedName>& found)
      : text_(literal.text), line_(literal.line), with_(with), found_(found) {}

  void Run() {
    static const std::regex kCall(R"(([A-Za-z_]\w*)\()");
    Each(kCall, 1, [&](const std::string& name, std::size_t begin, std::size_t end) {
      if (SpecialForms().contains(Lower(name)) || IsAlias(text_, begin, end)) return;
      Add(begin, name, "function");
    });
    static const std::regex kTable(
        R"((FROM|JOIN|INSERT\s+INTO|TABLE|LATERAL)\s+(?:ONLY\s+)?([a-z_]\w*))"
        R"(|UPDATE\s+([a-z_]\w*)\s+SET)");
    const auto check_table = [&](const std::string& name, std::size_t begin, std::size_t end) {
      const bool is_call = end < text_.size() && text_[end] == '(';
      if (is_call || with_.contains(name) || IsNoTable(begin)) return;
      Add(begin, name, "table");
    };
    Each(kTable, 2, check_table);
    Each(kTable, 3, check_table);
    static const std::regex kCast(R"(::\s*([A-Za-z_]\w*))");
    Each(kCast, 1, [&](const std::string& name, std::size_t begin, std::size_t) {
      if (!GrammarTypes().contains(Lower(name))) Add(begin, name, "type");
    });
  }

 private:
  // Each match whose name has no schema before it and is none.
  template <typename Use>
  void Each(const std::regex& pattern, std::size_t group, Use use) {
    for (std::sregex_iterator it(text_.begin(), text_.end(), pattern), end; it != end; ++it) {
      if (!(*it)[group].matched) continue;
      const auto begin = static_cast<std::size_t>(it->position(group));
      const std::size_t after = begin + static_cast<std::size_t>(it->length(group));
      if (begin > 0 && (text_[begin - 1] == '.' || IsWordCharacter(text_[begin - 1]))) continue;
      if (after < text_.size() && text_[after] == '.') continue;
      use((*it)[group].str(), begin, after);
    }
  }
  // IS DISTINCT FROM x, extract(epoch FROM x), substring(x FROM y).
  bool IsNoTable(std::size_t begin) const {
    static const std::regex kNoTable(R"((DISTINCT|extract\(\w+|substring\([^()]+)\s+FROM\s+$)");
    return std::regex_search(text_.substr(0, begin), kNoTable);
  }
  void Add(std::size_t at, const std::string& name, const char* what) {
    const auto lines = std::ranges::count(text_.substr(0, at), '\n');
    found_.push_back({line_ + static_cast<int>(lines), name, what});
  }

  const std::string& text_;
  int line_;
  const Names& with_;
  std::vector<UnqualifiedName>& found_;
};

}  // namespace

std::vector<Literal> LiteralsOf(std::string_view text) { return LiteralReader(text).Read(); }

std::vector<UnqualifiedName> FindUnqualifiedNames(std::string_view text) {
  const std::vector<Literal> literals = LiteralsOf(text);
  const Names with = NamesOfWith(literals);
  std::vector<UnqualifiedName> found;
  for (const Literal& literal : literals) {
    if (IsSql(literal.text)) Finder(literal, with, found).Run();
  }
  return found;
}

}  // namespace lockstep::tidy
