// `lockstep audit` beside what users would do without it, on one server, in turns.
//
//   workload:  pgbench   lockstep audit -- pgbench   pgbench        what following costs the
//   workload size:      pg_dump | wc -c   lockstep audit -- true             what reading and
//   comparing costs
//
// Machines are noisy, so only the ratio inside a round counts, and the median of rounds. Memory is
// the most that the auditor ever had.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/child.h"
#include "bench/lockstep_run.h"
#include "bench/median.h"
#include "bench/proc.h"
#include "bench/server.h"
#include "model/error.h"

namespace lockstep::bench {
namespace {

using model::ErrorKind;
using model::Fail;
using model::Result;

struct Options {
  std::uint32_t rounds = 3;
  std::uint32_t seconds = 12;
  std::uint32_t scale = 10;
  std::string script = "tpcb-like";
  std::string plugin = "pgoutput";
  std::uint64_t rows = 0;
};

Result<ChildResult> RunOrFail(const std::vector<std::string>& command,
                              const std::function<void(pid_t)>& look = {}) {
  auto child = RunChild(command, look);
  if (!child || child->exit_code == 0) return child;
  return Fail(ErrorKind::kEnvironment,
              fmt::format("{} failed with exit code {}: {}", command.front(), child->exit_code,
                          child->output));
}

std::vector<std::string> Pgbench(const Server& server, const Options& options,
                                 std::uint32_t seconds) {
  return {"pgbench",   "-M", "prepared", "-n", "-b", options.script,
          "-c",        "4",  "-j",       "2",  "-T", fmt::to_string(seconds),
          server.uri()};
}

Result<double> Tps(const ChildResult& child) {
  const std::string start = "tps = ";
  const auto at = child.output.find(start);
  if (at == std::string::npos)
    return Fail(ErrorKind::kEnvironment, "pgbench says no rate: " + child.output);
  return std::strtod(child.output.c_str() + at + start.size(), nullptr);
}

// The programs below `lockstep`, and what the auditor among them needed at most.
class AuditorMemory {
 public:
  void Look(pid_t lockstep) {
    for (const pid_t pid : ChildrenOf(lockstep)) {
      const auto process = ReadProcess(pid);
      if (process && process->name == "auditor") kb_ = std::max(kb_, process->rss_max_kb);
    }
  }
  double megabytes() const { return static_cast<double>(kb_) / 1024; }

