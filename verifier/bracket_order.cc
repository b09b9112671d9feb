#include "verifier/bracket_order.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace lockstep::verifier {
namespace {

using model::Lsn;
using model::VerdictKind;
using model::Xid;

constexpr Lsn kNothingMore{std::numeric_limits<decltype(Lsn::value)>::max()};

bool IsInside(const model::CommitBracket& bracket, Lsn lsn) {
  return bracket.before < lsn && lsn <= bracket.after;
}

}  // namespace

void BracketOrder::OnListener(const std::string& listener, Lsn consistent_point) {
  attaching_.erase(listener);
  had_listeners_ = true;
  listeners_.try_emplace(listener, consistent_point);
}

void BracketOrder::OnAttaching(const std::string& listener) { attaching_.insert(listener); }

void BracketOrder::OnGone(const std::string& listener) {
  attaching_.erase(listener);
  listeners_.erase(listener);
  behind_.erase(listener);
  if (!listeners_.empty() && CountListeners() == 0) behind_.clear();
  DecideUpTo(SpokenByAll());
}

bool BracketOrder::OnOutcome(const model::Outcome& outcome) {
  if (outcome.fate != model::Fate::kCommitted) return true;
  if (!outcome.bracket) return false;
  // It would have come before Settled, did it end at or below the LSN settled.
  const model::CommitBracket bracket{std::max(outcome.bracket->before, settled_),
                                     outcome.bracket->after};
  if (bracket.after <= bracket.before) return false;
  const Xid xid = model::Low(outcome.xid);
  Commit& commit = commits_[xid];
  if (commit.id) return false;
  commit.id = outcome.id;
  commit.bracket = bracket;
  waiting_by_before_.emplace(bracket.before, xid);
  waiting_by_after_.emplace(bracket.after, xid);
  Decide(xid, commit);
  return true;
}

void BracketOrder::OnSettled(Lsn lsn) { settled_ = std::max(settled_, lsn); }

void BracketOrder::OnReport(const std::string& listener, Xid xid, Lsn end_lsn) {
  reported_.emplace(end_lsn, xid);
  Commit& commit = commits_[xid];
  if (!FindVote(commit, listener)) commit.votes.push_back({listener, end_lsn});
  if (commit.id && !commit.placed) Decide(xid, commit);
  OnSpokenUpTo(listener, end_lsn);
}

void BracketOrder::OnReceived(const std::string& listener, Lsn lsn) { OnSpokenUpTo(listener, lsn); }

void BracketOrder::OnEnd(const std::string& listener) { OnSpokenUpTo(listener, kNothingMore); }

void BracketOrder::OnSpokenUpTo(const std::string& listener, Lsn lsn) {
  auto it = listeners_.find(listener);
  if (it == listeners_.end() || it->second >= lsn) return;
  it->second = lsn;
  DecideUpTo(SpokenByAll());
}

void BracketOrder::DecideUpTo(Lsn spoken) {
  for (auto next = waiting_by_after_.begin();
       next != waiting_by_after_.end() && next->first <= spoken;) {
    const Xid xid = (next++)->second;  // Decide may take it away
    Decide(xid, commits_.at(xid));
  }
}

Lsn BracketOrder::SpokenByAll() const {
  if (listeners_.empty()) return had_listeners_ && attaching_.empty() ? kNothingMore : Lsn{};
  Lsn spoken = kNothingMore;
  for (const auto& [listener, lsn] : listeners_) {
    if (!behind_.contains(listener)) spoken = std::min(spoken, lsn);
  }
  return spoken;
}

void BracketOrder::ChooseWhoCounts() {
  std::erase_if(behind_,
                [&](const std::string& listener) { return listeners_.at(listener) >= certain_; });
  if (waiting_by_after_.size() <= kPatience) return;
  // What the oldest of them waits for, although somebody else has passed it.
  const Lsn needed = waiting_by_after_.begin()->first;
  const auto has_passed = [&](const auto& entry) {
    return entry.second >= needed && entry.second != kNothingMore;
  };
  if (std::ranges::none_of(listeners_, has_passed)) return;
  for (const auto& entry : listeners_) {
    if (!has_passed(entry)) behind_.insert(entry.first);
  }
  DecideUpTo(SpokenByAll());
}

BracketOrder::Choice BracketOrder::Count(const Commit& commit) const {
  Choice best;
  for (const Vote& vote : commit.votes) {
    if (!IsInside(commit.bracket, vote.end_lsn) || placed_.contains(vote.end_lsn)) continue;
    const auto votes =
        static_cast<std::size_t>(std::ranges::count(commit.votes, vote.end_lsn, &Vote::end_lsn));
    if (votes > best.votes) best = {vote.end_lsn, votes};
  }
  return best;
}

