// What the referee shows of the run: whose turn it is, counters, and the verdict with all that is
// known filled in.
#include <fmt/format.h>

#include <utility>

#include "model/output_plugin.h"
#include "verifier/referee.h"

namespace lockstep::verifier {

using model::VerdictKind;

std::string Referee::WhoseTurn() const {
  if (!made_) return "the generator: it has sent no catalog";
  if (!ready_) return "the applier: it has not made the schema";
  if (std::string turn = roster_.WhoAttaches(); !turn.empty() && !started_) return turn;
  if (!started_) {
    return fmt::format("listeners: {} of {} have joined", roster_.members().size(),
                       options_.listeners);
  }
  if (investigation_ && !investigation_->reply) {
    return fmt::format("{}: it has not sent the rows it was asked for", investigation_->listener);
  }
  if (auto id = oracle_->OldestWithoutOutcome()) {
    return fmt::format("the applier: transaction {} has no outcome", id->value);
  }
  if (brackets_) {
    if (std::string turn = brackets_->WhoseTurn(); !turn.empty()) return turn;
  }
  if (oracle_->scripts_waiting() > 0) return "Postgres: a commit has not been found in the WAL";
  if (std::string turn = roster_.WhoAttaches(); !turn.empty()) return turn;
  if (std::string turn = roster_.WhoLags(); !turn.empty()) return turn;
  if (barrier_) return "Postgres: the rows of a checkpoint are being read";
  if (!end_) return "the generator: it has not ended";
  return "";
}

bool Referee::ReadsPublication(const std::string& listener) const {
  const auto found = roster_.members().find(listener);
  if (found == roster_.members().end()) return true;
  const model::OutputPlugin* plugin = model::FindOutputPlugin(found->second.join.plugin);
  return plugin && plugin->sends_publications;
}

std::vector<std::string> Referee::peers() const {
  std::vector<std::string> peers{kGenerator, kApplier};
  for (const auto& [peer, member] : roster_.members()) peers.push_back(peer);
  return peers;
}

std::vector<std::pair<std::string, bool>> Referee::Debtors() const {
  std::vector<std::pair<std::string, bool>> debtors;
  for (const auto& [peer, member] : roster_.members()) {
    if (!member.judge) continue;
    const bool has_attached = member.has_attached();
    if (!has_attached || member.judge->expectations_waiting() > 0)
      debtors.emplace_back(peer, has_attached);
  }
  return debtors;
}

decltype(wire::Status::counters) Referee::Counters() const {
  if (!oracle_) return {};
  decltype(wire::Status::counters) counters{{"scripts", oracle_->counts().generated},
                                            {"committed", oracle_->counts().committed},
                                            {"judged", judged_},
                                            {"failed", oracle_->counts().failed},
                                            {"wal_lsn", oracle_->frontier().value}};
  for (const auto& [peer, member] : roster_.members()) {
    if (!member.has_attached()) continue;
    counters.emplace_back(peer + ".checked", member.judge->commits_checked());
    counters.emplace_back(peer + ".lsn", member.judge->judged().value);
  }
  return counters;
}

model::Verdict Referee::MakeVerdict(VerdictKind kind, std::string reason) const {
  model::Verdict verdict{
      .kind = kind, .reason = std::move(reason), .seed = made_ ? made_->seed : 0};
  verdict.commit_order = commit_order_;
  if (ready_) verdict.postgres_version = ready_->postgres_version;
  if (end_) {
    verdict.workload_hash = end_->workload_hash;
    verdict.generator = end_->digest;
    verdict.situations = end_->situations;
  }
  if (oracle_) {
    verdict.transactions = oracle_->counts();
    verdict.expected = oracle_->expected().digest();
  }
  verdict.source = source_;
  verdict.rows_compared = rows_compared_;
  verdict.listeners = roster_.Results();
  return verdict;
}

}  // namespace lockstep::verifier
