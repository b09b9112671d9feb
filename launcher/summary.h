// The end of a run as people read it: a short table, the verdict, and what differs.
#ifndef LOCKSTEP_LAUNCHER_SUMMARY_H_
#define LOCKSTEP_LAUNCHER_SUMMARY_H_

#include <string>

#include "launcher/result.h"

namespace lockstep::launcher {

// Only for a result with a verdict. Ends with a newline.
std::string SummaryText(const RunResult& result);

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_SUMMARY_H_
