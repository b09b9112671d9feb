// The listener as a process: follows one slot, keeps a replica, delivers to its sinks.
//
//   Join ─► verifier ─► Attach ─► slot, snapshot ─► Hello
//   stream ─► [Saboteur] ─► Replica ─► Sink ─► ... Accepted ─► confirm
//
// One poll loop over the replication socket, the verifier's and a deadline. Confirms to Postgres
// only what every sink has made durable; sends status updates also while a sink lags.
#ifndef LOCKSTEP_LISTENER_PROCESS_H_
#define LOCKSTEP_LISTENER_PROCESS_H_

#include <optional>
#include <string>

#include "model/error.h"
#include "model/sabotage_kind.h"
#include "wire/stop_signal.h"

namespace lockstep::listener {

struct ProcessOptions {
  std::string id;  // "listener-1"
  std::string verifier_endpoint;
  std::string status_endpoint;  // of the launcher; empty: none
  std::string conninfo;
  std::string plugin;
  bool install_triggers = false;  // see consumer::ConsumerOptions
  std::string slot;               // empty: made of the run's schema and the id
  std::optional<model::SabotageKind> sabotage;
  std::string health_path;  // a file that is there while it has a slot; empty: none
  std::string trace_path;   // where to record the stream (wire/trace_file.h); empty: nowhere
  // See consumer::ConsumerOptions.
  int attach_timeout_s = 300;
  int copy_connections = 4;
};

// Runs until the verdict, or until stopped; then drops its slot. Blocks.
model::Result<void> RunProcess(const ProcessOptions& options, wire::StopSignal& stop);

}  // namespace lockstep::listener

#endif  // LOCKSTEP_LISTENER_PROCESS_H_
