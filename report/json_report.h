// The result of a run as JSON: the file that --report names. Its fields are a contract.
//
// LSNs are text ("16/B374D848"), digests 32 hex digits, counts and xids integers. A row is an
// object column -> text (null where the column is null), or null where the row is absent. What is
// not known (a digest when there is no verdict, `commit_order` when it was not settled) is null.
// `error` is there when `verdict` is null, `reason` when there is one to give, `first_divergence`
// when the verifier named one.
#ifndef LOCKSTEP_REPORT_JSON_REPORT_H_
#define LOCKSTEP_REPORT_JSON_REPORT_H_

#include <string>

#include "model/error.h"
#include "report/result.h"

namespace lockstep::report {

// One object, indented, with a newline at its end.
std::string ReportText(const RunResult& result);

// kUsage when a file of this name could not be written: to be asked before a run.
model::Result<void> CheckReportPath(const std::string& path);
// kEnvironment, with the path, when it cannot be written.
model::Result<void> WriteReport(const std::string& path, const RunResult& result);
// The same for a text that somebody else made.
model::Result<void> WriteReport(const std::string& path, const std::string& text);

}  // namespace lockstep::report

#endif  // LOCKSTEP_REPORT_JSON_REPORT_H_
