// What must be true of a server before a listener or a run can use it: what `doctor` prints and
// every listener checks.
#ifndef LOCKSTEP_POSTGRES_PREFLIGHT_H_
#define LOCKSTEP_POSTGRES_PREFLIGHT_H_

#include <string>
#include <vector>

#include "postgres/connection.h"

namespace lockstep::postgres {

struct PreflightOptions {
  std::string plugin = "pgoutput";
  int slots = 1;  // how many more slots (and as many walsenders) are wanted
  bool commit_order =
      false;  // whether pg_walinspect is looked for (it is created where that is allowed)
};

enum class Severity {
  kOk,
  kWarning,  // works, but less well
  kError,    // does not work
};

struct Finding {
  Severity severity = Severity::kOk;
  std::string check;  // "connection", "version", "wal_level", "slots", "senders", "replication
                      // right", "plugin", "commit order"
  std::string text;   // what was found; where it is not good, with what to do
};

// All findings, in this order, good ones included; after one that forbids the following checks (no
// connection) it ends. The plugin is tried on a temporary slot, which is gone at the return.
// Blocks: some seconds at most when the server answers.
std::vector<Finding> Preflight(const std::string& conninfo, const PreflightOptions& options = {});

bool HasError(const std::vector<Finding>& findings);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_PREFLIGHT_H_
