// Where the programs of a run lie, and how each is called.
#ifndef LOCKSTEP_LAUNCHER_PROGRAMS_H_
#define LOCKSTEP_LAUNCHER_PROGRAMS_H_

#include <optional>
#include <string>
#include <vector>

#include "launcher/options.h"
#include "model/error.h"
#include "postgres/client_environment.h"

namespace lockstep::launcher {

// One process of a run.
struct ProcessPlan {
  std::string name;                    // "verifier", "listener-2": what it calls itself too
  std::vector<std::string> command;    // path of the program and its arguments
  postgres::Variables variables = {};  // beside our own ones
  friend bool operator==(const ProcessPlan&, const ProcessPlan&) = default;
};

struct Programs {
  std::string generator;
  std::string applier;
  std::string listener;
  std::string verifier;
};

// Looks for each NAME as DIR/NAME and DIR/NAME/NAME (Bazel's tree), where DIR is `bin_dir`, or when
// that is empty or unset `own_directory` and the one above it. kUsage, with where was looked.
model::Result<Programs> FindPrograms(const std::optional<std::string>& bin_dir,
                                     const std::string& own_directory);

// The same for the auditor alone.
model::Result<std::string> FindAuditor(const std::optional<std::string>& bin_dir,
                                       const std::string& own_directory);

// What the processes of one run share.
struct RunNames {
  std::string schema;  // "lockstep_<run id>"; also the name of its publication
  postgres::OpenConninfo database;
  std::string socket_directory;      // short: a socket's path has at most 107 characters
  std::string trace_directory = {};  // where listeners record their streams; empty: nowhere

  std::string slot(std::uint32_t listener) const;  // from 1
  std::string status_endpoint() const;
};

// In the order in which they are started.
std::vector<ProcessPlan> PlanProcesses(const Programs& programs, const RunNames& names,
                                       const RunOptions& options);

// "listener-2" for 2.
std::string ListenerName(std::uint32_t listener);

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_PROGRAMS_H_
