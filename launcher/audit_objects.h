// What the auditors of an audit make in the database.
#ifndef LOCKSTEP_LAUNCHER_AUDIT_OBJECTS_H_
#define LOCKSTEP_LAUNCHER_AUDIT_OBJECTS_H_

#include <string>
#include <vector>

#include "launcher/audit_options.h"
#include "model/error.h"
#include "postgres/connection.h"

namespace lockstep::launcher {

struct AuditNames {
  std::string name;  // "lockstep_<run id>": all other names begin with it
  // The slot of an auditor, and its publications.
  std::string slot(const std::string& plugin) const;
  // Schemas of the logs that --install-triggers makes.
  std::string truncation_log() const;
  std::string ddl_log() const;
};

// For people, one a line: what the auditors will make.
std::vector<std::string> DescribeAuditObjects(const AuditOptions& options, const AuditNames& names);

// What --install-triggers would do that cannot be done safely here (kUsage).
model::Result<void> CheckTriggers(postgres::Connection& connection, const AuditOptions& options);

// What auditors that died have left, slots and publications; and, where the options had them made,
// the logs with their triggers.
model::Result<void> RemoveAuditObjects(const std::string& uri, const AuditOptions& options,
                                       const AuditNames& names);

// What one auditor that ended early may have left while others go on: a slot keeps WAL.
model::Result<void> RemoveAuditorObjects(const std::string& uri, const AuditOptions& options,
                                         const std::string& slot);

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_AUDIT_OBJECTS_H_
