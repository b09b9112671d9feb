// What the auditors of an audit make in the database.
#ifndef LOCKSTEP_LAUNCHER_AUDIT_OBJECTS_H_
#define LOCKSTEP_LAUNCHER_AUDIT_OBJECTS_H_

#include <string>
#include <vector>

#include "launcher/audit_options.h"
#include "model/error.h"

namespace lockstep::launcher {

struct AuditNames {
  std::string name;  // "lockstep_<run id>": all other names begin with it
  // The slot of an auditor, and its publications.
  std::string slot(const std::string& plugin) const;
};

// For people, one a line: what the auditors will make.
std::vector<std::string> DescribeAuditObjects(const AuditOptions& options, const AuditNames& names);

// What auditors that died have left, slots and publications; and all triggers that make TRUNCATE
// visible, where the options had them made.
model::Result<void> RemoveAuditObjects(const std::string& uri, const AuditOptions& options,
                                       const AuditNames& names);

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_AUDIT_OBJECTS_H_
