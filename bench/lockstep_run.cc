#include "bench/lockstep_run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "bench/child.h"
#include "bench/proc.h"

namespace lockstep::bench {
namespace {

using model::ErrorKind;
using model::Fail;
using model::Result;
namespace fs = std::filesystem;

// Rows alive are asked for at every twentieth look: once a second, as often as they change.
constexpr int kLooksPerCount = 20;

class Watch {
 public:
  Watch(Server& server, LockstepRun& run) : server_(server), run_(run) {}

  void Look(pid_t lockstep) {
    for (const pid_t pid : ChildrenOf(lockstep)) {
      const auto process = ReadProcess(pid);
      if (!process || process->rss_kb == 0) continue;
      ProcessUse& use = run_.processes[process->name];
      use.cpu_s = process->cpu_s;
      use.rss_max_kb = process->rss_max_kb;
    }
    server_.Look();
    if (looks_++ % kLooksPerCount != 0) return;
    // Zero at the end: the tables are gone.
    if (const std::uint64_t rows = server_.RowsAlive(); rows > 0) {
      run_.rows_alive_last = rows;
      run_.rows_alive_max = std::max(run_.rows_alive_max, rows);
    }
  }

 private:
  Server& server_;
  LockstepRun& run_;
  int looks_ = 0;
};

Result<void> ReadReport(const std::string& path, LockstepRun& run) {
  std::ifstream file(path);
  const auto report = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (report.is_discarded()) {
    return Fail(ErrorKind::kEnvironment, "lockstep run wrote no report");
  }
  run.verdict = report["verdict"].is_string() ? report["verdict"] : "none";
  run.elapsed_s = report["elapsed_s"];
  run.generated = report["transactions"]["generated"];
  run.committed = report["transactions"]["committed"];
  if (!report["listeners"].empty()) run.changes = report["listeners"][0]["changes"];
  return {};
}

}  // namespace

Result<Programs> FindPrograms() {
  std::error_code ignored;
  const fs::path tree = fs::read_symlink("/proc/self/exe", ignored).parent_path().parent_path();
  const char* directory = std::getenv("LOCKSTEP_BIN_DIR");
  const fs::path base = directory == nullptr ? tree : fs::path(directory);
  for (const fs::path& path : {base / "lockstep", base / "launcher" / "lockstep"}) {
    if (fs::is_regular_file(path, ignored)) return Programs{.lockstep = path.string()};
  }
  return Fail(ErrorKind::kUsage,
              fmt::format("no lockstep in {}: build //launcher:lockstep, or name its directory in "
                          "LOCKSTEP_BIN_DIR",
                          base.string()));
}

Result<LockstepRun> RunLockstep(Server& server, const Programs& programs,
                                const RunSettings& settings) {
  const std::string report =
      fs::temp_directory_path() / fmt::format("lockstep-bench-{}.json", getpid());
  LockstepRun run;
  (void)server.TakeCpuByClient();
  const double server_before_s = server.CpuSeconds();
  Watch watch(server, run);
  auto child =
      RunChild({programs.lockstep, "run", "--database", server.uri(), "--transactions",
                fmt::to_string(settings.transactions), "--seed", fmt::to_string(settings.seed),
                "--sessions", fmt::to_string(settings.sessions), "--listeners",
                fmt::to_string(settings.listeners), "--report", report},
               [&](pid_t pid) { watch.Look(pid); });
  if (!child) return std::unexpected(std::move(child.error()));
  run.cpu_s = child->cpu_s;
  run.server_cpu_s = server.CpuSeconds() - server_before_s;
  run.server_by_client_s = server.TakeCpuByClient();
  auto read = ReadReport(report, run);
  std::error_code ignored;
  fs::remove(report, ignored);
  if (!read || child->exit_code != 0) {
    return Fail(ErrorKind::kEnvironment, fmt::format("lockstep run ended with exit code {}:\n{}",
                                                     child->exit_code, child->output));
  }
  return run;
}

}  // namespace lockstep::bench
