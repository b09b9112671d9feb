#include "model/verdict.h"

namespace lockstep::model {

std::string_view ToString(VerdictKind kind) {
  switch (kind) {
    case VerdictKind::kConverged:
      return "converged";
    case VerdictKind::kDiverged:
      return "diverged";
    case VerdictKind::kMissing:
      return "missing";
    case VerdictKind::kInconclusive:
      return "inconclusive";
  }
  __builtin_unreachable();
}

std::string_view ToString(CommitOrderSource source) {
  switch (source) {
    case CommitOrderSource::kUnknown:
      return "unknown";
    case CommitOrderSource::kWal:
      return "wal";
    case CommitOrderSource::kBrackets:
      return "brackets";
  }
  __builtin_unreachable();
}

ExitCode ExitCodeOf(VerdictKind kind) {
  switch (kind) {
    case VerdictKind::kConverged:
      return ExitCode::kConverged;
    case VerdictKind::kDiverged:
      return ExitCode::kDiverged;
    case VerdictKind::kMissing:
      return ExitCode::kMissing;
    case VerdictKind::kInconclusive:
      return ExitCode::kInconclusive;
  }
  __builtin_unreachable();
}

}  // namespace lockstep::model
