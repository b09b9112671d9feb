#include "postgres/local_cluster.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "postgres/connection.h"
#include "postgres/supervisor.h"

namespace lockstep::postgres {

using model::ErrorKind;
using model::Fail;
using model::Result;
namespace fs = std::filesystem;

namespace {

// sun_path holds 107 characters; the socket's name takes 19 (".s.PGSQL.5432.lock").
constexpr std::size_t kSocketDirectoryMax = 107 - 19;
// initdb and start take a second; recovery after a crash with a lot of WAL can take long.
constexpr std::chrono::seconds kStartTimeout{120};
// The postmaster's status is a line in a file: this often it is read.
constexpr std::chrono::milliseconds kStatusInterval{3};

bool HasServer(const fs::path& folder) {
  return access((folder / "initdb").c_str(), X_OK) == 0 &&
         access((folder / "postgres").c_str(), X_OK) == 0;
}

// A link is the server's user's to plant, and where it leads may be ours alone to read.
std::string ReadFile(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_symlink(path, ignored)) return {};
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

std::string FirstLineOf(const std::string& shell_command) {
  std::unique_ptr<FILE, int (*)(FILE*)> output(popen(shell_command.c_str(), "r"), pclose);
  std::string line;
  for (int c = 0; output && (c = std::fgetc(output.get())) != EOF && c != '\n';) {
    line += static_cast<char>(c);
  }
  return line;
}

// "\n" and the last lines of a log, for messages.
std::string Tail(const std::string& path) {
  constexpr std::size_t kShown = 1500;
  std::string text = ReadFile(path);
  if (text.size() > kShown) text = "..." + text.substr(text.size() - kShown);
  return fmt::format("\n--- end of {} ---\n{}", path, text);
}

Result<std::optional<RunAs>> ServerUser() {
  if (geteuid() != 0) return std::nullopt;
  for (const char* name : {"postgres", "nobody"}) {
    if (const passwd* user = getpwnam(name)) return RunAs{user->pw_uid, user->pw_gid};
  }
  return Fail(ErrorKind::kEnvironment,
              "Postgres does not run as root, and there is neither a user postgres nor nobody");
}

std::string SettingLine(const std::string& name, const std::string& value) {
  std::string quoted;
  for (char c : value) quoted += c == '\'' ? "''" : std::string(1, c);
  return fmt::format("{} = '{}'\n", name, quoted);
}

}  // namespace

Result<std::string> FindServerBinaries() {
  std::string told = FirstLineOf("pg_config --bindir 2>/dev/null");
  if (!told.empty() && HasServer(told)) return told;
  // Debian's client packages have a pg_config without a server beside it.
  std::string best;
  int best_version = 0;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    int version = std::atoi(entry.path().filename().c_str());
    if (version > best_version && HasServer(entry.path() / "bin")) {
      best_version = version;
      best = entry.path() / "bin";
    }
  }
  if (!best.empty()) return best;
  return Fail(ErrorKind::kEnvironment,
              "no PostgreSQL server found (asked pg_config, looked in /usr/lib/postgresql/*/bin); "
              "install one, e.g. apt-get install postgresql-15");
}

struct LocalCluster::Impl {
  LocalClusterOptions options;
  std::string bindir;
  std::string directory;
  std::string data;
  std::string socket_directory;  // `directory` where its path is short enough
  std::string log_path;
  std::optional<RunAs> run_as;
  int server_version = 0;
  std::optional<Supervisor> supervisor;

  ~Impl() {
    if (supervisor && options.keep) (void)supervisor->StopServer(SIGINT);
    bool ours = supervisor.has_value();
    supervisor.reset();
    std::error_code ignored;
    // What the supervisor could not: the directory itself where its parent is not the server's
    // user's to change.
    if (!directory.empty() && !options.keep && (ours || options.directory.empty())) {
      fs::remove_all(directory, ignored);
    }
    if (socket_directory != directory && !socket_directory.empty()) {
      fs::remove_all(socket_directory, ignored);
    }
  }

  Result<std::string> MakeDirectory() {
    std::string made = "/tmp/lockstep-XXXXXX";
    if (mkdtemp(made.data()) == nullptr) {
      return Fail(ErrorKind::kEnvironment,
                  fmt::format("cannot make a directory under /tmp: {}", std::strerror(errno)));
    }
    return Give(std::move(made));
  }

