#include "auditor/process.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "auditor/attempts.h"
#include "auditor/checkpoint.h"
#include "auditor/comparison.h"
#include "auditor/explanation.h"
#include "auditor/following.h"
#include "auditor/judging.h"
#include "auditor/ledger.h"
#include "auditor/reading_anew.h"
#include "auditor/schedule.h"
#include "consumer/attach_patience.h"
#include "consumer/locked_tables.h"
#include "consumer/patient_probe.h"
#include "model/database.h"
#include "model/output_plugin.h"
#include "model/projection.h"
#include "model/relation.h"
#include "postgres/table_activity.h"
#include "postgres/table_scope.h"
#include "report/audit_json.h"
#include "wire/peer.h"
#include "wire/poller.h"
#include "wire/reporter.h"

namespace lockstep::auditor {
namespace {

using model::Result;

// The shortest time from one turn that took transactions to the next: with a backlog behind it the
// server sends one message at a time, and a reader that lets some gather makes both cheaper.
constexpr std::chrono::microseconds kPace{500};
// Of the comparisons at the end, each reads anew what changed before the one before it. What still
// changes then, others do whose work is not audited.
constexpr int kMaxComparisonsAtEnd = 5;
// An idle session tells its counts 10 s after its last statement at the latest.
constexpr std::chrono::seconds kStatisticsDelay{11};
constexpr std::chrono::seconds kStatisticsPause{1};
// How long one during the run is tried; the one at the end has as long as an attach.
constexpr std::chrono::seconds kCheckpointPatience{30};

// Nothing else is done meanwhile, so a stop ends it, when there were more than `stops_before`.
Result<void> SayWait(const std::string& id, const consumer::AttachWait& wait,
                     wire::StopSignal& stop, int stops_before) {
  spdlog::warn("{}: {} ({:.1f} s of {:.0f} s)", id, wait.reason,
               std::chrono::duration<double>(wait.elapsed).count(),
               std::chrono::duration<double>(wait.limit).count());
  if (stop.Count() <= stops_before) return {};
  return model::Fail(model::ErrorKind::kEnvironment, "stopped while " + wait.reason);
}

class Process {
 public:
  Process(const ProcessOptions& options, wire::Reporter reporter, wire::StopSignal& stop,
          model::PluginVersion version)
      : options_(options),
        stop_(stop),
        reporter_(std::move(reporter)),
        projection_(model::LossesOf(options.plugin, version)),
        ledger_(options.id, options.plugin),
        following_(
            options_, version, ledger_,
            [this](const consumer::AttachWait& wait) { return SayWait(wait); },
            [this] { EndCheckpoint(); }),
        schedule_(options.checkpoint, wire::Clock::now()),
        attempts_(kCheckpointPatience, std::chrono::seconds(options.attach_timeout_s)) {
    if (reporter_.client()) poller_.Add(*reporter_.client());
    poller_.AddFd(stop.fd(), {.read = true});
  }

  Result<void> Run() {
    auto ok = following_.Attach();
    if (ok) ok = WriteResult();
    schedule_.Restart(0, wire::Clock::now());
    while (ok && !finished_) {
      if (stop_.Count() > 1) return Abandon("it was stopped before the comparison at the end");
      ok = Turn();
    }
    return ok;
  }

  // Also after an error, which is told with what was found until then.
  Result<void> CleanUp(const Result<void>& result) {
    if (!result) ledger_.result().reason = result.error().message;
    ledger_.result().end_lsn = following_.received();
    EndCheckpoint();
    following_.Unwatch(poller_);
    if (const auto& saboteur = following_.saboteur()) {
      const std::string deed = saboteur->deed();
      ledger_.result().sabotage =
          deed.empty() ? "it never was, no transaction came that the kind fits" : deed;
      spdlog::info("sabotage: {}", ledger_.result().sabotage);
    }
    auto detached = following_.Detach();
    auto written = WriteResult();
    return detached ? written : detached;
  }

  wire::Reporter& reporter() { return reporter_; }

 private:
  Result<void> SayWait(const consumer::AttachWait& wait) {
    // The first one asks for the comparison at the end, for which it may have to attach anew.
    return auditor::SayWait(options_.id, wait, stop_, ledger_.result().joined.IsValid() ? 1 : 0);
  }

  Result<void> Abandon(const std::string& reason) {
    ledger_.result().reason = reason;
    return {};
  }

