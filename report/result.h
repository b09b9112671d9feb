// What a run came to, for the report and for the summary.
#ifndef LOCKSTEP_REPORT_RESULT_H_
#define LOCKSTEP_REPORT_RESULT_H_

#include <optional>

#include "model/error.h"
#include "model/verdict.h"

namespace lockstep::report {

struct RunResult {
  // Set: there is no verdict; `verdict` holds what is known all the same (its kind means nothing).
  std::optional<model::Error> error;
  model::Verdict verdict;
  double elapsed_s = 0;
};

model::ExitCode ExitCodeOf(const RunResult& result);

}  // namespace lockstep::report

#endif  // LOCKSTEP_REPORT_RESULT_H_
