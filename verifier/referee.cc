#include "verifier/referee.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "model/output_plugin.h"
#include "verifier/divergence_report.h"

namespace lockstep::verifier {
namespace {

using model::Lsn;
using model::VerdictKind;

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

constexpr const char* kGenerator = "generator";
constexpr const char* kApplier = "applier";

}  // namespace

Referee::Referee(const RefereeOptions& options) : options_(options), credit_(options.window) {}

void Referee::OnMessage(const std::string& peer, wire::Message message, std::size_t bytes) {
  ++progress_;
  const auto nothing = [](const auto&) {};
  const auto when_running = [&](auto act) {
    if (oracle_) act();
  };
  std::visit(Overloaded{
                 [&](wire::CatalogMade& made) { On(std::move(made)); },
                 [&](wire::Ready& ready) { On(std::move(ready)); },
                 [&](const wire::Join& join) { On(peer, join); },
                 [&](const wire::Hello& hello) { On(peer, hello); },
                 [&](model::Script& script) {
                   when_running([&] {
                     const auto id = script.id;
                     if (oracle_->OnScript(std::move(script), bytes)) return;
                     GiveUp(fmt::format("script {} does not fit the catalog or comes out of turn",
                                        id.value));
                   });
                 },
                 [&](model::Outcome& outcome) { from_applier_.emplace_back(std::move(outcome)); },
                 [&](const wire::Settled& settled) {
                   // The applier says this many times a second, whatever else happens: no progress.
                   --progress_;
                   from_applier_.emplace_back(settled);
                 },
                 [&](const wire::BarrierReached& reached) { from_applier_.emplace_back(reached); },
                 [&](const wire::End& end) { end_ = end; },
                 [&](const wire::Commit& commit) {
                   auto* judge = JudgeOf(peer);
                   if (judge) judge->OnCommit(commit);
                   if (judge && brackets_) brackets_->OnReport(peer, commit.xid, commit.end_lsn);
                 },
                 [&](const wire::Position& position) {
                   // An idle listener says this now and then: no progress of the run.
                   --progress_;
                   auto* judge = JudgeOf(peer);
                   if (judge) judge->OnPosition(position);
                   if (judge && brackets_) brackets_->OnReceived(peer, position.received);
                 },
                 [&](const wire::Misfit& misfit) { OnMisfit(peer, misfit); },
                 [&](const wire::Quarantined& quarantined) {
                   if (auto* judge = JudgeOf(peer)) judge->OnQuarantined(quarantined);
                 },
                 [&](const wire::RowsReply& reply) { On(peer, reply); },
                 [&](const wire::Failure& failure) {
                   GiveUp(fmt::format("{} failed: {}", failure.process, failure.error.message));
                 },
                 // Not for the verifier.
                 [&](const wire::Barrier& m) { nothing(m); },
                 [&](const wire::BarrierRelease& m) { nothing(m); },
                 [&](const wire::Attach& m) { nothing(m); },
                 [&](const wire::Accepted& m) { nothing(m); },
                 [&](const wire::Quarantine& m) { nothing(m); },
                 [&](const wire::RowsRequest& m) { nothing(m); },
                 [&](const wire::Credit& m) { nothing(m); },
                 [&](const wire::Status& m) { nothing(m); },
                 [&](const model::Verdict& m) { nothing(m); },
             },
             message);
  TakeFromApplier();
}

void Referee::TakeFromApplier() {
  if (!oracle_) return;
  for (; !from_applier_.empty(); from_applier_.pop_front()) {
    // One barrier after the other; what comes behind it waits too.
    if (barrier_ && std::holds_alternative<wire::BarrierReached>(from_applier_.front())) return;
    std::visit(Overloaded{[&](model::Outcome& outcome) { On(std::move(outcome)); },
                          [&](const wire::Settled& settled) { OnSettled(settled.lsn); },
                          [&](const wire::BarrierReached& reached) { On(reached); }},
               from_applier_.front());
  }
}

void Referee::On(model::Outcome outcome) {
  const auto id = outcome.id;
  if (brackets_ && !brackets_->OnOutcome(outcome)) {
    GiveUp(fmt::format("the applier reports transaction {} as committed where it cannot have been",
                       id.value));
    return;
  }
  if (oracle_->OnOutcome(std::move(outcome))) return;
  GiveUp(fmt::format("the applier reports an outcome of transaction {}, which is not its turn",
                     id.value));
}

void Referee::On(const wire::BarrierReached& reached) {
  OnSettled(reached.lsn);
  barrier_ = reached;
  snapshot_open_ = false;
  committed_before_barrier_ = oracle_->committed_reported();
}

void Referee::On(wire::CatalogMade made) {
  if (made_) return;
  made_ = std::move(made);
  oracle_.emplace(made_->catalog);
}

void Referee::OnCommitOrder(model::CommitOrderSource source) {
  commit_order_ = source;
  made_->bracket_commits = source == model::CommitOrderSource::kBrackets;
  if (made_->bracket_commits) brackets_.emplace();
  letters_.push_back({kApplier, *made_});
}

void Referee::On(wire::Ready ready) {
  ready_ = std::move(ready);
  for (const auto& [peer, listener] : listeners_) SendAttach(peer);
}

void Referee::OnMisfit(const std::string& peer, const wire::Misfit& misfit) {
  auto* judge = JudgeOf(peer);
  if (!judge) return;
  judge->OnMisfit(misfit);
  if (!brackets_) return;
  brackets_->OnReport(peer, misfit.xid, misfit.end_lsn);
  brackets_->OnEnd(peer);
}

void Referee::OnSettled(Lsn lsn) {
  oracle_->OnSettled(lsn);
  if (brackets_) brackets_->OnSettled(lsn);
}

void Referee::On(const std::string& peer, const wire::Join& join) {
  auto [it, is_new] = listeners_.try_emplace(peer, Listener{.join = join});
  if (!is_new) return;
  if (ready_) SendAttach(peer);
}

void Referee::SendAttach(const std::string& peer) {
  Listener& listener = listeners_.at(peer);
  const std::string& plugin = listener.join.plugin;
  const model::LossSet losses = listener.join.losses;
  // Of the oldest version, which shows the least.
  if (!model::FindOutputPlugin(plugin) || !model::LossesOf(plugin, {}).Contains(losses)) {
    GiveUp(fmt::format("{} says that its plugin {} cannot show what it can", peer, plugin));
    return;
  }
  listener.view = oracle_->AddView(losses);
  listener.initial = oracle_->view(listener.view).state(oracle_->expected());
  letters_.push_back({peer, wire::Attach{catalog()->schema, catalog()->schema}});
}

void Referee::On(const std::string& peer, const wire::Hello& hello) {
  auto it = listeners_.find(peer);
  if (it == listeners_.end() || it->second.judge) return;
  Listener& listener = it->second;
  if (!MayBeBlind(listener, hello)) {
    GiveUp(fmt::format("{} says that it cannot see truncations, which its plugin {} shows", peer,
                       listener.join.plugin));
    return;
  }
  listener.judge.emplace(hello, listener.view, listener.initial);
  if (brackets_) brackets_->OnListener(peer, hello.consistent_point);
  // Everything is kept while a listener that has joined has not attached.
  for (const Expectation& expectation : unjudged_) listener.judge->OnExpectation(expectation);
  const auto attached = std::ranges::count_if(
      listeners_, [](const auto& entry) { return entry.second.judge.has_value(); });
  if (static_cast<std::size_t>(attached) >= options_.listeners) started_ = true;
}

bool Referee::MayBeBlind(const Listener& listener, const wire::Hello& hello) {
  if (hello.blind_tables.empty()) return true;
  if (!listener.join.losses.Has(model::Loss::kTruncate)) return false;
  std::vector<std::uint32_t> tables;
  for (const std::string& name : hello.blind_tables) {
    if (auto table = oracle_->expected().FindTable(name)) tables.push_back(*table);
  }
  oracle_->Watch(tables);
  return true;
}

ListenerJudge* Referee::JudgeOf(const std::string& peer) {
  auto it = listeners_.find(peer);
  return it == listeners_.end() || !it->second.judge ? nullptr : &*it->second.judge;
}

void Referee::OnCommitRecords(std::span<const model::CommitRecord> records, Lsn scanned) {
  if (!records.empty()) ++progress_;
  if (oracle_) oracle_->OnCommitRecords(records, scanned);
}

void Referee::Advance() {
  if (!oracle_ || verdict_) return;
  if (brackets_) {
    const BracketOrder::Batch batch = brackets_->Take();
    OnCommitRecords(batch.commits, batch.certain);
  }
  oracle_->Advance(barrier_ ? std::optional(barrier_->lsn) : std::nullopt);
  for (const Expectation& expectation : oracle_->TakeExpectations()) {
    unjudged_.push_back(expectation);
    last_commit_ = expectation.end_lsn;
    for (auto& [peer, listener] : listeners_) {
      if (listener.judge) listener.judge->OnExpectation(expectation);
    }
  }
  // Before a listener is blamed for what Postgres did.
  if (const auto& illegal = oracle_->illegal_effect(); illegal && !investigation_) {
    verdict_ = MakeVerdict(VerdictKind::kDiverged,
                           fmt::format("transaction {}: {}", illegal->id.value, illegal->message));
    verdict_->first_divergence = model::FirstDivergence{
        .commit = illegal->id, .xid = illegal->xid, .end_lsn = illegal->end_lsn};
    return;
  }
  JudgeListeners();
  ForgetJudged();
  if (started_ && !investigation_) {
    if (auto grant = credit_.NextGrant()) letters_.push_back({kGenerator, *grant});
  }
  ConvergeIfDone();
}

void Referee::JudgeListeners() {
  for (auto& [peer, listener] : listeners_) {
    if (!listener.judge) continue;
    ListenerJudge& judge = *listener.judge;
    judge.Judge(*oracle_);
    for (std::string& table : judge.TakeQuarantines())
      letters_.push_back({peer, wire::Quarantine{std::move(table)}});
    if (judge.finding() && !investigation_) Investigate(peer, *judge.finding());
    if (judge.judged() > listener.accepted && !judge.finding()) {
      listener.accepted = judge.judged();
      letters_.push_back({peer, wire::Accepted{listener.accepted}});
    }
  }
}

void Referee::ForgetJudged() {
  const model::TransactionCounts& counts = oracle_->counts();
  const std::uint64_t rolled_back = counts.rolled_back + counts.failed;
  credit_.Judge(rolled_back - credited_rolled_back_,
                oracle_->rolled_back_bytes() - credited_rolled_back_bytes_);
  credited_rolled_back_ = rolled_back;
  credited_rolled_back_bytes_ = oracle_->rolled_back_bytes();

  Lsn judged = oracle_->frontier();
  for (const auto& [peer, listener] : listeners_) {
    if (!listener.judge) return;  // it will want to look back
    judged = std::min(judged, listener.judge->judged());
  }
  while (!unjudged_.empty() && unjudged_.front().end_lsn <= judged) {
    credit_.Judge(1, unjudged_.front().script_bytes);
    ++judged_;
    ++progress_;
    unjudged_.pop_front();
  }
  if (investigation_) return;
  oracle_->Forget(judged);
  if (brackets_) brackets_->Forget(judged);
}

void Referee::OnSnapshot() {
  snapshot_open_ = true;
  letters_.push_back({kApplier, wire::BarrierRelease{barrier_->number}});
}

bool Referee::StandsAtBarrier() const {
  return barrier_ && snapshot_open_ && oracle_->counts().committed == committed_before_barrier_;
}

void Referee::OnChecked(const SourceCheck& check) {
  ++progress_;
  last_checked_ = barrier_->number;
  barrier_.reset();
  rows_compared_ += check.rows_compared();
  source_ = check.digest();
  TakeFromApplier();
  if (check.differences().empty() || verdict_ || investigation_) return;
  verdict_ = MakeVerdict(VerdictKind::kDiverged, "the rows in Postgres are not the expected ones");
  verdict_->first_divergence = DescribeSourceDivergence(check, *oracle_, *catalog());
}

void Referee::OnSnapshotLost() {
  snapshot_open_ = false;
  if (end_ && barrier_->number == end_->barriers) return;
  spdlog::warn("checkpoint {} goes unchecked: its snapshot of Postgres was lost", barrier_->number);
  barrier_.reset();
  TakeFromApplier();
}

void Referee::Investigate(const std::string& listener, const Finding& finding) {
  spdlog::info("{}: {}", listener, finding.reason);
  investigation_ = Investigation{listener, listeners_.at(listener).view, finding, std::nullopt};
  if (finding.rows_differ) {
    letters_.push_back(
        {listener, wire::RowsRequest{finding.end_lsn, RowsToAsk(finding, *oracle_, *catalog())}});
  } else {
    investigation_->reply = wire::RowsReply{.end_lsn = finding.end_lsn};
  }
}

void Referee::On(const std::string& peer, const wire::RowsReply& reply) {
  if (investigation_ && investigation_->listener == peer &&
      investigation_->finding.end_lsn == reply.end_lsn) {
    investigation_->reply = reply;
  }
}

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
  const bool replayed =
      oracle_->scripts_waiting() == 0 && oracle_->counts().generated == end_->scripts;
  const bool checked = !barrier_ && last_checked_ == end_->barriers;
  const bool judged =
      unjudged_.empty() && std::ranges::all_of(listeners_, [&](const auto& entry) {
        return entry.second.judge && entry.second.judge->HasAgreedUpTo(last_commit_);
      });
  if (!replayed || !checked || !judged) return;
  const bool as_generated = oracle_->expected().digest() == end_->digest;
  if (as_generated || oracle_->counts().failed > 0) {
    const std::string unseen = DescribeQuarantines();
    verdict_ =
        MakeVerdict(unseen.empty() ? VerdictKind::kConverged : VerdictKind::kInconclusive, unseen);
  } else {
    verdict_ = MakeVerdict(
        VerdictKind::kDiverged,
        "the generator's own model ended in another state than the expected one, although no "
        "transaction failed");
  }
}

