#include "verifier/roster.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <ranges>
#include <utility>

namespace lockstep::verifier {

using model::ListenerResult;
using model::Lsn;

namespace {

void AddClause(std::string& text, const std::string& clause) {
  text += (text.empty() ? "" : "; ") + clause;
}

std::string DescribeQuarantines(const ListenerResult& result) {
  std::string text;
  for (const model::QuarantinedTable& table : result.quarantined) {
    AddClause(text, fmt::format("{}: table {} was truncated at {}, which {} does not show; its "
                                "rows were not compared from there on (lockstep doctor tells the "
                                "remedy)",
                                result.id, table.table, ToString(table.end_lsn), result.plugin));
  }
  return text;
}

}  // namespace

Roster::Roster(std::size_t queue_bytes_max)
    : budget_(std::make_shared<QueueBudget>(QueueBudget{.bytes_max = queue_bytes_max})) {}

bool Roster::Join(const std::string& peer, const wire::Join& join) {
  return members_.try_emplace(peer, Member{.join = join, .judge = nullptr, .accepted = {}}).second;
}

void Roster::StartJudging(const std::string& peer, std::size_t view, model::Digest initial) {
  members_.at(peer).judge = std::make_unique<ListenerJudge>(view, initial, budget_);
}

void Roster::OnExpectation(const Expectation& expectation) {
  for (auto& [peer, member] : members_) {
    if (member.judge) member.judge->OnExpectation(expectation);
  }
  for (Gone& gone : leaving_) gone.member.judge->OnExpectation(expectation);
}

void Roster::OnLeave(const std::string& peer, Lsn received) {
  if (!Find(peer)) return;
  spdlog::info("{} leaves; it has received everything up to {}", peer, ToString(received));
  Go(peer, received, false);
}

bool Roster::OnLost(const std::string& peer) {
  if (!Find(peer)) return false;
  Go(peer, Lsn{}, true);
  return true;
}

void Roster::Go(const std::string& peer, Lsn received, bool is_lost) {
  auto node = members_.extract(peer);
  if (!node.mapped().has_attached()) return;  // there is nothing to judge it for
  node.mapped().judge->OnGone(received, is_lost);
  leaving_.push_back({peer, std::move(node.mapped())});
}

model::Result<void> Roster::Judge(const Oracle& oracle) {
  const auto judge = [&](ListenerJudge* one) -> model::Result<void> {
    if (!one) return {};
    one->Judge(oracle);
    if (one->error()) return std::unexpected(*one->error());
    return {};
  };
  for (auto& [peer, member] : members_) {
    if (auto ok = judge(member.judge.get()); !ok) return ok;
  }
  for (auto gone = leaving_.begin(); gone != leaving_.end();) {
    if (auto ok = judge(gone->member.judge.get()); !ok) return ok;
    if (gone->member.judge->IsDone()) {
      gone_.push_back(gone->member.judge->Result());
      gone = leaving_.erase(gone);
    } else {
      ++gone;
    }
  }
  return {};
}

Roster::Member* Roster::Find(const std::string& peer) {
  auto it = members_.find(peer);
  return it == members_.end() ? nullptr : &it->second;
}

ListenerJudge* Roster::JudgeOf(const std::string& peer) {
  Member* member = Find(peer);
  return member && member->has_attached() ? member->judge.get() : nullptr;
}

std::size_t Roster::attached() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      members_, [](const auto& entry) { return entry.second.has_attached(); }));
}

std::optional<Roster::Found> Roster::FirstFinding() const {
  for (const auto& [peer, member] : members_) {
    if (member.judge && member.judge->finding())
      return Found{peer, member.judge->view(), *member.judge->finding(), false};
  }
  for (const Gone& gone : leaving_) {
    if (gone.member.judge->finding())
      return Found{gone.peer, gone.member.judge->view(), *gone.member.judge->finding(), true};
  }
  return std::nullopt;
}

Lsn Roster::JudgedByAll(Lsn frontier) const {
  Lsn judged = frontier;
  for (const auto& [peer, member] : members_)
    judged = std::min(judged, member.has_attached() ? member.judge->judged() : Lsn{});
  for (const Gone& gone : leaving_) judged = std::min(judged, gone.member.judge->judged());
  return judged;
}

Lsn Roster::JudgedByFirst(Lsn frontier) const {
  std::optional<Lsn> judged;
  for (const auto& [peer, member] : members_) {
    if (member.has_attached()) judged = std::max(judged.value_or(Lsn{}), member.judge->judged());
  }
  return judged ? std::min(*judged, frontier) : frontier;
}

bool Roster::HaveAgreedUpTo(Lsn lsn) const {
  return leaving_.empty() && std::ranges::all_of(members_, [&](const auto& entry) {
           return entry.second.has_attached() && entry.second.judge->HasAgreedUpTo(lsn);
         });
}

bool Roster::WasAnybodyJudged() const {
  return attached() > 0 ||
         std::ranges::any_of(gone_, [](const auto& result) { return result.commits_checked > 0; });
}

std::string Roster::WhoAttaches() const {
  for (const auto& [peer, member] : members_) {
    if (!member.has_attached()) return fmt::format("{}: it has not attached", peer);
  }
  return "";
}

std::string Roster::WhoLags() const {
  for (const auto& [peer, member] : members_) {
    if (!member.has_attached()) continue;
    if (const auto waiting = member.judge->expectations_waiting()) {
      return fmt::format("{}: {} commits after {} have not come", peer, waiting,
                         ToString(member.judge->judged()));
    }
  }
  return "";
}

std::string Roster::DescribeGaps() const {
  std::string text;
  for (const ListenerResult& result : Results()) {
    if (const std::string unseen = DescribeQuarantines(result); !unseen.empty())
      AddClause(text, unseen);
    if (result.lost && !HasComeBack(result.id)) {
      AddClause(text, fmt::format("{} was lost after {} without a word, and has not come back",
                                  result.id, ToString(result.left)));
    }
  }
  return text;
}

std::string Roster::DescribeReturns() const {
  std::string text;
  for (const ListenerResult& result : gone_) {
    if (result.lost && HasComeBack(result.id)) {
      AddClause(text, fmt::format("{} was lost after {} without a word, and came back", result.id,
                                  ToString(result.left)));
    }
  }
  return text;
}

std::vector<ListenerResult> Roster::Results() const {
  std::vector<ListenerResult> results = gone_;
  for (const Gone& gone : leaving_) results.push_back(gone.member.judge->Result());
  for (const auto& [peer, member] : members_) {
    if (member.has_attached()) results.push_back(member.judge->Result());
  }
  return results;
}

}  // namespace lockstep::verifier
