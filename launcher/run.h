// `lockstep run`: one run from its first check to its report.
#ifndef LOCKSTEP_LAUNCHER_RUN_H_
#define LOCKSTEP_LAUNCHER_RUN_H_

#include "launcher/options.h"
#include "model/error.h"
#include "wire/stop_signal.h"

namespace lockstep::launcher {

// Writes the summary to standard output, what happens meanwhile and errors to standard error, and
// the report to its file, whatever becomes of the run. Nothing that it made is left behind but what
// was asked for, and the logs of a process that crashed.
model::ExitCode Run(const RunOptions& options, wire::StopSignal& stop);

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_RUN_H_
