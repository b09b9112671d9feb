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
};

// For people, one a line: what the auditors will make.
std::vector<std::string> DescribeAuditObjects(const AuditOptions& options, const AuditNames& names);

// Schemas in which TRUNCATE is made visible already: they stay as they are.
model::Result<std::vector<std::string>> ReadTriggerSchemas(postgres::Connection& connection);

// What auditors that died have left, slots and publications; and, where the options had them made,
// the triggers that make TRUNCATE visible, but for those of the schemas in `kept`, and with
// `has_ddl_log` the log of schema changes.
model::Result<void> RemoveAuditObjects(const std::string& uri, const AuditOptions& options,
                                       const AuditNames& names,
                                       const std::vector<std::string>& kept, bool has_ddl_log);

// What one auditor that ended early may have left while others go on: a slot keeps WAL.
model::Result<void> RemoveAuditorObjects(const std::string& uri, const AuditOptions& options,
                                         const std::string& slot);

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_AUDIT_OBJECTS_H_
