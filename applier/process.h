// The applier as a process: prepares the schema, executes scripts on its sessions, reports
// outcomes.
//
//   generator ── Script, Barrier, End ──► [queue per session] ──► Session 1..W ──► Outcome ──►
//   verifier
//
// A session's scripts stay in order. At a barrier every session drains; they go on when the
// verifier has its snapshot.
#ifndef LOCKSTEP_APPLIER_PROCESS_H_
#define LOCKSTEP_APPLIER_PROCESS_H_

#include <string>

#include "model/error.h"
#include "wire/stop_signal.h"

namespace lockstep::applier {

struct ProcessOptions {
  std::string listen_endpoint;  // for the generator
  std::string verifier_endpoint;
  std::string status_endpoint;  // of the launcher; empty: none
  std::string conninfo;
  bool bracket_commits = false;     // also when the verifier does not ask for it
  bool truncation_triggers = true;  // on the run's tables
};

// Runs until the verdict, or until stopped; then drops what it created. Blocks.
model::Result<void> RunProcess(const ProcessOptions& options, wire::StopSignal& stop);

}  // namespace lockstep::applier

#endif  // LOCKSTEP_APPLIER_PROCESS_H_
