// What of each table a listener would not get, or not as it is: the tables in `doctor`.
//
// What a plugin cannot show is said by model::LossesOf; here it is held against the columns and
// settings of real tables.
#ifndef LOCKSTEP_POSTGRES_TABLE_PREFLIGHT_H_
#define LOCKSTEP_POSTGRES_TABLE_PREFLIGHT_H_

#include <string>
#include <vector>

#include "model/error.h"
#include "model/output_plugin.h"
#include "postgres/connection.h"
#include "postgres/finding.h"

namespace lockstep::postgres {

// A plugin that the tables are looked at for.
struct FollowingPlugin {
  std::string name;  // of model::OutputPlugins()
  model::PluginVersion version;
};

struct TablePreflightOptions {
  std::vector<FollowingPlugin> plugins;
  std::vector<std::string> schemas = {};  // plain; empty: all but the system's
};

// Findings on every ordinary and partitioned table of the schemas, by name in byte order, as of one
// moment; before them those on schemas ("schema": it is not there, or has no tables; "truncation
// log"). A table has one or more:
//
//   check           severity
//   "identity"      ok, note (FULL), loss or error by plugin (none)
//   "key"           error (none: the listeners refuse the table)
//   "right"         error (the first rows cannot be read)
//   "row security"  loss (hides rows from the first copy)
//   "out of line"   note (TOAST)
//   "truncation"    loss, on plugins that send nothing of it, where the trigger is missing
//   "type"          note, warning, loss or error: by plugin and column
//   "generated"     loss, on plugins that leave such columns out
//   "inheritance", "partitioned"  note
//   "unlogged"      loss; the only one then
//
// Other relations (views, foreign and temporary tables) are not followed and not looked at. Begins
// a read-only transaction and ends it: `connection` must be idle. An error is the server's.
model::Result<std::vector<Finding>> CheckTables(Connection& connection,
                                                const TablePreflightOptions& options);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_TABLE_PREFLIGHT_H_
