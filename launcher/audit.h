// `lockstep audit`: a database and a workload of the user's, from the first check to the report.
#ifndef LOCKSTEP_LAUNCHER_AUDIT_H_
#define LOCKSTEP_LAUNCHER_AUDIT_H_

#include "launcher/audit_options.h"
#include "model/error.h"
#include "wire/stop_signal.h"

namespace lockstep::launcher {

// Writes the summary to standard output, what happens meanwhile and errors to standard error, and
// the report to its file, whatever becomes of the audit. What it made in the database is removed.
model::ExitCode Audit(const AuditOptions& options, wire::StopSignal& stop);

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_AUDIT_H_
