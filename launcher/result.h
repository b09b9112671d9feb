// What a run came to, for the report and for the summary.
#ifndef LOCKSTEP_LAUNCHER_RESULT_H_
#define LOCKSTEP_LAUNCHER_RESULT_H_

#include <optional>
#include <string>

#include "launcher/course.h"
#include "launcher/options.h"
#include "launcher/status_board.h"
#include "model/error.h"
#include "model/verdict.h"

namespace lockstep::launcher {

struct RunResult {
  // Set: there is no verdict; `verdict` holds what is known all the same (its kind means nothing).
  std::optional<model::Error> error;
  model::Verdict verdict;
  double elapsed_s = 0;
};

model::ExitCode ExitCodeOf(const RunResult& result);

// The verifier's numbers where it gave any, else those the processes reported last.
RunResult MakeResult(const Ending& ending, const StatusBoard& board, const RunOptions& options,
                     const std::string& postgres_version);

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_RESULT_H_
