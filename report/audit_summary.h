// An audit for people: every table, and what differs.
#ifndef LOCKSTEP_REPORT_AUDIT_SUMMARY_H_
#define LOCKSTEP_REPORT_AUDIT_SUMMARY_H_

#include <string>

#include "report/audit_result.h"

namespace lockstep::report {

// Several lines, the last one ended. Not for a report with an error.
std::string AuditSummaryText(const AuditReport& report);

// One line without its end: which table, what happened to it, from where to where it is not proven.
std::string AuditResyncText(const AuditResync& resync);

// One difference, in several lines: table, key, the columns that differ, who wrote them.
std::string AuditDifferenceText(const AuditDifference& difference);

}  // namespace lockstep::report

#endif  // LOCKSTEP_REPORT_AUDIT_SUMMARY_H_
