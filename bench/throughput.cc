// Throughput of `lockstep run` beside pgbench, on one server, in turns.
//
//   round:  pgbench   lockstep run, small   pgbench   lockstep run, large   pgbench
//                     n1 in t1                        n2 in t2
//
// Machines are noisy, so only the ratio inside a round counts, and the median of rounds. Two sizes
// tell the fixed cost of a run from the cost of a transaction: (n2 - n1) / (t2 - t1). What others
// on the machine do changes times, but hardly CPU seconds: the ratio of CPU per transaction, server
// included, says what times would on a machine of our own. The exit code does not depend on speed.
#include <fmt/format.h>
#include <sys/utsname.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "bench/child.h"
#include "bench/lockstep_run.h"
#include "bench/median.h"
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
  std::uint64_t transactions = 40'000;
  std::uint64_t small = 10'000;
  std::uint32_t scale = 10;
};

struct Round {
  double pgbench_transactions = 0;
  double pgbench_s = 0;
  double pgbench_cpu_s = 0;  // its own
  double pgbench_server_cpu_s = 0;
  LockstepRun small;
  LockstepRun large;

  double PgbenchRate() const { return pgbench_transactions / pgbench_s; }
  double RatioByCpu() const {
    const double pgbench = (pgbench_cpu_s + pgbench_server_cpu_s) / pgbench_transactions;
    return pgbench / (large.cpu_s + large.server_cpu_s) * static_cast<double>(large.generated);
  }

  // Transactions a second between the two sizes: without start and end.
  double SteadyRate() const {
    return static_cast<double>(large.generated - small.generated) /
           (large.elapsed_s - small.elapsed_s);
  }
};

template <typename Number>
double MedianOf(const std::vector<Round>& rounds, Number number) {
  std::vector<double> values;
  for (const Round& round : rounds) values.push_back(number(round));
  return Median(std::move(values));
}

Result<void> FillPgbench(const Server& server, const Options& options) {
  auto child = RunChild({"pgbench", "-i", "-q", "-s", fmt::to_string(options.scale), server.uri()});
  if (!child) return std::unexpected(std::move(child.error()));
  if (child->exit_code == 0) return {};
  return Fail(ErrorKind::kEnvironment, "pgbench -i failed: " + child->output);
}

// A third of the round's seconds of pgbench, added to `round`.
Result<void> RunPgbench(const Server& server, const Options& options, Round& round) {
  const std::uint32_t seconds = std::max(1u, options.seconds / 3);
  const double before_s = server.CpuSeconds();
  auto child = RunChild({"pgbench", "-M", "prepared", "-c", "4", "-j", "2", "-T",
                         fmt::to_string(seconds), server.uri()});
  if (!child) return std::unexpected(std::move(child.error()));
  const std::string start = "tps = ";
  const auto at = child->output.find(start);
  if (child->exit_code != 0 || at == std::string::npos) {
    return Fail(ErrorKind::kEnvironment, "pgbench failed: " + child->output);
  }
  round.pgbench_transactions +=
      seconds * std::strtod(child->output.c_str() + at + start.size(), nullptr);
  round.pgbench_s += seconds;
  round.pgbench_cpu_s += child->cpu_s;
  round.pgbench_server_cpu_s += server.CpuSeconds() - before_s;
  return {};
}

Result<Round> RunRound(Server& server, const Programs& programs, const Options& options) {
  Round round;
  if (auto ok = RunPgbench(server, options, round); !ok) return std::unexpected(ok.error());
  auto small = RunLockstep(server, programs, {.transactions = options.small});
  if (!small) return std::unexpected(std::move(small.error()));
  round.small = std::move(*small);
  if (auto ok = RunPgbench(server, options, round); !ok) return std::unexpected(ok.error());
  auto large = RunLockstep(server, programs, {.transactions = options.transactions});
  if (!large) return std::unexpected(std::move(large.error()));
  round.large = std::move(*large);
  if (auto ok = RunPgbench(server, options, round); !ok) return std::unexpected(ok.error());
  return round;
}

void PrintHead(const std::string& version, const Options& options) {
  utsname machine = {};
  uname(&machine);
  fmt::print("PostgreSQL {}, {} {}, {} cores\n", version, machine.sysname, machine.release,
             std::thread::hardware_concurrency());
  fmt::print("pgbench: tpcb, -s {} -M prepared -c 4 -j 2 -T {}, no slot\n", options.scale,
             options.seconds);
  fmt::print("lockstep run: --sessions 4 --listeners 1, {} and {} transactions\n\n", options.small,
             options.transactions);
  fmt::print("{:>7} {:>11} {:>14} {:>6} {:>13} {:>6} {:>8} {:>13}\n", "round", "pgbench tps",
             "to the verdict", "ratio", "without fixed", "ratio", "fixed s", "ratio by CPU");
}

// Seconds of a run that do not grow with it.
double FixedSeconds(const Round& round) {
  return round.large.elapsed_s - static_cast<double>(round.large.generated) / round.SteadyRate();
}

