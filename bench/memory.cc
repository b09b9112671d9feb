// Memory of the processes of `lockstep run` against the number of transactions.
//
// What is kept should follow the rows alive and the credit window, not the transactions that went
// through. The exit code does not depend on the numbers.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/lockstep_run.h"
#include "bench/server.h"
#include "model/error.h"

namespace lockstep::bench {
namespace {

using model::Result;

const std::vector<std::string> kProcesses = {"generator", "applier", "verifier", "listener"};

double Megabytes(const LockstepRun& run, const std::string& process) {
  const auto found = run.processes.find(process);
  return found == run.processes.end() ? 0 : static_cast<double>(found->second.rss_max_kb) / 1024;
}

void PrintHead() {
  fmt::print("{:>12} {:>10} {:>9}", "transactions", "rows alive", "seconds");
  for (const std::string& process : kProcesses) fmt::print(" {:>10}", process);
  fmt::print("\n");
}

void PrintRun(const LockstepRun& run) {
  fmt::print("{:>12} {:>10} {:>9.1f}", run.generated, run.rows_alive_last, run.elapsed_s);
  for (const std::string& process : kProcesses) {
    fmt::print(" {:>7.1f} MB", Megabytes(run, process));
  }
  fmt::print("\n");
  std::fflush(stdout);
}

// The last run against the first.
void PrintGrowth(const LockstepRun& first, const LockstepRun& last) {
  const auto ratio = [](std::uint64_t before, std::uint64_t after) {
    return before == 0 ? 0 : static_cast<double>(after) / static_cast<double>(before);
  };
  fmt::print("{:>11.1f}x {:>9.1f}x {:>8.1f}x", ratio(first.generated, last.generated),
             ratio(first.rows_alive_last, last.rows_alive_last), last.elapsed_s / first.elapsed_s);
  for (const std::string& process : kProcesses) {
    fmt::print(" {:>9.2f}x", Megabytes(last, process) / Megabytes(first, process));
  }
  fmt::print("\n");
}

Result<void> Run(const std::vector<std::uint64_t>& sizes) {
  auto programs = FindPrograms();
  if (!programs) return std::unexpected(std::move(programs.error()));
  auto server = Server::Start();
  if (!server) return std::unexpected(std::move(server.error()));
  fmt::print(
      "The most memory (VmHWM) of each process; rows alive as the server's statistics "
      "have them, near the end\n");
  PrintHead();
  std::vector<LockstepRun> runs;
  for (const std::uint64_t transactions : sizes) {
    auto run = RunLockstep(*server, *programs, {.transactions = transactions});
    if (!run) return std::unexpected(std::move(run.error()));
    PrintRun(*run);
    runs.push_back(std::move(*run));
  }
  if (runs.size() > 1) PrintGrowth(runs.front(), runs.back());
  return {};
}

}  // namespace
}  // namespace lockstep::bench

int main(int argc, char** argv) {
  using namespace lockstep;
  std::vector<std::uint64_t> sizes = {20'000, 60'000, 200'000};
  CLI::App app("Shows how the memory of Lockstep's processes follows the number of transactions.",
               "memory");
  app.add_option("--transactions", sizes, "one run for each of these numbers")
      ->check(CLI::Range(1, 1'000'000'000))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(model::ExitCode::kUsage);
  }
  const auto result = bench::Run(sizes);
  if (result) return 0;
  fmt::print(stderr, "memory: {}\n", result.error().message);
  return static_cast<int>(model::ExitCodeOf(result.error()));
}
