// An audit as JSON: what each auditor leaves for the launcher, and what --report writes.
#ifndef LOCKSTEP_REPORT_AUDIT_JSON_H_
#define LOCKSTEP_REPORT_AUDIT_JSON_H_

#include <string>
#include <string_view>

#include "model/error.h"
#include "report/audit_result.h"

namespace lockstep::report {

// One auditor's result, all of it: ParseAuditResult gives it back. Bytes that are not UTF-8 are
// escaped (report/shown_text.h), here and in the report.
std::string AuditResultJson(const AuditResult& result);
// kMalformed when the text is not what AuditResultJson writes.
model::Result<AuditResult> ParseAuditResult(std::string_view text);

// The report. Its fields are a contract: see docs/operations.md.
std::string AuditReportJson(const AuditReport& report);

}  // namespace lockstep::report

#endif  // LOCKSTEP_REPORT_AUDIT_JSON_H_
