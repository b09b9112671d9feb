// The end of a run as people read it: a short table, the verdict, and what differs.
#ifndef LOCKSTEP_REPORT_SUMMARY_H_
#define LOCKSTEP_REPORT_SUMMARY_H_

#include <string>

#include "report/result.h"

namespace lockstep::report {

// Only for a result with a verdict. Ends with a newline.
std::string SummaryText(const RunResult& result);

}  // namespace lockstep::report

#endif  // LOCKSTEP_REPORT_SUMMARY_H_
