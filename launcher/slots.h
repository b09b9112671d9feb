// `lockstep slots` and `lockstep slots prune`: the replication slots of a server, and the end of
// those that nobody will read again.
#ifndef LOCKSTEP_LAUNCHER_SLOTS_H_
#define LOCKSTEP_LAUNCHER_SLOTS_H_

#include "launcher/options.h"
#include "launcher/slot_report.h"
#include "model/error.h"

namespace lockstep::launcher {

// Drops what the rule names (Decide), unless it is a dry run. A slot that somebody began to read
// after it was looked at is kept. When the connection breaks, it tells what was done until then.
// Errors: the database cannot be reached or looked at.
model::Result<Pruning> Prune(const PruneOptions& options);

// Print, and return the exit code: kConverged, kUsage (an option, a right, a slot that could not be
// dropped), kEnvironment (the database cannot be reached, or no longer).
model::ExitCode PrintSlots(const SlotsOptions& options);
model::ExitCode PrintPruning(const PruneOptions& options);

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_SLOTS_H_
