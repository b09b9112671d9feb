// How a run ends: what was found, whether everything agreed, or that it cannot go on.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "verifier/referee.h"

namespace lockstep::verifier {
namespace {

using model::VerdictKind;

// Of so many transactions one may fail in a run that converges. What fails takes its rows with it:
// with more of them the workload that was generated is not the one that was tried.
constexpr std::uint64_t kOneFailureIn = 20;

// What the server refused, and what did not commit in consequence; the larger number counts, as a
// transaction may be among both.
std::uint64_t CountFailures(const model::TransactionCounts& counts, const wire::End& end) {
  const std::uint64_t missing =
      end.committed > counts.committed ? end.committed - counts.committed : 0;
  return std::max(counts.failed, missing);
}

void AddClause(std::string& text, const std::string& clause) {
  if (!clause.empty()) text += (text.empty() ? "" : "; ") + clause;
}

}  // namespace

bool Referee::IsReadyToConclude() const {
  return investigation_ && investigation_->reply && oracle_->scripts_waiting() == 0 && !barrier_;
}

void Referee::Conclude(model::FirstDivergence divergence) {
  if (verdict_) return;
  Finding& finding = investigation_->finding;
  if (brackets_) brackets_->Explain(investigation_->listener, finding);
  verdict_ =
      MakeVerdict(finding.kind, fmt::format("{}: {}", investigation_->listener, finding.reason));
  verdict_->first_divergence = std::move(divergence);
}

void Referee::ConvergeIfDone() {
  if (!end_ || investigation_ || verdict_) return;
  const model::TransactionCounts& counts = oracle_->counts();
  const bool replayed = oracle_->scripts_waiting() == 0 && counts.generated == end_->scripts;
  const bool checked = !barrier_ && last_checked_ == end_->barriers;
  if (!replayed || !checked || !roster_.HaveAgreedUpTo(last_commit_)) return;
  if (!roster_.WasAnybodyJudged())
    return GiveUp("every listener left before the end, and none had been judged for a commit");
  if (counts.failed == 0 && oracle_->expected().digest() != end_->digest) {
    verdict_ = MakeVerdict(
        VerdictKind::kDiverged,
        "the generator's own model ended in another state than the expected one, although no "
        "transaction failed");
    return;
  }
  const std::uint64_t failures = CountFailures(counts, *end_);
  const bool too_many = failures * kOneFailureIn > counts.generated;
  std::string reason = roster_.DescribeGaps();
  const bool proven = reason.empty() && !too_many;
  if (failures > 0) {
    AddClause(reason,
              fmt::format("{} of {} transactions failed, and at most one in {} may in a run that "
                          "converges; the first was {}",
                          failures, counts.generated, kOneFailureIn, oracle_->first_failure()));
  }
  if (proven) AddClause(reason, roster_.DescribeReturns());
  verdict_ = MakeVerdict(proven ? VerdictKind::kConverged : VerdictKind::kInconclusive, reason);
}

void Referee::Excuse(const std::string& reason) {
  verdict_ = MakeVerdict(VerdictKind::kInconclusive, reason);
}

void Referee::GiveUp(const std::string& reason) {
  if (verdict_) return;
  // What was found stays found, also where its rows cannot be shown any more.
  if (investigation_) {
    const Finding& finding = investigation_->finding;
    investigation_->finding.reason += fmt::format(" (no row is shown: {})", reason);
    return Conclude({.listener = investigation_->listener,
                     .commit = finding.commit,
                     .xid = finding.xid,
                     .end_lsn = finding.end_lsn});
  }
  const std::string turn = WhoseTurn();
  verdict_ = MakeVerdict(VerdictKind::kInconclusive,
                         turn.empty() ? reason : reason + "; waited for " + turn);
}

}  // namespace lockstep::verifier
