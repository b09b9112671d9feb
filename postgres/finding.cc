#include "postgres/finding.h"

#include <algorithm>

namespace lockstep::postgres {

std::string_view ToString(Severity severity) {
  switch (severity) {
    case Severity::kOk:
      return "ok";
    case Severity::kNote:
      return "note";
    case Severity::kWarning:
      return "warning";
    case Severity::kLoss:
      return "loss";
    case Severity::kError:
      return "error";
  }
  __builtin_unreachable();
}

bool HasError(const std::vector<Finding>& findings) {
  return std::ranges::any_of(findings,
                             [](const Finding& f) { return f.severity == Severity::kError; });
}

bool Hinders(const Finding& finding, std::string_view plugin) {
  const bool grave = finding.severity == Severity::kLoss || finding.severity == Severity::kError;
  return grave && (finding.plugins.empty() ||
                   std::ranges::find(finding.plugins, plugin) != finding.plugins.end());
}

std::string WithRemedy(const Finding& finding) {
  return finding.remedy.empty() ? finding.text : finding.text + ": " + finding.remedy;
}

}  // namespace lockstep::postgres
