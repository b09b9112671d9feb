// The verifier as a process: the one endpoint that everybody connects to, the WAL, the snapshots,
// and the verdict.
#ifndef LOCKSTEP_VERIFIER_PROCESS_H_
#define LOCKSTEP_VERIFIER_PROCESS_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

#include "model/error.h"
#include "model/verdict.h"
#include "wire/credit.h"
#include "wire/stop_signal.h"

namespace lockstep::verifier {

struct ProcessOptions {
  std::string listen_endpoint;
  std::string status_endpoint;  // of the launcher; empty: none
  std::string conninfo;
  std::size_t listeners = 1;  // wait for so many before the first transaction
  std::chrono::seconds stall_timeout{60};
  // A listener that owes reports and is silent for so long is lost. Longer than somebody pauses one
  // for, and than a large transaction takes.
  std::chrono::seconds listener_timeout{180};
  // What may lie between "sent" and "judged". More than sessions skew, less than hurts in memory.
  wire::CreditWindow window{.scripts = 4'096, .bytes = std::uint64_t{32} << 20};
  // Called with what RunProcess will return before anybody else hears of it and leaves, unless it
  // fails before it listens. Empty: nothing.
  std::function<void(const model::Result<model::Verdict>&)> on_end;
};

// Runs until there is a verdict, and sends it to everybody. Stopped by a signal, it has the
// generator end and gives the verdict over what was done; by a second one, it ends without. Blocks.
model::Result<model::Verdict> RunProcess(const ProcessOptions& options, wire::StopSignal& stop);

}  // namespace lockstep::verifier

#endif  // LOCKSTEP_VERIFIER_PROCESS_H_