 private:
  std::uint64_t kb_ = 0;
};

struct AuditRun {
  ChildResult child;
  nlohmann::json report;
  double memory_mb = 0;
};

// A run that did not converge is an error: a number of it would mean nothing.
Result<AuditRun> Audit(const Server& server, const Programs& programs, const Options& options,
                       const std::vector<std::string>& workload) {
  const std::string path = fmt::format("/tmp/lockstep-bench-audit.{}.json", getpid());
  std::vector<std::string> command = {programs.lockstep, "audit",    "--database",
                                      server.uri(),      "--plugin", options.plugin,
                                      "--report",        path,       "--"};
  command.insert(command.end(), workload.begin(), workload.end());
  AuditorMemory memory;
  auto child = RunOrFail(command, [&](pid_t pid) { memory.Look(pid); });
  if (!child) return std::unexpected(std::move(child.error()));
  std::ifstream file(path);
  auto report = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  std::filesystem::remove(path);
  if (report.is_discarded()) return Fail(ErrorKind::kEnvironment, "lockstep audit wrote no report");
  return AuditRun{std::move(*child), std::move(report), memory.megabytes()};
}

Result<void> CompareWorkload(const Server& server, const Programs& programs,
                             const Options& options) {
  if (auto filled =
          RunOrFail({"pgbench", "-i", "-q", "-s", fmt::to_string(options.scale), server.uri()});
      !filled) {
    return std::unexpected(std::move(filled.error()));
  }
  fmt::print("pgbench {}, -s {} -c 4, {} s; audit with {}\n{:>7} {:>10} {:>10} {:>6} {:>12}\n",
             options.script, options.scale, options.seconds, options.plugin, "round", "alone",
             "audited", "ratio", "auditor MB");
  std::vector<double> ratios;
  for (std::uint32_t round = 1; round <= options.rounds; ++round) {
    double alone = 0;
    const auto run_alone = [&]() -> Result<void> {
      auto child = RunOrFail(Pgbench(server, options, std::max(1u, options.seconds / 2)));
      if (!child) return std::unexpected(std::move(child.error()));
      auto tps = Tps(*child);
      if (!tps) return std::unexpected(std::move(tps.error()));
      alone += *tps / 2;
      return {};
    };
    if (auto ok = run_alone(); !ok) return ok;
    auto audited = Audit(server, programs, options, Pgbench(server, options, options.seconds));
    if (!audited) return std::unexpected(std::move(audited.error()));
    if (auto ok = run_alone(); !ok) return ok;
    auto tps = Tps(audited->child);
    if (!tps) return std::unexpected(std::move(tps.error()));
    ratios.push_back(*tps / alone);
    fmt::print("{:>7} {:>10.0f} {:>10.0f} {:>6.2f} {:>12.1f}\n", round, alone, *tps, ratios.back(),
               audited->memory_mb);
    std::fflush(stdout);
  }
  fmt::print("{:>7} {:>28.2f}\n", "median", Median(ratios));
  return {};
}

Result<void> CompareSize(Server& server, const Programs& programs, const Options& options) {
  auto filled = RunOrFail(
      {"psql", "-q", "-d", server.uri(), "-c",
       fmt::format("CREATE TABLE big AS SELECT g::bigint AS id, g % 1000 AS a, md5(g::text) AS b, "
                   "now() AS at FROM generate_series(1, {}) g",
                   options.rows),
       "-c", "ALTER TABLE big ADD PRIMARY KEY (id)", "-c", "VACUUM ANALYZE big"});
  if (!filled) return std::unexpected(std::move(filled.error()));
  fmt::print("\n{} rows of one table; audit with {}: two readings, one at the attach\n",
             options.rows, options.plugin);
  fmt::print("{:>7} {:>12} {:>10} {:>6} {:>12} {:>12}\n", "round", "pg_dump s", "audit s", "ratio",
             "auditor MB", "rows");
  std::vector<double> ratios;
  for (std::uint32_t round = 1; round <= options.rounds; ++round) {
    auto dump = RunOrFail({"sh", "-c", "pg_dump \"$0\" | wc -c", server.uri()});
    if (!dump) return std::unexpected(std::move(dump.error()));
    auto audited = Audit(server, programs, options, {"true"});
    if (!audited) return std::unexpected(std::move(audited.error()));
    ratios.push_back(audited->child.wall_s / dump->wall_s);
    fmt::print("{:>7} {:>12.1f} {:>10.1f} {:>6.2f} {:>12.1f} {:>12}\n", round, dump->wall_s,
               audited->child.wall_s, ratios.back(), audited->memory_mb,
               audited->report["rows_compared"].dump());
    std::fflush(stdout);
  }
  fmt::print("{:>7} {:>30.2f}\n", "median", Median(ratios));
  return {};
}

Result<void> Run(const Options& options) {
  auto programs = FindPrograms();
  if (!programs) return std::unexpected(std::move(programs.error()));
  auto server = Server::Start();
  if (!server) return std::unexpected(std::move(server.error()));
  if (options.rows > 0) return CompareSize(*server, *programs, options);
  return CompareWorkload(*server, *programs, options);
}

}  // namespace
}  // namespace lockstep::bench

int main(int argc, char** argv) {
  using namespace lockstep;
  bench::Options options;
  CLI::App app("What `lockstep audit` costs, beside pgbench and pg_dump.", "audit");
  app.add_option("--rounds", options.rounds)->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--seconds", options.seconds, "of pgbench in a round, each way")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--scale", options.scale, "of pgbench")->capture_default_str();
  app.add_option("--script", options.script, "of pgbench: tpcb-like, simple-update")
      ->capture_default_str();
  app.add_option("--plugin", options.plugin, "one, or all")->capture_default_str();
  app.add_option("--rows", options.rows, "instead: a table with so many rows, beside pg_dump");
  CLI11_PARSE(app, argc, argv);
  if (auto ok = bench::Run(options); !ok) {
    fmt::print(stderr, "audit: {}\n", ok.error().message);
    return static_cast<int>(model::ExitCodeOf(ok.error()));
  }
  return 0;
}
