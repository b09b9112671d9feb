#include "verifier/listener_judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace lockstep::verifier {

using model::Lsn;
using model::VerdictKind;

ListenerJudge::ListenerJudge(const wire::Hello& hello)
    : consistent_point_(hello.consistent_point), attached_digest_(hello.digest) {
  result_.id = hello.listener;
  result_.plugin = hello.plugin;
  result_.end_lsn = hello.consistent_point;
  result_.digest = hello.digest;
}

void ListenerJudge::OnExpectation(const Expectation& expectation) {
  if (expectation.end_lsn > consistent_point_) {
    expectations_.push_back(expectation);
  } else {
    last_expected_ = expectation.digest;
    has_last_expected_ = true;
  }
}

void ListenerJudge::OnCommit(const wire::Commit& commit) {
  ++result_.transactions;
  result_.changes += commit.changes;
  reports_.emplace_back(commit);
}

void ListenerJudge::OnPosition(const wire::Position& position) {
  position_.received = std::max(position_.received, position.received);
  position_.confirmed = std::max(position_.confirmed, position.confirmed);
}

void ListenerJudge::OnMisfit(const wire::Misfit& misfit) { reports_.emplace_back(misfit); }

void ListenerJudge::Judge(const Oracle& oracle, model::Digest initial) {
  const Lsn frontier = oracle.frontier();
  JudgeConsistentPoint(frontier, initial);
  if (!attached_judged_) return;
  while (!finding_ && !reports_.empty()) {
    const auto& report = reports_.front();
    const Lsn end_lsn = std::visit([](const auto& r) { return r.end_lsn; }, report);
    if (end_lsn > frontier) break;  // what is expected there is not known yet
    if (const auto* commit = std::get_if<wire::Commit>(&report)) {
      JudgeCommit(*commit, oracle);
    } else {
      JudgeMisfit(std::get<wire::Misfit>(report), oracle);
    }
    if (!finding_) judged_ = std::max(judged_, end_lsn);
    reports_.pop_front();
  }
  if (finding_ || !reports_.empty()) return;
  // All it said is judged, and it says there is nothing else up to `received`.
  const Lsn silent = std::min(position_.received, frontier);
  if (!expectations_.empty() && expectations_.front().end_lsn <= silent) {
    FindMissing(expectations_.front(),
                fmt::format("it has received everything up to {}", ToString(position_.received)));
    return;
  }
  judged_ = std::max(judged_, silent);
}

bool ListenerJudge::HasAgreedUpTo(Lsn lsn) const {
  return attached_judged_ && !finding_ && reports_.empty() && expectations_.empty() &&
         position_.received >= lsn && judged_ >= lsn;
}

void ListenerJudge::JudgeConsistentPoint(Lsn frontier, model::Digest initial) {
  if (attached_judged_ || frontier < consistent_point_) return;
  attached_judged_ = true;
  const model::Digest expected = has_last_expected_ ? last_expected_ : initial;
  if (expected == attached_digest_) {
    judged_ = consistent_point_;
    return;
  }
  finding_ =
      Finding{.reason = fmt::format(
                  "its copy at the consistent point {} has digest {}, expected {}",
                  ToString(consistent_point_), ToString(attached_digest_), ToString(expected)),
              .end_lsn = consistent_point_};
}

void ListenerJudge::JudgeCommit(const wire::Commit& commit, const Oracle& oracle) {
  const auto finding = [&](std::string reason, bool rows_differ) {
    finding_ = Finding{.reason = std::move(reason),
                       .commit = oracle.FindTransaction(commit.xid),
                       .xid = commit.xid,
                       .end_lsn = commit.end_lsn,
                       .rows_differ = rows_differ};
  };
  const Lsn last = std::exchange(result_.end_lsn, std::max(result_.end_lsn, commit.end_lsn));
  const Expectation* expected = expectations_.empty() ? nullptr : &expectations_.front();
  if (!expected || commit.end_lsn < expected->end_lsn) {
    if (commit.run_changes == 0 && commit.digest == result_.digest) {
      ++result_.foreign;
    } else if (commit.run_changes == 0) {
      finding(fmt::format("its state has another digest after the foreign commit of xid {} at {}",
                          commit.xid.value, ToString(commit.end_lsn)),
              true);
    } else if (commit.end_lsn <= last) {
      finding(fmt::format("it reports a commit of xid {} at {} after it had come to {}",
                          commit.xid.value, ToString(commit.end_lsn), ToString(last)),
              false);
    } else if (oracle.IsForeign({commit.xid, commit.end_lsn})) {
      finding(fmt::format("somebody else (xid {} at {}) wrote to the tables of the run",
                          commit.xid.value, ToString(commit.end_lsn)),
              true);
    } else {
      finding(
          fmt::format(
              "it reports a commit of xid {} at {}, where Postgres committed nothing of the run",
              commit.xid.value, ToString(commit.end_lsn)),
          true);
    }
  } else if (commit.end_lsn > expected->end_lsn && commit.xid == expected->xid) {
    finding(fmt::format("it reports transaction {} at {}, which Postgres committed at {}",
                        expected->id.value, ToString(commit.end_lsn), ToString(expected->end_lsn)),
            true);
  } else if (commit.end_lsn > expected->end_lsn) {
    FindMissing(*expected,
                fmt::format("it went on with the commit at {}", ToString(commit.end_lsn)));
  } else if (commit.xid != expected->xid) {
    finding(fmt::format("it reports xid {} at {}, where Postgres committed xid {} (transaction {})",
                        commit.xid.value, ToString(commit.end_lsn), expected->xid.value,
                        expected->id.value),
            true);
    finding_->commit = expected->id;
    finding_->xid = expected->xid;
  } else if (commit.digest != expected->digest) {
    finding(fmt::format("after transaction {} its state has digest {}, expected {}",
                        expected->id.value, ToString(commit.digest), ToString(expected->digest)),
            true);
  } else {
    ++result_.commits_checked;
    result_.digest = commit.digest;
    expectations_.pop_front();
  }
}

void ListenerJudge::JudgeMisfit(const wire::Misfit& misfit, const Oracle& oracle) {
  if (!expectations_.empty() && expectations_.front().end_lsn < misfit.end_lsn) {
    // No wonder that it does not fit.
    FindMissing(expectations_.front(),
                fmt::format("it went on with the commit at {}", ToString(misfit.end_lsn)));
    return;
  }
  finding_ = Finding{.reason = fmt::format("a change does not fit its copy: {}", misfit.message),
                     .commit = oracle.FindTransaction(misfit.xid),
                     .xid = misfit.xid,
                     .end_lsn = misfit.end_lsn,
                     .rows_differ = true,
                     .misfit = misfit};
}

void ListenerJudge::FindMissing(const Expectation& expected, const std::string& proof) {
  finding_ = Finding{.kind = VerdictKind::kMissing,
                     .reason = fmt::format("transaction {} (xid {}) did not come: {}",
                                           expected.id.value, expected.xid.value, proof),
                     .commit = expected.id,
                     .xid = expected.xid,
                     .end_lsn = expected.end_lsn};
}

}  // namespace lockstep::verifier
