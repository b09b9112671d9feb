// The generator as a process: sends the workload to the applier and the verifier, as far as credit
// lasts.
//
//   CatalogMade ─► verifier ... Credit ─► scripts and barriers ─► both ... End ─► both ... Verdict
//   ─► done
#ifndef LOCKSTEP_GENERATOR_PROCESS_H_
#define LOCKSTEP_GENERATOR_PROCESS_H_

#include <string>

#include "generator/workload.h"
#include "model/error.h"
#include "wire/stop_signal.h"

namespace lockstep::generator {

struct ProcessOptions {
  WorkloadOptions workload;
  std::string verifier_endpoint;
  std::string applier_endpoint;
  std::string status_endpoint;  // of the launcher; empty: none
};

// Runs until the verdict. Stopped by a signal, it ends the workload in order, with the last
// barrier, and returns when all has arrived; at once by a second one. Blocks.
model::Result<void> RunProcess(const ProcessOptions& options, wire::StopSignal& stop);

}  // namespace lockstep::generator

#endif  // LOCKSTEP_GENERATOR_PROCESS_H_
