// The real `lockstep` program with its real children, in the words of its user:
//
//   Run({.seed = 7, .transactions = 2000, .listeners = 3}).Converges()
#ifndef LOCKSTEP_TESTS_INTEGRATION_LOCKSTEP_RUN_H_
#define LOCKSTEP_TESTS_INTEGRATION_LOCKSTEP_RUN_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "launcher/process.h"
#include "tests/integration/footprint.h"

namespace lockstep::integration {

using Json = nlohmann::json;

// Of `lockstep run`; what is not given is left to its default.
struct Plan {
  std::uint64_t seed = 42;
  std::uint64_t transactions = 300;
  std::uint32_t sessions = 4;
  std::uint32_t listeners = 1;
  std::uint64_t checkpoint = 1000;
  std::uint32_t stall_timeout_s = 60;
  std::uint32_t listener_timeout_s = 0;  // 0: as it is by default
  std::string plugin = {};
  std::string database = {};  // empty: a server of the run's own
  std::string sabotage = {};
  bool truncation_triggers = true;
  std::string listener_program = {};  // in the place of the real one
  bool keep = false;                  // logs, for Log(), and the server
};

// A run that has ended.
struct Ended {
  int exit_code = 0;   // negative: of the signal that ended it
  std::string output;  // what it printed
  Json report;         // null when it wrote none
  // Processes, and directories under /tmp, that are still there.
  std::vector<std::string> left_behind;

  std::string verdict() const;
  std::string reason() const;
  std::string error() const;
  const Json& divergence() const { return report.at("first_divergence"); }

  // Expectations; each also that nothing is left behind.
  void Converges() const;
  void IsInconclusive() const;
  void Fails(int code, const std::string& with_error) const;
  void LeavesNothing() const;
};

// A run under way. Killed, when it is destroyed before its end.
class LockstepRun {
 public:
  // `directory`: for report, output and what is kept; exists, and is new to every run.
  LockstepRun(const Plan& plan, const std::string& directory);

  // "lockstep_1a2b3c4d": its schema, its publication, and the start of its slots' names.
  std::string schema() const;
  // Of "applier", "listener-2", ...; waits until it has been started.
  pid_t Find(const std::string& process) const;
  void Signal(const std::string& process, int number) const;
  // Returns when it is stopped (SIGSTOP) in fact.
  void Freeze(const std::string& process) const;
  void Thaw(const std::string& process) const;
  // Starts one more listener beside those of the launcher, which knows nothing of it: as
  // listener-1, with another id. Again under an id that was used: the one of before has ended.
  void Join(const std::string& listener);
  // What it has logged, all its lives together.
  std::string JoinedLog(const std::string& listener) const;
  // To the launcher, as Ctrl-C does.
  void SignalLauncher(int number) { launcher_->Signal(number); }
  std::string output() const;
  // What a process has logged so far; of a run that keeps its logs.
  std::string Log(const std::string& process) const;

  Ended End();

 private:
  std::string directory_;
  Footprint footprint_;
  std::optional<launcher::Process> launcher_;
  std::map<std::string, launcher::Process> joined_;
  std::map<std::string, int> lives_;
};

}  // namespace lockstep::integration

#endif  // LOCKSTEP_TESTS_INTEGRATION_LOCKSTEP_RUN_H_
