// One `lockstep run` on a benchmark's server, measured from outside.
#ifndef LOCKSTEP_BENCH_LOCKSTEP_RUN_H_
#define LOCKSTEP_BENCH_LOCKSTEP_RUN_H_

#include <cstdint>
#include <map>
#include <string>

#include "bench/server.h"
#include "model/error.h"

namespace lockstep::bench {

// Where the programs are: `lockstep`, which finds the other four itself.
struct Programs {
  std::string lockstep;
};

// $LOCKSTEP_BIN_DIR, else the Bazel tree that holds this program. kUsage when it is not there.
model::Result<Programs> FindPrograms();

struct RunSettings {
  std::uint64_t transactions = 0;
  std::uint64_t seed = 42;
  std::uint32_t sessions = 4;
  std::uint32_t listeners = 1;
};

struct ProcessUse {
  double cpu_s = 0;
  std::uint64_t rss_max_kb = 0;
};

struct LockstepRun {
  std::string verdict;
  double elapsed_s = 0;  // the report's: from start to verdict and end
  std::uint64_t generated = 0;
  std::uint64_t committed = 0;
  std::uint64_t changes = 0;         // that the first listener received
  std::uint64_t rows_alive_max = 0;  // at any time, roughly (Server::RowsAlive)
  std::uint64_t rows_alive_last = 0;
  double cpu_s = 0;  // of the five programs
  double server_cpu_s = 0;
  std::map<std::string, ProcessUse> processes;       // "verifier" -> ...
  std::map<std::string, double> server_by_client_s;  // as Server::TakeCpuByClient

  double TransactionsPerSecond() const { return static_cast<double>(generated) / elapsed_s; }
};

// Runs to the end. A run that did not converge is an error (kEnvironment) with its output: a number
// of it would mean nothing.
model::Result<LockstepRun> RunLockstep(Server& server, const Programs& programs,
                                       const RunSettings& settings);

}  // namespace lockstep::bench

#endif  // LOCKSTEP_BENCH_LOCKSTEP_RUN_H_