  // A directory: makes the server's user its owner, who alone may enter it.
  Result<std::string> Give(std::string path) {
    const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const bool given =
        fd >= 0 && fchmod(fd, 0700) == 0 && (!run_as || fchown(fd, run_as->uid, run_as->gid) == 0);
    const int error = errno;
    if (fd >= 0) close(fd);
    if (!given) {
      if (!run_as)
        return Fail(ErrorKind::kUsage,
                    fmt::format("cannot use the directory {}: {}", path, std::strerror(error)));
      return Fail(ErrorKind::kEnvironment,
                  fmt::format("cannot give {} to the server's user {}: {}; in Bazel's sandbox use "
                              "--sandbox_fake_username",
                              path, run_as->uid, std::strerror(error)));
    }
    return path;
  }

  // Run as root, the server is another user, who must be able to get there: /root, for one, is
  // closed.
  Result<void> CheckReachable(const fs::path& path) const {
    if (!run_as) return {};
    for (fs::path parent = path.parent_path(); parent != parent.root_path();
         parent = parent.parent_path()) {
      struct stat status {};
      if (stat(parent.c_str(), &status) != 0) continue;  // not there yet
      const mode_t needed = status.st_uid == run_as->uid   ? S_IXUSR
                            : status.st_gid == run_as->gid ? S_IXGRP
                                                           : S_IXOTH;
      if ((status.st_mode & needed) != 0) continue;
      return Fail(ErrorKind::kUsage,
                  fmt::format("the server runs as user {}, who may not enter {}: name a directory "
                              "elsewhere than {}, e.g. under /var/tmp",
                              run_as->uid, parent.string(), path.string()));
    }
    return {};
  }

  Result<void> PrepareDirectories() {
    Result<std::optional<RunAs>> user = ServerUser();
    if (!user) return std::unexpected(user.error());
    run_as = *user;
    Result<std::string> made = std::string();
    if (options.directory.empty()) {
      made = MakeDirectory();
    } else {
      if (auto ok = CheckReachable(options.directory); !ok) return ok;
      std::error_code error;
      fs::create_directories(options.directory, error);
      if (error) {
        return Fail(ErrorKind::kUsage, fmt::format("cannot use the directory {}: {}",
                                                   options.directory, error.message()));
      }
      made = Give(options.directory);
    }
    if (!made) return std::unexpected(made.error());
    directory = *made;
    data = directory + "/data";
    log_path = directory + "/postgres.log";
    socket_directory = directory;
    if (directory.size() > kSocketDirectoryMax) {
      made = MakeDirectory();
      if (!made) return std::unexpected(made.error());
      socket_directory = *made;
    }
    return {};
  }

  Result<void> InitDb() {
    if (fs::exists(data + "/PG_VERSION")) return {};
    std::string init_log = directory + "/initdb.log";
    Result<void> done =
        RunProgram({bindir + "/initdb", "--pgdata=" + data, "--username=postgres", "--auth=trust",
                    "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"},
                   run_as, directory, init_log);
    if (!done) {
      model::Error error = done.error();
      error.message += Tail(init_log);
      return std::unexpected(error);
    }
    return WriteFileAs(run_as, data + "/postgresql.conf", "\ninclude 'lockstep.conf'\n",
                       Writing::kAppend);
  }

  Result<void> WriteSettings() {
    int shown = options.slots_and_senders;
    std::map<std::string, std::string> settings = {
        {"listen_addresses", ""},
        {"unix_socket_directories", socket_directory},
        {"port", "5432"},
        {"wal_level", "logical"},
        {"fsync",
         "off"},  // the machine's crash is not what we test; the server's own needs no fsync
        {"full_page_writes", "off"},
        {"max_replication_slots", std::to_string(shown)},
        {"max_wal_senders", std::to_string(shown)},
        {"max_connections", "100"},
        {"max_prepared_transactions", "20"},
        {"max_wal_size", "4GB"},
        {"max_locks_per_transaction", "256"},  // an audit locks all tables at once
        {"log_line_prefix", "%m [%p] %q%a "},
    };
    // A server that does not know the setting takes any plugin, and refuses to start with it.
    std::string known = FirstLineOf(fmt::format(
        "'{}/postgres' --describe-config 2>/dev/null | grep -m1 ^output_plugin_libraries", bindir));
    settings["output_plugin_libraries"] = "pgoutput, test_decoding, decoderbufs, wal2json";
    for (const auto& [name, value] : options.settings) settings[name] = value;
    if (known.empty()) settings.erase("output_plugin_libraries");
    std::string text;
    for (const auto& [name, value] : settings) text += SettingLine(name, value);
    return WriteFileAs(run_as, data + "/lockstep.conf", text, Writing::kReplace);
  }