  // Everything that can be done now, then a wait. In this order: status due, what is not yet sent,
  // frames, the comparison.
  Result<void> Turn() {
    const auto now = wire::Clock::now();
    if (auto ok = following_.Turn(now); !ok) return ok;
    if (following_.stuck().empty()) {
      if (auto ok = MoveCheckpoint(now); !ok) return ok;
    }
    if (!following_.stuck().empty()) return AttachAnew(following_.stuck());
    // Whoever hears of news reads them in the result.
    if (ledger_.news() > written_news_) {
      if (auto ok = WriteResult(); !ok) return ok;
    }
    (void)reporter_.Tick(now);
    Report(now);
    return finished_ ? Result<void>() : Wait(now);
  }

  Result<void> AttachAnew(std::string reason) {
    EndCheckpoint();
    attempts_.End();
    following_.Unwatch(poller_);
    if (auto ok = following_.AttachAnew(reason); !ok) return ok;
    schedule_.Restart(ledger_.result().transactions, wire::Clock::now());
    return WriteResult();
  }

  Result<void> Wait(wire::Time now) {
    auto deadline = wire::Earlier(reporter_.NextDeadline(), following_.NextDeadline(now));
    if (now < attempts_.next()) {
      deadline = wire::Earlier(deadline, attempts_.next());
    } else if (!checkpoint_ && following_.is_connected()) {
      const bool is_due = HasSomeToRead() || stop_.Count() > 0;
      deadline = wire::Earlier(deadline, is_due ? now : schedule_.NextDeadline());
    }
    if (checkpoint_ && checkpoint_->has_more()) deadline = now;
    following_.Watch(poller_);
    if (checkpoint_) checkpoint_->Watch(poller_);
    if (following_.took_some()) std::this_thread::sleep_until(now + kPace);
    auto ready = poller_.Wait(deadline);
    if (!ready) return std::unexpected(std::move(ready.error()));
    return {};
  }

  void Report(wire::Time now) {
    const report::AuditResult& result = ledger_.result();
    reporter_.Report({{"transactions", result.transactions},
                      {"changes", result.changes},
                      {"end_lsn", following_.received().value},
                      {"checkpoints", result.checkpoints},
                      {"tables", tables_compared_},
                      {"rows_compared", result.rows_compared},
                      {"differences", result.difference_count},
                      {"news", ledger_.news()},
                      {"comparing", checkpoint_ && checkpoint_->is_reading() ? 1U : 0U}},
                     now);
  }

  // ---- comparing ----

  Result<void> MoveCheckpoint(wire::Time now) {
    auto moved = checkpoint_ ? MoveBegun(now) : BeginWhenDue(now);
    return moved ? moved : OnFailedAttempt(std::move(moved.error()), now);
  }

  Result<void> OnFailedAttempt(model::Error error, wire::Time now) {
    EndCheckpoint();
    if (!MayPass(error)) return std::unexpected(std::move(error));
    if (attempts_.OnFailed(now)) {
      spdlog::warn("{}: the comparison is tried again: {}", options_.id, error.message);
      return {};
    }
    spdlog::error("{}: no comparison: {}", options_.id, error.message);
    ledger_.OnSkipped(error.message);
    ScheduleNext(now);
    attempts_.End();
    if (!attempts_.is_at_end()) return {};
    finished_ = true;
    return Abandon("the comparison at the end could not be made: " + error.message);
  }

  // Behind one that was made, or given up. One that only read tables anew leaves the comparison
  // when it is due.
  void ScheduleNext(wire::Time now) {
    if (attempts_.compares()) schedule_.Restart(ledger_.result().transactions, now);
  }

  Result<void> BeginWhenDue(wire::Time now) {
    const bool last = stop_.Count() > 0;
    if (!following_.is_connected() || now < attempts_.next()) return {};
    const bool is_due = last || schedule_.IsDue(ledger_.result().transactions, now);
    if (!attempts_.is_begun() && !is_due && !HasSomeToRead()) return {};
    attempts_.Begin(is_due, last, now);
    auto begun = BeginCheckpoint();
    if (!begun) return std::unexpected(std::move(begun.error()));
    checkpoint_.emplace(std::move(*begun));
    // Until its consistent point is known it may lie behind anything that comes.
    following_.SetLimit(model::Lsn{});
    return {};
  }

  // Also between comparisons.
  bool HasSomeToRead() const {
    return following_.has_some_to_read_anew() || following_.has_doubtful();
  }

  Result<Checkpoint> BeginCheckpoint() {
    auto unsent = following_.PublishNew();
    if (!unsent) return std::unexpected(std::move(unsent.error()));
    if (*unsent && attempts_.is_at_end()) return std::unexpected(std::move(**unsent));
    sends_all_ = !*unsent;
    return Checkpoint::Begin({.conninfo = options_.conninfo,
                              .application_name = "lockstep " + options_.id,
                              .slot = fmt::format("{}_check{}", options_.slot, ++check_slots_),
                              .scope = following_.scope(),
                              .connections = options_.copy_connections,
                              .lock_timeout = attempts_.lock_timeout(),
                              .wanted = attempts_.is_at_end() ? consumer::Wanted::kAll
                                                              : consumer::Wanted::kAsManyAsCan});
  }

