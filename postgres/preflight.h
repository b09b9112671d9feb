// What must be true of a server before a listener or a run can use it: what `doctor` prints and
// every listener checks. Tables are in postgres/table_preflight.h.
#ifndef LOCKSTEP_POSTGRES_PREFLIGHT_H_
#define LOCKSTEP_POSTGRES_PREFLIGHT_H_

#include <optional>
#include <string>
#include <vector>

#include "model/output_plugin.h"
#include "postgres/connection.h"
#include "postgres/finding.h"

namespace lockstep::postgres {

struct PreflightOptions {
  std::string plugin = "pgoutput";  // of model::OutputPlugins(), or another one's library
  int slots = 1;                    // how many more slots (and as many walsenders) are wanted
  bool commit_order =
      false;  // whether pg_walinspect is looked for (it is created where that is allowed)
};

// All findings, good ones included: "connection", those of CheckServer, that of CheckPlugin,
// "commit order"; after one that forbids the following checks (no connection) it ends. The plugin
// is tried on a temporary slot, which is gone at the return. Blocks: some seconds at most when the
// server answers.
std::vector<Finding> Preflight(const std::string& conninfo, const PreflightOptions& options = {});

// A check whose findings say what an attach would wait for until somebody acts.
inline constexpr const char* kPreparedTransaction = "prepared transaction";

// Whatever the plugin is.
struct ServerCheck {
  // In this order: "version", "wal_level", "slots", "senders", "encoding", "WAL limit", one "idle
  // slot" for each slot that nobody reads, one kPreparedTransaction for each, "replication right".
  std::vector<Finding> findings;
  // For CheckPlugin; none when the server has no slot to give or the user may not replicate.
  std::optional<Connection> replication = {};
};

// `sql` is connected to `conninfo`, which is connected to once more, for replication.
ServerCheck CheckServer(Connection& sql, const std::string& conninfo, int slots);

struct PluginCheck {
  Finding finding;  // "plugin"
  // The library is there, and the server allows it.
  bool usable = false;
  model::PluginVersion version = {};
};

// Tries a plugin on a temporary slot, which is gone at the return. A transaction that is open keeps
// the slot from being made, but not the plugin from being tried: a warning.
PluginCheck CheckPlugin(Connection& replication, const std::string& plugin);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_PREFLIGHT_H_