  Result<void> ForkSupervisor() {
    Result<Supervisor> forked = Supervisor::Fork({.server = {bindir + "/postgres", "-D", data},
                                                  .run_as = run_as,
                                                  .directory = directory,
                                                  .log_path = log_path,
                                                  .remove_directory = !options.keep});
    if (!forked) return std::unexpected(forked.error());
    supervisor.emplace(std::move(*forked));
    return {};
  }

  // Line 8 of postmaster.pid says "ready" when the server of this pid takes connections.
  bool IsReady(pid_t pid) const {
    std::istringstream lines(ReadFile(data + "/postmaster.pid"));
    std::string line;
    if (!std::getline(lines, line) || line != std::to_string(pid)) return false;
    for (int i = 2; i <= 8; ++i) {
      if (!std::getline(lines, line)) return false;
    }
    return line.starts_with("ready");
  }

  Result<void> StartServer(const std::string& uri) {
    Result<pid_t> pid = supervisor->StartServer();
    if (!pid) return std::unexpected(pid.error());
    auto deadline = std::chrono::steady_clock::now() + kStartTimeout;
    while (!IsReady(*pid)) {
      bool late = std::chrono::steady_clock::now() > deadline;
      if (late || !supervisor->IsServerRunning()) {
        return Fail(
            ErrorKind::kEnvironment,
            fmt::format("the Postgres server in {} {}{}", directory,
                        late ? "does not become ready" : "ended at its start", Tail(log_path)));
      }
      std::this_thread::sleep_for(kStatusInterval);
    }
    Result<Connection> connection = Connection::Open(uri, ConnectionKind::kSql);
    if (!connection) return std::unexpected(connection.error());
    server_version = connection->server_version();
    return {};
  }
};

LocalCluster::LocalCluster(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LocalCluster::LocalCluster(LocalCluster&&) noexcept = default;
LocalCluster& LocalCluster::operator=(LocalCluster&&) noexcept = default;
LocalCluster::~LocalCluster() = default;

Result<LocalCluster> LocalCluster::Start(const LocalClusterOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  if (!options.directory.empty() && !fs::path(options.directory).is_absolute()) {
    return Fail(ErrorKind::kUsage,
                fmt::format("the cluster's directory {} must be absolute", options.directory));
  }
  impl->bindir = options.bindir;
  if (impl->bindir.empty()) {
    Result<std::string> found = FindServerBinaries();
    if (!found) return std::unexpected(found.error());
    impl->bindir = *found;
  }
  if (Result<void> done = impl->PrepareDirectories(); !done) return std::unexpected(done.error());
  if (Result<void> done = impl->InitDb(); !done) return std::unexpected(done.error());
  if (Result<void> done = impl->WriteSettings(); !done) return std::unexpected(done.error());
  if (Result<void> done = impl->ForkSupervisor(); !done) return std::unexpected(done.error());
  LocalCluster cluster(std::move(impl));
  if (Result<void> done = cluster.StartAgain(); !done) return std::unexpected(done.error());
  return cluster;
}

Result<void> LocalCluster::StartAgain() {
  if (IsRunning()) return {};
  return impl_->StartServer(uri());
}

Result<void> LocalCluster::Stop(StopMode mode) {
  return impl_->supervisor->StopServer(mode == StopMode::kFast ? SIGINT : SIGQUIT);
}

// Not SIGKILL: orphaned backends would hold the shared memory, and the next start would be refused.
Result<void> LocalCluster::Crash() { return impl_->supervisor->StopServer(SIGQUIT); }

bool LocalCluster::IsRunning() const { return impl_->supervisor->IsServerRunning(); }

std::string LocalCluster::uri(const std::string& database) const {
  auto escape = [](const std::string& text) {
    std::string out;
    for (char c : text) {
      auto byte = static_cast<unsigned char>(c);
      bool plain = std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.';
      out += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
    }
    return out;
  };
  return fmt::format("postgresql://postgres@/{}?host={}&port=5432", escape(database),
                     escape(impl_->socket_directory));
}

const std::string& LocalCluster::directory() const { return impl_->directory; }
const std::string& LocalCluster::log_path() const { return impl_->log_path; }
int LocalCluster::server_version() const { return impl_->server_version; }

}  // namespace lockstep::postgres