  Result<void> MoveBegun(wire::Time now) {
    if (!checkpoint_->is_reading()) {
      auto has_slot = checkpoint_->AwaitSlot();
      if (!has_slot) return std::unexpected(std::move(has_slot.error()));
      if (!*has_slot) return {};
      following_.SetLimit(checkpoint_->consistent_point());
      // What waits is applied in the next turn; the stream may have more for it.
      if (!following_.HasReached(checkpoint_->consistent_point())) return MayCatchUp(now);
      if (auto ok = StartReading(); !ok) return ok;
    }
    auto done = checkpoint_->Read();
    if (!done) return std::unexpected(std::move(done.error()));
    return *done ? OnRead(now) : Result<void>();
  }

  // The tables are locked meanwhile, and whoever waits for one of them lets others wait: as long as
  // locks are waited for, longer each time.
  Result<void> MayCatchUp(wire::Time now) {
    if (!catching_up_since_) catching_up_since_ = now;
    if (attempts_.is_at_end() || now - *catching_up_since_ < attempts_.lock_timeout()) return {};
    return model::Fail(model::ErrorKind::kMisfit,
                       fmt::format("the stream is more than {} ms behind the tables",
                                   attempts_.lock_timeout().count()));
  }

  // Both sides are at the consistent point. What the replica has not as it is there is copied.
  Result<void> StartReading() {
    const model::Database& replica = following_.replica().database();
    consumer::LockedTables& locked = checkpoint_->locked();
    if (auto ok = LeaveUnsentAlone(locked); !ok) return ok;
    forms_changed_ =
        FindTablesToReadAnew(locked, checkpoint_->consistent_point(), following_, ledger_);
    std::vector<TableTask> tasks;
    for (std::size_t i = 0; i < locked.readable; ++i) {
      const model::RelationPtr& relation = locked.tables.followed[i];
      TableTask task{.relation = relation, .bytes = locked.states[i].bytes};
      if (!locked.states[i].has_foreign_code) task.form = postgres::RowForm::kWithXmin;
      if (!following_.IsToBeReadAnew({relation->schema, relation->name})) {
        task.compared_with = replica.FindTable(relation->schema, relation->name);
        const bool is_compared = attempts_.compares() || following_.IsDoubtful(*task.compared_with);
        if (!is_compared || following_.table(*task.compared_with).left_out) continue;
      }
      tasks.push_back(std::move(task));
    }
    checkpoint_->Start(tasks, replica, projection_);
    return {};
  }

  // Those whose changes, or truncations, the server was not yet asked to send behind the point.
  Result<void> LeaveUnsentAlone(consumer::LockedTables& locked) {
    auto late = following_.PublishedLate(locked.tables.insert_only);
    if (!late) return std::unexpected(std::move(late.error()));
    if (!late->empty() && attempts_.is_at_end()) {
      return model::Fail(model::ErrorKind::kMisfit,
                         fmt::format("table {} came into being or got an identity while the slot "
                                     "was made",
                                     late->front().QualifiedName()));
    }
    locked.LeaveAlone(*late);
    if (sends_all_) return {};
    std::vector<postgres::TableName> blind = locked.blind_tables;
    std::erase_if(
        blind, [&](const postgres::TableName& table) { return !following_.IsToBeReadAnew(table); });
    locked.LeaveAlone(blind);
    return {};
  }

  Result<void> OnRead(wire::Time now) {
    const std::vector<postgres::ExcludedTable> excluded = checkpoint_->locked().tables.excluded;
    auto activity = checkpoint_->ReadActivity();
    if (!activity) return std::unexpected(std::move(activity.error()));
    if (attempts_.compares() || !checkpoint_->comparison().compared().empty()) Judge(*activity);
    following_.LookForDoubtful();
    following_.ForgetUnfollowed(checkpoint_->locked().tables.followed,
                                checkpoint_->consistent_point());
    ScheduleNext(now);
    const bool has_copies = checkpoint_->comparison().copies().table_count() > 0;
    if (forms_changed_ || has_copies) {
      auto ok = following_.TakeOver(checkpoint_->locked(), checkpoint_->comparison().copies(),
                                    *activity, checkpoint_->consistent_point());
      if (!ok) return ok;
    }
    for (const auto& [table, reason] : checkpoint_->comparison().UnshownKeys())
      following_.ExcludeUnshown(table, reason);
    // Also one that was followed.
    for (const postgres::ExcludedTable& table : excluded)
      ledger_.OnExcluded({table.schema, table.name}, {table.kind, table.reason});
    // A table that was read anew is still to be compared.
    const bool is_complete = !has_copies && !following_.has_some_to_read_anew();
    if (attempts_.is_at_end() && undecided_tables_ == 0 &&
        (is_complete || ++comparisons_at_end_ == kMaxComparisonsAtEnd)) {
      finished_ = true;
      ledger_.result().finished = true;
    }
    const bool left_some = checkpoint_->left_alone() > 0 && HasSomeToRead();
    EndCheckpoint();
    if (left_some) {
      attempts_.EndPartly(now);
    } else {
      attempts_.End();
    }
    if (undecided_tables_ > 0) attempts_.Postpone(now + kStatisticsPause);
    return WriteResult();
  }

