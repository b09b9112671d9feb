// `lockstep doctor`: what a database needs before it can be followed, and what would be lost.
#ifndef LOCKSTEP_LAUNCHER_DOCTOR_H_
#define LOCKSTEP_LAUNCHER_DOCTOR_H_

#include "launcher/diagnosis.h"
#include "launcher/options.h"
#include "model/error.h"

namespace lockstep::launcher {

// Looks and changes nothing, but for a temporary slot for each plugin that is tried. Without
// options.plugin a plugin that cannot be used is only noted. Errors: the database cannot be
// reached, or refuses the user (Connection::Open).
model::Result<Diagnosis> Diagnose(const DoctorOptions& options);

// The diagnosis on standard output, an error on standard error. Exit: 0, 1, or 4 when the database
// cannot be reached.
model::ExitCode Doctor(const DoctorOptions& options);

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_DOCTOR_H_
