// The options of the `lockstep` command: from the command line, the environment and a file, in this
// order of precedence.
#ifndef LOCKSTEP_LAUNCHER_OPTIONS_H_
#define LOCKSTEP_LAUNCHER_OPTIONS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "launcher/audit_options.h"
#include "launcher/slot_rule.h"
#include "model/error.h"

namespace lockstep::launcher {

// Of `lockstep run`.
struct RunOptions {
  std::uint64_t seed = 42;
  std::uint64_t transactions = 2000;
  std::uint32_t sessions = 4;
  std::uint32_t listeners = 1;         // on each plugin
  std::string plugin = "decoderbufs";  // one of model::OutputPlugins(), several by commas, "all"
  std::string database = {};           // empty: a server of our own
  std::string keep = {};               // absolute; empty: keep nothing
  std::string report = {};             // absolute; empty: none
  std::string sabotage = {};           // empty: none
  bool no_truncation_triggers = false;
  std::uint64_t checkpoint = 5000;
  std::uint32_t stall_timeout_s = 60;
  std::uint32_t listener_timeout_s = 180;

  std::vector<std::string> Plugins() const;
  std::uint32_t TotalListeners() const;
  // The plugin of a listener, which are numbered from 1: by turns.
  std::string PluginOf(std::uint32_t listener) const;
  friend bool operator==(const RunOptions&, const RunOptions&) = default;
};

// Of `lockstep doctor`.
struct DoctorOptions {
  std::string database = {};              // never empty
  std::string plugin = {};                // empty: every one that the server has
  std::vector<std::string> schemas = {};  // empty: all but the system's
  bool json = false;
  friend bool operator==(const DoctorOptions&, const DoctorOptions&) = default;
};

// Of `lockstep slots`.
struct SlotsOptions {
  std::string database = {};  // never empty
  bool json = false;
  friend bool operator==(const SlotsOptions&, const SlotsOptions&) = default;
};

// Of `lockstep slots prune`.
struct PruneOptions {
  std::string database = {};  // never empty
  PruneRule rule = {};
  bool dry_run = false;
  bool json = false;
  friend bool operator==(const PruneOptions&, const PruneOptions&) = default;
};

// The user asked for help, or the like: print it and be done.
struct HelpText {
  std::string text;
  friend bool operator==(const HelpText&, const HelpText&) = default;
};

using Command =
    std::variant<HelpText, RunOptions, DoctorOptions, SlotsOptions, PruneOptions, AuditOptions>;

// The value of an environment variable; nullopt when it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// `arguments` without the program's name. Relative paths are resolved against
// $BUILD_WORKING_DIRECTORY (set by `bazel run`), else the working directory. Errors are kUsage and
// name the option, and the file or variable it came from.
model::Result<Command> ParseCommandLine(std::vector<std::string> arguments,
                                        const Environment& environment);

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_OPTIONS_H_