  void Judge(const std::vector<postgres::TableActivity>& activity) {
    const Comparison& comparison = checkpoint_->comparison();
    const std::uint64_t before = ledger_.result().difference_count;
    ledger_.OnCheckpoint();
    undecided_tables_ = JudgeTables(*checkpoint_, activity, StatisticsNow(), following_, ledger_);
    tables_compared_ = comparison.compared().size();
    spdlog::info(
        "{}: compared {} tables, {} rows at {}: {} new differences; left {} tables for the next "
        "time, which somebody was at work on",
        options_.id, tables_compared_, comparison.rows_compared(),
        ToString(checkpoint_->consistent_point()), ledger_.result().difference_count - before,
        checkpoint_->left_alone());
  }

  Statistics StatisticsNow() const {
    if (!checkpoint_->counts_rows()) return Statistics::kNone;
    const bool has_ended = attempts_.is_at_end();
    return has_ended && wire::Clock::now() - attempts_.end_began() > kStatisticsDelay
               ? Statistics::kSettled
               : Statistics::kLate;
  }

  void EndCheckpoint() {
    if (checkpoint_) checkpoint_->Unwatch(poller_);
    checkpoint_.reset();
    catching_up_since_.reset();
    following_.SetLimit(std::nullopt);
  }

  Result<void> WriteResult() {
    if (following_.received().IsValid()) ledger_.result().end_lsn = following_.received();
    if (options_.result_path.empty()) return {};
    written_news_ = ledger_.news();
    const std::string fresh = options_.result_path + ".new";
    std::ofstream file(fresh, std::ios::binary | std::ios::trunc);
    file << report::AuditResultJson(ledger_.Result()) << std::flush;
    std::error_code error;
    if (file) std::filesystem::rename(fresh, options_.result_path, error);
    if (file && !error) return {};
    return model::Fail(model::ErrorKind::kEnvironment, "cannot write " + options_.result_path);
  }

  const ProcessOptions& options_;
  wire::StopSignal& stop_;
  wire::Reporter reporter_;
  wire::Poller poller_;
  model::Projection projection_;
  Ledger ledger_;
  Following following_;

  Schedule schedule_;
  std::optional<Checkpoint> checkpoint_;
  Attempts attempts_;
  std::uint64_t check_slots_ = 0;  // asked for; the server may take a while to drop one
  std::optional<wire::Time> catching_up_since_;
  bool sends_all_ = true;       // what is to be read was asked for before it
  bool forms_changed_ = false;  // at its consistent point the tables are not the replica's
  std::uint64_t undecided_tables_ = 0;
  int comparisons_at_end_ = 0;
  std::uint64_t written_news_ = 0;
  std::uint64_t tables_compared_ = 0;  // at the last comparison
  bool finished_ = false;
};

}  // namespace

Result<void> RunProcess(const ProcessOptions& options, wire::StopSignal& stop) {
  wire::Context context;
  auto reporter = wire::Reporter::Connect(context, options.id, options.status_endpoint);
  if (!reporter) return std::unexpected(std::move(reporter.error()));
  consumer::AttachPatience patience(
      std::chrono::seconds(options.attach_timeout_s),
      [&](const consumer::AttachWait& wait) { return SayWait(options.id, wait, stop, 0); });
  auto version = consumer::ProbePluginPatiently(options.conninfo, options.plugin, patience);
  if (!version) {
    reporter->Fail(version.error());
    reporter->Drain();
    return std::unexpected(std::move(version.error()));
  }
  Process process(options, std::move(*reporter), stop, *version);
  auto result = process.Run();
  auto cleaned = process.CleanUp(result);
  if (result && !cleaned) result = std::move(cleaned);
  if (!result) process.reporter().Fail(result.error());
  process.reporter().Drain();
  return result;
}

}  // namespace lockstep::auditor
