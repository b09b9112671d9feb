#include "verifier/referee.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>
#include <variant>

#include "model/output_plugin.h"
#include "model/overloaded.h"
#include "verifier/divergence_report.h"

namespace lockstep::verifier {
namespace {

using model::Lsn;
using model::VerdictKind;

// Each message is one process's to say; whoever else says it does not speak the protocol.
bool MaySay(const std::string& peer, const wire::Message& message) {
  const bool is_generator = peer == kGenerator;
  const bool is_applier = peer == kApplier;
  const bool is_listener = !is_generator && !is_applier;
  return std::visit(model::Overloaded{
                        [&](const wire::CatalogMade&) { return is_generator; },
                        [&](const model::Script&) { return is_generator; },
                        [&](const wire::Barrier&) { return is_generator; },
                        [&](const wire::End&) { return is_generator; },
                        [&](const wire::Ready&) { return is_applier; },
                        [&](const model::Outcome&) { return is_applier; },
                        [&](const wire::Settled&) { return is_applier; },
                        [&](const wire::BarrierReached&) { return is_applier; },
                        [&](const wire::Join&) { return is_listener; },
                        [&](const wire::Hello&) { return is_listener; },
                        [&](const wire::Commit&) { return is_listener; },
                        [&](const wire::Position&) { return is_listener; },
                        [&](const wire::Misfit&) { return is_listener; },
                        [&](const wire::Quarantined&) { return is_listener; },
                        [&](const wire::RowsReply&) { return is_listener; },
                        [&](const wire::Leave&) { return is_listener; },
                        [](const wire::Failure&) { return true; },
                        // The verifier's own words, or the launcher's to hear.
                        [](const wire::Attach&) { return false; },
                        [](const wire::BarrierRelease&) { return false; },
                        [](const wire::Accepted&) { return false; },
                        [](const wire::Quarantine&) { return false; },
                        [](const wire::RowsRequest&) { return false; },
                        [](const wire::Credit&) { return false; },
                        [](const wire::Finish&) { return false; },
                        [](const wire::Status&) { return false; },
                        [](const model::Verdict&) { return false; },
                    },
                    message);
}

// Whether a listener can be what it says. Of the oldest version of its plugin, which shows the
// least.
bool IsPossible(const wire::Join& join) {
  return model::FindOutputPlugin(join.plugin) &&
         model::LossesOf(join.plugin, {}).Contains(join.losses);
}

}  // namespace

Referee::Referee(const RefereeOptions& options)
    : options_(options), credit_(options.window), roster_(options.queue_bytes_max) {}

void Referee::OnMessage(const std::string& peer, wire::Message message, std::size_t bytes) {
  if (!MaySay(peer, message)) {
    strangers_.Count(fmt::format("{} is not who says that", peer));
    return;
  }
  ++progress_;
  const auto nothing = [](const auto&) {};
  const auto when_running = [&](auto act) {
    if (oracle_) act();
  };
  std::visit(model::Overloaded{
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
                   if (commit.run_changes == 0) --progress_;  // somebody else's
                   auto* judge = roster_.JudgeOf(peer);
                   if (judge) judge->OnCommit(commit);
                   if (judge && brackets_) brackets_->OnReport(peer, commit.xid, commit.end_lsn);
                 },
                 [&](const wire::Position& position) {
                   // An idle listener says this now and then: no progress of the run.
                   --progress_;
                   auto* judge = roster_.JudgeOf(peer);
                   if (judge) judge->OnPosition(position);
                   if (judge && brackets_) brackets_->OnReceived(peer, position.received);
                 },
                 [&](const wire::Misfit& misfit) { OnMisfit(peer, misfit); },
                 [&](const wire::Quarantined& quarantined) {
                   if (auto* judge = roster_.JudgeOf(peer)) judge->OnQuarantined(quarantined);
                 },
                 [&](const wire::RowsReply& reply) { On(peer, reply); },
                 [&](const wire::Leave& leave) { On(peer, leave); },
                 [&](const wire::Failure& failure) { On(peer, failure); },
                 // Not for the verifier.
                 [&](const wire::Barrier& m) { nothing(m); },
                 [&](const wire::BarrierRelease& m) { nothing(m); },
                 [&](const wire::Attach& m) { nothing(m); },
                 [&](const wire::Accepted& m) { nothing(m); },
                 [&](const wire::Quarantine& m) { nothing(m); },
                 [&](const wire::RowsRequest& m) { nothing(m); },
                 [&](const wire::Credit& m) { nothing(m); },
                 [&](const wire::Finish& m) { nothing(m); },
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
    std::visit(model::Overloaded{[&](model::Outcome& outcome) { On(std::move(outcome)); },
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
  for (const auto& [peer, member] : roster_.members()) SendAttach(peer);
}

void Referee::OnMisfit(const std::string& peer, const wire::Misfit& misfit) {
  auto* judge = roster_.JudgeOf(peer);
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
  if (!IsPossible(join)) {
    strangers_.Count(
        fmt::format("{} says that its plugin {} cannot show what it can", peer, join.plugin));
    return;
  }
  if (!roster_.Join(peer, join)) return;
  if (ready_) SendAttach(peer);
}

void Referee::SendAttach(const std::string& peer) {
  const wire::Join& join = roster_.Find(peer)->join;
  if (started_) WatchFor(join);
  const std::size_t view = oracle_->AddView(join.losses);
  roster_.StartJudging(peer, view, oracle_->view(view).state(oracle_->expected()));
  if (brackets_) brackets_->OnAttaching(peer);
  letters_.push_back({peer, wire::Attach{catalog()->schema, catalog()->schema}});
}

void Referee::On(const std::string& peer, const wire::Hello& hello) {
  Roster::Member* member = roster_.Find(peer);
  if (!member || !member->judge || member->has_attached()) return;
  if (!MayBeBlind(member->join, hello)) {
    strangers_.Count(
        fmt::format("{} says that it cannot see truncations, which its plugin {} shows", peer,
                    member->join.plugin));
    return;
  }
  member->judge->OnHello(hello);
  if (brackets_) brackets_->OnListener(peer, hello.consistent_point);
  if (started_) spdlog::info("{} joins at {}", peer, ToString(hello.consistent_point));
  if (started_ || roster_.attached() < options_.listeners) return;
  started_ = true;
  for (const auto& [other, attaching] : roster_.members()) {
    if (!attaching.has_attached()) WatchFor(attaching.join);
  }
}

void Referee::WatchFor(const wire::Join& join) {
  if (!join.losses.Has(model::Loss::kTruncate)) return;
  std::vector<std::uint32_t> tables(catalog()->tables.size());
  std::iota(tables.begin(), tables.end(), 0U);
  oracle_->Watch(tables);
}

void Referee::On(const std::string& peer, const wire::Leave& leave) {
  roster_.OnLeave(peer, leave.received);
  if (brackets_) brackets_->OnGone(peer);
  StopAsking(peer);
}

bool Referee::Lose(const std::string& peer, const std::string& what) {
  if (!roster_.OnLost(peer)) return false;
  ++progress_;
  spdlog::warn("{} is lost: {}", peer, what);
  if (brackets_) brackets_->OnGone(peer);
  StopAsking(peer);
  return true;
}

void Referee::OnRestart(const std::string& peer) { Lose(peer, "it was started again"); }

void Referee::OnSilence(const std::string& peer, const std::string& what) {
  if (Lose(peer, what)) letters_.push_back({peer, wire::Leave{peer, {}}});
}

// What a listener's user has to change ends a run that waits for it. Once the run has begun, and
// after any other fault, it is as one that was killed: started again, it may do better with a new
// snapshot.
void Referee::On(const std::string& peer, const wire::Failure& failure) {
  spdlog::warn("{} failed: {}", peer, failure.error.message);
  StopAsking(peer);
  const bool is_listener = peer != kGenerator && peer != kApplier;
  const bool must_change = ExitCodeOf(failure.error) == model::ExitCode::kUsage;
  if (is_listener && (started_ || !must_change)) {
    const Roster::Member* member = roster_.Find(peer);
    if (member && !member->has_attached()) Lose(peer, "it failed before it had attached");
    return;
  }
  // What was found stays found.
  if (investigation_ || verdict_) return;
  failure_ = failure.error;
  failure_->message = fmt::format("{}: {}", peer, failure.error.message);
}

void Referee::StopAsking(const std::string& peer) {
  if (investigation_ && investigation_->listener == peer && !investigation_->reply)
    investigation_->reply = wire::RowsReply{.end_lsn = investigation_->finding.end_lsn};
}

bool Referee::Finish() {
  if (!started_) return false;
  letters_.push_back({kGenerator, wire::Finish{}});
  return true;
}

bool Referee::MayBeBlind(const wire::Join& join, const wire::Hello& hello) {
  if (hello.blind_tables.empty()) return true;
  if (!join.losses.Has(model::Loss::kTruncate)) return false;
  std::vector<std::uint32_t> tables;
  for (const std::string& name : hello.blind_tables) {
    if (auto table = oracle_->expected().FindTable(name)) tables.push_back(*table);
  }
  oracle_->Watch(tables);
  return true;
}

void Referee::OnCommitRecords(std::span<const model::CommitRecord> records, Lsn scanned) {
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
    ++progress_;
    uncredited_.push_back({expectation.end_lsn, expectation.script_bytes});
    remembered_.push_back(uncredited_.back());
    remembered_bytes_ += expectation.script_bytes;
    last_commit_ = expectation.end_lsn;
    roster_.OnExpectation(expectation);
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
  if (failure_) return;
  CreditJudged();
  ForgetJudged();
  if (started_ && !investigation_) {
    if (auto grant = credit_.NextGrant()) letters_.push_back({kGenerator, *grant});
  }
  ConvergeIfDone();
}

void Referee::JudgeListeners() {
  if (auto ok = roster_.Judge(*oracle_); !ok) {
    failure_ = std::move(ok.error());
    return;
  }
  for (auto& [peer, member] : roster_.members()) {
    if (!member.has_attached()) continue;
    ListenerJudge& judge = *member.judge;
    for (std::string& table : judge.TakeQuarantines())
      letters_.push_back({peer, wire::Quarantine{std::move(table)}});
    if (judge.judged() > member.accepted && !judge.finding()) {
      member.accepted = judge.judged();
      letters_.push_back({peer, wire::Accepted{member.accepted}});
    }
  }
  if (investigation_) return;
  if (auto found = roster_.FirstFinding()) Investigate(std::move(*found));
}

void Referee::CreditJudged() {
  const std::uint64_t rolled_back = oracle_->ended_without_commit();
  credit_.Judge(rolled_back - credited_rolled_back_,
                oracle_->rolled_back_bytes() - credited_rolled_back_bytes_);
  credited_rolled_back_ = rolled_back;
  credited_rolled_back_bytes_ = oracle_->rolled_back_bytes();

  const Lsn judged = roster_.JudgedByFirst(oracle_->frontier());
  while (!uncredited_.empty() && uncredited_.front().end_lsn <= judged) {
    credit_.Judge(1, uncredited_.front().script_bytes);
    ++judged_;
    ++progress_;
    uncredited_.pop_front();
  }
}

void Referee::ForgetJudged() {
  if (investigation_) return;
  Lsn forgotten = roster_.JudgedByAll(oracle_->frontier());
  const auto is_too_much = [&] {
    return remembered_.size() > options_.history.scripts ||
           remembered_bytes_ > options_.history.bytes;
  };
  while (!remembered_.empty() && (remembered_.front().end_lsn <= forgotten || is_too_much())) {
    forgotten = std::max(forgotten, remembered_.front().end_lsn);
    remembered_bytes_ -= remembered_.front().script_bytes;
    remembered_.pop_front();
  }
  oracle_->Forget(forgotten);
  if (brackets_) brackets_->Forget(forgotten);
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

void Referee::Investigate(Roster::Found found) {
  Finding& finding = found.finding;
  if (finding.rows_differ && finding.end_lsn <= oracle_->forgotten()) {
    finding.rows_differ = false;
    finding.reason += fmt::format(
        " (it lags: what rows should have been there is kept only for commits after {}, so no row "
        "is shown)",
        ToString(oracle_->forgotten()));
  }
  spdlog::info("{}: {}", found.listener, finding.reason);
  investigation_ = Investigation{found.listener, found.view, finding, std::nullopt};
  if (finding.rows_differ && !found.is_gone) {
    letters_.push_back(
        {found.listener,
         wire::RowsRequest{finding.end_lsn, RowsToAsk(finding, *oracle_, *catalog())}});
  } else {
    StopAsking(found.listener);
  }
}

void Referee::On(const std::string& peer, const wire::RowsReply& reply) {
  if (investigation_ && investigation_->listener == peer &&
      investigation_->finding.end_lsn == reply.end_lsn) {
    investigation_->reply = reply;
  }
}

}  // namespace lockstep::verifier
