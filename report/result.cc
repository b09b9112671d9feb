#include "report/result.h"

namespace lockstep::report {

model::ExitCode ExitCodeOf(const RunResult& result) {
  return result.error ? model::ExitCodeOf(*result.error) : model::ExitCodeOf(result.verdict.kind);
}

}  // namespace lockstep::report