void BracketOrder::Decide(Xid xid, Commit& commit) {
  const Choice choice = Count(commit);
  const bool all_spoken = SpokenByAll() >= commit.bracket.after;
  const bool all_voted = commit.votes.size() >= CountListeners();
  if (choice.votes * 2 > CountListeners() || (choice.votes > 0 && (all_voted || all_spoken))) {
    Place(xid, commit, choice.end_lsn);
  } else if (all_spoken) {
    if (const auto place = FreePlace(commit)) Place(xid, commit, *place);
  }
}

void BracketOrder::Place(Xid xid, Commit& commit, Lsn end_lsn) {
  commit.placed = end_lsn;
  placed_.emplace(end_lsn, xid);
  waiting_by_before_.erase({commit.bracket.before, xid});
  waiting_by_after_.erase({commit.bracket.after, xid});
}

std::optional<Lsn> BracketOrder::FreePlace(const Commit& commit) const {
  for (Lsn lsn = commit.bracket.after; lsn > commit.bracket.before; --lsn.value) {
    if (!placed_.contains(lsn) && !reported_.contains(lsn)) return lsn;
  }
  return std::nullopt;
}

BracketOrder::Batch BracketOrder::Take() {
  ChooseWhoCounts();
  Lsn certain = settled_;
  if (!waiting_by_before_.empty()) certain = std::min(certain, waiting_by_before_.begin()->first);
  Batch batch;
  for (auto it = placed_.upper_bound(certain_); it != placed_.end() && it->first <= certain; ++it)
    batch.commits.push_back({it->second, it->first});
  certain_ = std::max(certain_, certain);
  batch.certain = certain_;
  return batch;
}

void BracketOrder::Forget(Lsn lsn) {
  while (!placed_.empty() && placed_.begin()->first <= std::min(lsn, certain_)) {
    commits_.erase(placed_.begin()->second);
    placed_.erase(placed_.begin());
  }
  while (!reported_.empty() && reported_.begin()->first <= std::min(lsn, certain_)) {
    auto commit = commits_.find(reported_.begin()->second);
    if (commit != commits_.end() && !commit->second.id) commits_.erase(commit);
    reported_.erase(reported_.begin());
  }
}

const BracketOrder::Vote* BracketOrder::FindVote(const Commit& commit,
                                                 const std::string& listener) {
  auto vote = std::ranges::find(commit.votes, listener, &Vote::listener);
  return vote == commit.votes.end() ? nullptr : &*vote;
}

void BracketOrder::Explain(const std::string& listener, Finding& finding) const {
  const auto it = commits_.find(finding.xid);
  if (it == commits_.end() || !it->second.id || finding.misfit) return;
  const Commit& commit = it->second;
  const Vote* vote = FindVote(commit, listener);
  const std::string bracket =
      fmt::format("Postgres committed it above {} and at {} at the latest",
                  ToString(commit.bracket.before), ToString(commit.bracket.after));
  if (!vote) {
    if (finding.kind == VerdictKind::kMissing) finding.reason += "; " + bracket;
    return;
  }
  if (vote->end_lsn == commit.placed) return;
  finding.kind = VerdictKind::kDiverged;
  finding.reason = fmt::format("it reports transaction {} (xid {}) at {}, but ", commit.id->value,
                               finding.xid.value, ToString(vote->end_lsn));
  std::string others;
  for (const Vote& other : commit.votes) {
    if (other.end_lsn == commit.placed)
      others += fmt::format("{}{}", others.empty() ? "" : ", ", other.listener);
  }
  if (!IsInside(commit.bracket, vote->end_lsn)) {
    finding.reason += bracket;
  } else if (others.empty()) {
    finding.reason += "it reports another commit there too";
  } else {
    finding.reason += fmt::format("{} at {}", others, ToString(*commit.placed));
    const auto count = [&](Lsn lsn) {
      return std::ranges::count(commit.votes, lsn, &Vote::end_lsn);
    };
    if (count(vote->end_lsn) >= count(*commit.placed)) {
      finding.reason += "; both are possible, and only one can be true";
    }
  }
}

std::string BracketOrder::WhoseTurn() const {
  if (waiting_by_before_.empty()) return "";
  const Commit& commit = commits_.at(waiting_by_before_.begin()->second);
  for (const auto& [listener, spoken] : listeners_) {
    if (spoken >= commit.bracket.after || FindVote(commit, listener) || behind_.contains(listener))
      continue;
    return fmt::format("{}: it has not reported transaction {}, nor come to {}", listener,
                       commit.id->value, ToString(commit.bracket.after));
  }
  return "";
}

}  // namespace lockstep::verifier
