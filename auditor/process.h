// The auditor as a process: follows a database with one plugin, keeps a replica of its tables, and
// compares it with them at consistent points.
//
//   attach: slot, snapshot, COPY ─► stream ─► [Saboteur] ─► Replica
//      ▲                               │ now and then, and at the end: Checkpoint
//      └── the tables changed their form
//
// The first SIGTERM or SIGINT asks for the end: one more comparison, that of everything committed
// until then. The second leaves that out. Whatever happens, its slots are dropped.
#ifndef LOCKSTEP_AUDITOR_PROCESS_H_
#define LOCKSTEP_AUDITOR_PROCESS_H_

#include <optional>
#include <string>

#include "auditor/schedule.h"
#include "consumer/sabotage.h"
#include "model/error.h"
#include "wire/stop_signal.h"

namespace lockstep::auditor {

struct ProcessOptions {
  std::string id;               // "audit-pgoutput"
  std::string status_endpoint;  // of the launcher; empty: none
  std::string conninfo;
  std::string plugin;
  std::string slot;  // its temporary ones get "_check" behind it
  std::string schema;
  std::string publication;  // for pgoutput; exists
  std::string result_path;  // report::AuditResultJson, written anew after each comparison
  Interval checkpoint{.time = std::chrono::seconds(10)};
  bool install_triggers = false;  // see consumer::ConsumerOptions
  std::optional<consumer::SabotageKind> sabotage;
  // See consumer::ConsumerOptions. The comparison at the end has as long.
  int attach_timeout_s = 300;
  int copy_connections = 4;
};

// Runs until it is told to end and has compared. Blocks. An error is what kept it from that.
model::Result<void> RunProcess(const ProcessOptions& options, wire::StopSignal& stop);

}  // namespace lockstep::auditor

#endif  // LOCKSTEP_AUDITOR_PROCESS_H_
