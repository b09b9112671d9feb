// What an audit makes in the database, beside the slots that its auditors make.
#ifndef LOCKSTEP_LAUNCHER_AUDIT_OBJECTS_H_
#define LOCKSTEP_LAUNCHER_AUDIT_OBJECTS_H_

#include <string>
#include <vector>

#include "launcher/audit_options.h"
#include "model/error.h"

namespace lockstep::launcher {

struct AuditNames {
  std::string name;  // "lockstep_<run id>": the publication, and the start of the slots' names
  std::string slot(const std::string& plugin) const;
};

// For people, one a line: what MakeAuditObjects and the auditors will make.
std::vector<std::string> DescribeAuditObjects(const AuditOptions& options, const AuditNames& names);

// The publication, where a plugin wants one. kUsage, with a remedy, when the user may not.
model::Result<void> MakeAuditObjects(const std::string& uri, const AuditOptions& options,
                                     const AuditNames& names);

// All of it, also what auditors that died have left: slots, publication, triggers.
model::Result<void> RemoveAuditObjects(const std::string& uri, const AuditOptions& options,
                                       const AuditNames& names);

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_AUDIT_OBJECTS_H_