// Each column is the median by itself: a ratio is the median of ratios.
void PrintRow(const std::string& name, const std::vector<Round>& rounds) {
  const auto rate = [](const Round& round) { return round.large.TransactionsPerSecond(); };
  const auto steady = [](const Round& round) { return round.SteadyRate(); };
  fmt::print(
      "{:>7} {:>11.0f} {:>14.0f} {:>6.2f} {:>13.0f} {:>6.2f} {:>8.1f} {:>13.2f}\n", name,
      MedianOf(rounds, [](const Round& round) { return round.PgbenchRate(); }),
      MedianOf(rounds, rate),
      MedianOf(rounds, [&](const Round& round) { return rate(round) / round.PgbenchRate(); }),
      MedianOf(rounds, steady),
      MedianOf(rounds, [&](const Round& round) { return steady(round) / round.PgbenchRate(); }),
      MedianOf(rounds, FixedSeconds),
      MedianOf(rounds, [](const Round& round) { return round.RatioByCpu(); }));
  std::fflush(stdout);
}

// One line of the table of CPU seconds: medians over the rounds.
template <typename Number>
void PrintCpu(const std::vector<Round>& rounds, const std::string& name, Number number) {
  const double cpu_s = MedianOf(rounds, number);
  const auto transactions = static_cast<double>(rounds.front().large.generated);
  fmt::print("{:<34} {:>8.2f} {:>15.1f}\n", name, cpu_s, cpu_s / transactions * 1e6);
}

template <typename Map>
double ValueOr0(const Map& map, const std::string& key) {
  const auto found = map.find(key);
  return found == map.end() ? 0 : found->second;
}

void PrintCpuTable(const std::vector<Round>& rounds) {
  fmt::print("\nCPU of the run with {} transactions, medians\n", rounds.front().large.generated);
  fmt::print("{:<34} {:>8} {:>15}\n", "process", "seconds", "us/transaction");
  PrintCpu(rounds, "lockstep, five programs", [](const Round& round) { return round.large.cpu_s; });
  for (const auto& [name, use] : rounds.front().large.processes) {
    PrintCpu(rounds, "  " + name, [&process = name](const Round& round) {
      const auto found = round.large.processes.find(process);
      return found == round.large.processes.end() ? 0 : found->second.cpu_s;
    });
  }
  PrintCpu(rounds, "postgres", [](const Round& round) { return round.large.server_cpu_s; });
  for (const auto& [name, seconds] : rounds.front().large.server_by_client_s) {
    PrintCpu(rounds, "  " + name, [&client = name](const Round& round) {
      return ValueOr0(round.large.server_by_client_s, client);
    });
  }
  const auto print_pgbench = [&](const std::string& name, double Round::*cpu_s) {
    const double per_transaction_s = MedianOf(
        rounds, [&](const Round& round) { return round.*cpu_s / round.pgbench_transactions; });
    fmt::print("{:<34} {:>8} {:>15.1f}\n", name, "", per_transaction_s * 1e6);
  };
  print_pgbench("pgbench", &Round::pgbench_cpu_s);
  print_pgbench("postgres under pgbench", &Round::pgbench_server_cpu_s);
  const LockstepRun& run = rounds.front().large;
  fmt::print("\nchanges per commit: lockstep {:.1f}, pgbench 4; committed: {} of {}\n",
             static_cast<double>(run.changes) / static_cast<double>(run.committed), run.committed,
             run.generated);
}

Result<void> Run(const Options& options) {
  auto programs = FindPrograms();
  if (!programs) return std::unexpected(std::move(programs.error()));
  auto server = Server::Start();
  if (!server) return std::unexpected(std::move(server.error()));
  auto version = server->Version();
  if (!version) return std::unexpected(std::move(version.error()));
  if (auto ok = FillPgbench(*server, options); !ok) return ok;
  PrintHead(*version, options);
  std::vector<Round> rounds;
  for (std::uint32_t number = 1; number <= options.rounds; ++number) {
    auto round = RunRound(*server, *programs, options);
    if (!round) return std::unexpected(std::move(round.error()));
    PrintRow(fmt::to_string(number), {*round});
    rounds.push_back(std::move(*round));
  }
  PrintRow("median", rounds);
  PrintCpuTable(rounds);
  return {};
}

}  // namespace
}  // namespace lockstep::bench

int main(int argc, char** argv) {
  using namespace lockstep;
  bench::Options options;
  CLI::App app(
      "Compares `lockstep run`, from start to verdict, with pgbench on the same server, in turns.",
      "throughput");
  app.add_option("--rounds", options.rounds, "how often; medians are over these")
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "of pgbench in each round, in three parts")
      ->check(CLI::Range(3, 3'600))
      ->capture_default_str();
  app.add_option("--transactions", options.transactions, "of the large run of each round")
      ->capture_default_str();
  app.add_option("--small", options.small, "transactions of the small run: what both cost is fixed")
      ->check(CLI::Range(1, 1'000'000'000))
      ->capture_default_str();
  app.add_option("--scale", options.scale, "pgbench's -s: 100,000 accounts each")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
    if (options.transactions <= options.small) {
      throw CLI::ValidationError("--transactions", "must be more than --small");
    }
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(model::ExitCode::kUsage);
  }
  const auto result = bench::Run(options);
  if (result) return 0;
  fmt::print(stderr, "throughput: {}\n", result.error().message);
  return static_cast<int>(model::ExitCodeOf(result.error()));
}
