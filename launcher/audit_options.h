// The options of `lockstep audit`.
#ifndef LOCKSTEP_LAUNCHER_AUDIT_OPTIONS_H_
#define LOCKSTEP_LAUNCHER_AUDIT_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "model/error.h"

namespace lockstep::launcher {

struct AuditOptions {
  std::string database = {};        // empty: a server of our own
  bool embedded = false;            // the same, said
  std::string plugin = "pgoutput";  // one of model::OutputPlugins(), several by commas, "all"
  // Patterns, as postgres::TableScope::Matching; empty: all.
  std::string schemas = {};
  std::string tables = {};
  std::string excluded = {};       // patterns, of the name or of schema.name
  std::string publication = {};    // the user's own, for pgoutput; empty: the auditors make some
  std::string checkpoint = "10s";  // or a number of commits
  std::string report = {};         // absolute; empty: none
  std::string keep = {};           // absolute; empty: keep nothing
  std::string sabotage = {};       // empty: none
  bool install_triggers = false;
  bool watch = false;
  // What else than converging the audit has to do, to exit with 0.
  bool strict = false;                    // judge every table, and every one from the start on
  bool require_command_success = false;   // see the command exit with 0
  std::vector<std::string> command = {};  // empty: --watch

  std::vector<std::string> Plugins() const;
  friend bool operator==(const AuditOptions&, const AuditOptions&) = default;
};

// What stands behind "--" is the command: it is taken out of the arguments, before they are parsed.
std::vector<std::string> TakeAuditedCommand(std::vector<std::string>& arguments);

CLI::App* AddAudit(CLI::App& app, AuditOptions& options);

// kUsage when the options contradict each other.
model::Result<void> CheckAudit(const AuditOptions& options);

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_AUDIT_OPTIONS_H_
