// The auditor as a process: follows a database with one plugin, keeps a replica of its tables, and
// compares it with them at consistent points.
//
//   attach: slot, snapshot, COPY ─► stream ─► [Saboteur] ─► Replica
//                                      ▲          │ now and then, and at the end: Checkpoint
//                                      └──────────┴── which copies the tables that changed their
//                                                     form, or were rewritten
//
// The first SIGTERM or SIGINT asks for the end: one more comparison, that of everything committed
// until then. The second leaves that out. Whatever happens, its slots are dropped.
#ifndef LOCKSTEP_AUDITOR_PROCESS_H_
#define LOCKSTEP_AUDITOR_PROCESS_H_

#include "auditor/process_options.h"
#include "model/error.h"
#include "wire/stop_signal.h"

namespace lockstep::auditor {

// Runs until it is told to end and has compared. Blocks. An error is what kept it from that.
model::Result<void> RunProcess(const ProcessOptions& options, wire::StopSignal& stop);

}  // namespace lockstep::auditor

#endif  // LOCKSTEP_AUDITOR_PROCESS_H_