std::string Referee::DescribeQuarantines() const {
  std::string text;
  for (const auto& [peer, listener] : listeners_) {
    for (const model::QuarantinedTable& table : listener.judge->Result().quarantined) {
      text += fmt::format(
          "{}{}: table {} was truncated at {}, which {} does not show; its rows "
          "were not compared from there on (lockstep doctor tells the remedy)",
          text.empty() ? "" : "; ", peer, table.table, ToString(table.end_lsn),
          listener.join.plugin);
    }
  }
  return text;
}

void Referee::GiveUp(const std::string& reason) {
  if (verdict_) return;
  const std::string turn = WhoseTurn();
  verdict_ = MakeVerdict(VerdictKind::kInconclusive,
                         turn.empty() ? reason : reason + "; waited for " + turn);
}

std::string Referee::WhoseTurn() const {
  if (!made_) return "the generator: it has sent no catalog";
  if (!ready_) return "the applier: it has not made the schema";
  for (const auto& [peer, listener] : listeners_) {
    if (!listener.judge) return fmt::format("{}: it has not attached", peer);
  }
  if (!started_) {
    return fmt::format("listeners: {} of {} have joined", listeners_.size(), options_.listeners);
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
  for (const auto& [peer, listener] : listeners_) {
    if (const auto waiting = listener.judge->expectations_waiting()) {
      return fmt::format("{}: {} commits after {} have not come", peer, waiting,
                         ToString(listener.judge->judged()));
    }
  }
  if (barrier_) return "Postgres: the rows of a checkpoint are being read";
  if (!end_) return "the generator: it has not ended";
  return "";
}

std::vector<std::string> Referee::peers() const {
  std::vector<std::string> peers{kGenerator, kApplier};
  for (const auto& [peer, listener] : listeners_) peers.push_back(peer);
  return peers;
}

decltype(wire::Status::counters) Referee::Counters() const {
  if (!oracle_) return {};
  decltype(wire::Status::counters) counters{{"scripts", oracle_->counts().generated},
                                            {"committed", oracle_->counts().committed},
                                            {"judged", judged_},
                                            {"failed", oracle_->counts().failed},
                                            {"wal_lsn", oracle_->frontier().value}};
  for (const auto& [peer, listener] : listeners_) {
    if (!listener.judge) continue;
    counters.emplace_back(peer + ".checked", listener.judge->commits_checked());
    counters.emplace_back(peer + ".lsn", listener.judge->judged().value);
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
  for (const auto& [peer, listener] : listeners_) {
    if (listener.judge) verdict.listeners.push_back(listener.judge->Result());
  }
  return verdict;
}

}  // namespace lockstep::verifier
