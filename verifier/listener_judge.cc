#include "verifier/listener_judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "model/overloaded.h"

namespace lockstep::verifier {

using model::Digest;
using model::Lsn;
using model::VerdictKind;

ListenerJudge::ListenerJudge(std::size_t view, model::Digest initial,
                             std::shared_ptr<QueueBudget> budget)
    : view_(view), expected_at_attach_(initial), expectations_(std::move(budget)) {}

void ListenerJudge::OnExpectation(const Expectation& expectation) {
  if (is_gone() && expectation.end_lsn > result_.left) return;
  expectations_.Push({expectation.id, expectation.xid, expectation.end_lsn,
                      expectation.views[view_], expectation.truncated, expectation.touched});
}

void ListenerJudge::OnHello(const wire::Hello& hello) {
  has_attached_ = true;
  consistent_point_ = hello.consistent_point;
  attached_digest_ = hello.digest;
  blind_tables_ = hello.blind_tables;
  result_.id = hello.listener;
  result_.plugin = hello.plugin;
  result_.end_lsn = hello.consistent_point;
  result_.digest = hello.digest;
  result_.joined = hello.consistent_point;
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

void ListenerJudge::OnQuarantined(const wire::Quarantined& quarantined) {
  reports_.emplace_back(quarantined);
}

void ListenerJudge::OnGone(Lsn received, bool is_lost) {
  position_.received = std::max({position_.received, received, consistent_point_});
  result_.left = std::max(position_.received, judged_);
  for (const auto& report : reports_) {
    if (const auto* commit = std::get_if<wire::Commit>(&report))
      result_.left = std::max(result_.left, commit->end_lsn);
  }
  result_.lost = is_lost;
}

const Expected* ListenerJudge::Next() const {
  const Expected* next = expectations_.front();
  return next && is_gone() && next->end_lsn > result_.left ? nullptr : next;
}

void ListenerJudge::Judge(const Oracle& oracle) {
  if (!has_attached_) return;
  const Lsn frontier = oracle.frontier();
  JudgeConsistentPoint(frontier);
  if (!attached_judged_) return;
  while (!finding_ && !reports_.empty()) {
    const auto& report = reports_.front();
    const Lsn end_lsn = std::visit([](const auto& r) { return r.end_lsn; }, report);
    if (end_lsn > frontier) break;  // what is expected there is not known yet
    std::visit(model::Overloaded{
                   [&](const wire::Commit& commit) { JudgeCommit(commit, oracle); },
                   [&](const wire::Misfit& misfit) { JudgeMisfit(misfit, oracle); },
                   [&](const wire::Quarantined& q) { JudgeQuarantined(q, oracle); },
               },
               report);
    if (!finding_ && std::holds_alternative<wire::Commit>(report))
      judged_ = std::max(judged_, end_lsn);
    reports_.pop_front();
  }
  if (finding_ || !reports_.empty()) return;
  // All it said is judged, and it says there is nothing else up to `received`.
  const Lsn silent = std::min(position_.received, frontier);
  if (const Expected* next = Next(); next && next->end_lsn <= silent) {
    FindMissing(*next,
                fmt::format("it has received everything up to {}", ToString(position_.received)));
    return;
  }
  judged_ = std::max(judged_, silent);
}

bool ListenerJudge::HasAgreedUpTo(Lsn lsn) const {
  return attached_judged_ && !finding_ && reports_.empty() && !Next() &&
         position_.received >= lsn && judged_ >= lsn;
}

void ListenerJudge::JudgeConsistentPoint(Lsn frontier) {
  if (attached_judged_ || frontier < consistent_point_) return;
  attached_judged_ = true;
  for (const Expected* next; (next = Next()) && next->end_lsn <= consistent_point_;) {
    expected_at_attach_ = next->view.state;
    expectations_.Pop();
  }
  if (expected_at_attach_ == attached_digest_) {
    judged_ = consistent_point_;
    return;
  }
  finding_ = Finding{
      .reason = fmt::format("its copy at the consistent point {} has digest {}, expected {}",
                            ToString(consistent_point_), ToString(attached_digest_),
                            ToString(expected_at_attach_)),
      .end_lsn = consistent_point_};
}

void ListenerJudge::Find(const wire::Commit& commit, const Oracle& oracle, std::string reason,
                         bool rows_differ) {
  finding_ = Finding{.reason = std::move(reason),
                     .commit = oracle.FindTransaction(commit.xid),
                     .xid = commit.xid,
                     .end_lsn = commit.end_lsn,
                     .rows_differ = rows_differ};
}

void ListenerJudge::JudgeCommit(const wire::Commit& commit, const Oracle& oracle) {
  const Lsn last = std::exchange(result_.end_lsn, std::max(result_.end_lsn, commit.end_lsn));
  const Expected* expected = Next();
  if (!expected || commit.end_lsn < expected->end_lsn) {
    JudgeUnexpected(commit, oracle, last);
  } else if (commit.end_lsn > expected->end_lsn && commit.xid == expected->xid) {
    Find(commit, oracle,
         fmt::format("it reports transaction {} at {}, which Postgres committed at {}",
                     expected->id.value, ToString(commit.end_lsn), ToString(expected->end_lsn)),
         true);
  } else if (commit.end_lsn > expected->end_lsn) {
    FindMissing(*expected,
                fmt::format("it went on with the commit at {}", ToString(commit.end_lsn)));
  } else if (commit.xid != expected->xid) {
    Find(commit, oracle,
         fmt::format("it reports xid {} at {}, where Postgres committed xid {} (transaction {})",
                     commit.xid.value, ToString(commit.end_lsn), expected->xid.value,
                     expected->id.value),
         true);
    finding_->commit = expected->id;
    finding_->xid = expected->xid;
  } else {
    JudgeContent(commit, *expected, oracle);
    if (!finding_) expectations_.Pop();
  }
}

void ListenerJudge::JudgeUnexpected(const wire::Commit& commit, const Oracle& oracle, Lsn last) {
  if (commit.run_changes == 0 && (!digest_known_ || commit.digest == result_.digest)) {
    ++result_.foreign;
  } else if (commit.run_changes == 0) {
    Find(commit, oracle,
         fmt::format("its state has another digest after the foreign commit of xid {} at {}",
                     commit.xid.value, ToString(commit.end_lsn)),
         true);
  } else if (commit.end_lsn <= last) {
    Find(commit, oracle,
         fmt::format("it reports a commit of xid {} at {} after it had come to {}",
                     commit.xid.value, ToString(commit.end_lsn), ToString(last)),
         false);
  } else if (oracle.IsForeign({commit.xid, commit.end_lsn})) {
    const auto rolled_back = oracle.FindTransaction(commit.xid);
    const std::string who =
        rolled_back ? fmt::format(
                          "transaction {}, which the applier reports as rolled back, or "
                          "somebody else",
                          rolled_back->value)
                    : "somebody else";
    Find(commit, oracle,
         fmt::format("{} (xid {} at {}) wrote to the tables of the run", who, commit.xid.value,
                     ToString(commit.end_lsn)),
         true);
  } else {
    Find(commit, oracle,
         fmt::format(
             "it reports a commit of xid {} at {}, where Postgres committed nothing of the run",
             commit.xid.value, ToString(commit.end_lsn)),
         true);
  }
}

void ListenerJudge::JudgeContent(const wire::Commit& commit, const Expected& expected,
                                 const Oracle& oracle) {
  LoseSight(expected, oracle);
  const std::optional<Digest> state = StateInSight(expected, oracle);
  digest_known_ = state.has_value();
  if (!state) return;  // it is being told
  if (commit.digest != *state) {
    Find(commit, oracle,
         fmt::format("after transaction {} its state has digest {}, expected {}", expected.id.value,
                     ToString(commit.digest), ToString(*state)),
         true);
    return;
  }
  const bool all_in_sight = std::ranges::none_of(
      expected.touched, [this](std::uint32_t table) { return IsOutOfSight(table); });
  if (all_in_sight && commit.changes_digest != expected.view.changes) {
    Find(commit, oracle,
         fmt::format("its state after transaction {} is right, but the changes that it reports "
                     "are not those of the transaction, or not in their order",
                     expected.id.value),
         false);
    return;
  }
  ++result_.commits_checked;
  projected_ += expected.view.projected;
  result_.digest = commit.digest;
}

void ListenerJudge::LoseSight(const Expected& expected, const Oracle& oracle) {
  for (std::uint32_t table : expected.truncated) {
    const std::string& name = oracle.expected().table(table).relation()->name;
    if (IsOutOfSight(table) || std::ranges::find(blind_tables_, name) == blind_tables_.end())
      continue;
    out_of_sight_.push_back({table, expected.end_lsn, name});
    quarantines_.push_back(name);
  }
}

bool ListenerJudge::IsOutOfSight(std::uint32_t table) const {
  return std::ranges::find(out_of_sight_, table, &OutOfSight::table) != out_of_sight_.end();
}

std::optional<Digest> ListenerJudge::StateInSight(const Expected& expected,
                                                  const Oracle& oracle) const {
  Digest state = expected.view.state;
  for (const OutOfSight& table : out_of_sight_) {
    if (!table.is_empty) return std::nullopt;
    const auto watched = std::ranges::find(oracle.watched(), table.table);
    state -= expected.view.watched[static_cast<std::size_t>(watched - oracle.watched().begin())];
    state += model::HashTable(table.name, model::TableDigest{});
  }
  return state;
}

void ListenerJudge::JudgeQuarantined(const wire::Quarantined& quarantined, const Oracle& oracle) {
  // The commit that did not fit comes next, and may itself hold the truncation.
  if (const Expected* next = Next(); next && next->end_lsn <= quarantined.end_lsn)
    LoseSight(*next, oracle);
  digest_known_ = false;
  for (OutOfSight& table : out_of_sight_) {
    if (table.name != quarantined.table) continue;
    table.is_empty = true;
    return;
  }
  finding_ =
      Finding{.reason = fmt::format("it gave up following table {}, which nobody truncated: {}",
                                    quarantined.table, quarantined.reason),
              .end_lsn = quarantined.end_lsn};
}

model::ListenerResult ListenerJudge::Result() const {
  model::ListenerResult result = result_;
  for (std::uint8_t i = 0; i < model::kLossCount; ++i) {
    const auto loss = static_cast<model::Loss>(i);
    if (projected_[loss] > 0) result.projected.emplace_back(ToString(loss), projected_[loss]);
  }
  for (const OutOfSight& table : out_of_sight_) {
    result.quarantined.push_back(
        {table.name, table.end_lsn, "truncated, which the plugin does not show"});
  }
  return result;
}

void ListenerJudge::JudgeMisfit(const wire::Misfit& misfit, const Oracle& oracle) {
  if (const Expected* next = Next(); next && next->end_lsn < misfit.end_lsn) {
    // No wonder that it does not fit.
    FindMissing(*next, fmt::format("it went on with the commit at {}", ToString(misfit.end_lsn)));
    return;
  }
  finding_ = Finding{.reason = fmt::format("a change does not fit its copy: {}", misfit.message),
                     .commit = oracle.FindTransaction(misfit.xid),
                     .xid = misfit.xid,
                     .end_lsn = misfit.end_lsn,
                     .rows_differ = true,
                     .misfit = misfit};
}

void ListenerJudge::FindMissing(const Expected& expected, const std::string& proof) {
  finding_ = Finding{.kind = VerdictKind::kMissing,
                     .reason = fmt::format("transaction {} (xid {}) did not come: {}",
                                           expected.id.value, expected.xid.value, proof),
                     .commit = expected.id,
                     .xid = expected.xid,
                     .end_lsn = expected.end_lsn};
}

}  // namespace lockstep::verifier
