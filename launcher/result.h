// What a run came to, of what its processes said and how they ended.
#ifndef LOCKSTEP_LAUNCHER_RESULT_H_
#define LOCKSTEP_LAUNCHER_RESULT_H_

#include <string>

#include "launcher/course.h"
#include "launcher/options.h"
#include "launcher/status_board.h"
#include "report/result.h"

namespace lockstep::launcher {

// The verifier's numbers where it gave any, else those the processes reported last.
report::RunResult MakeResult(const Ending& ending, const StatusBoard& board,
                             const RunOptions& options, const std::string& postgres_version);

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_RESULT_H_
