#include "auditor/process.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>
#include <utility>

#include "auditor/checkpoint.h"
#include "auditor/last_writers.h"
#include "auditor/ledger.h"
#include "consumer/attach_patience.h"
#include "consumer/consumer.h"
#include "model/change.h"
#include "model/output_plugin.h"
#include "model/projection.h"
#include "postgres/connection.h"
#include "postgres/plugin_probe.h"
#include "report/audit_json.h"
#include "wire/peer.h"
#include "wire/poller.h"
#include "wire/reporter.h"
#include "wire/watched_fd.h"

namespace lockstep::auditor {
namespace {

using consumer::Consumer;
using model::Result;

constexpr std::chrono::milliseconds kReconnectPause{200};
constexpr std::chrono::seconds kReconnectLimit{60};
// The shortest time from one turn that took transactions to the next: with a backlog behind it the
// server sends one message at a time, and a reader that lets some gather makes both cheaper.
constexpr std::chrono::microseconds kPace{500};
// Transactions taken from the stream before the rest is looked at.
constexpr int kBatch = 256;
// What may wait to be applied while the replica is held: then reading pauses, and Postgres keeps
// the rest.
constexpr std::size_t kMaxWaitingChanges = 100'000;
// How long a comparison during the run is tried; the one at the end has as long as an attach.
constexpr std::chrono::seconds kCheckpointPatience{30};
constexpr std::chrono::milliseconds kRetryPause{100};

// An xid that Postgres has rolled back.
Result<model::Xid> RollBackOne(const std::string& conninfo) {
  auto connection = postgres::Connection::Open(conninfo, postgres::ConnectionKind::kSql);
  if (!connection) return std::unexpected(std::move(connection.error()));
  if (auto ok = connection->Execute("BEGIN"); !ok) return std::unexpected(std::move(ok.error()));
  auto xid = connection->Scalar("SELECT pg_current_xact_id()::xid");
  if (!xid) return std::unexpected(std::move(xid.error()));
  if (auto ok = connection->Execute("ROLLBACK"); !ok) return std::unexpected(std::move(ok.error()));
  return model::Xid{static_cast<std::uint32_t>(std::stoul(*xid))};
}

class Process {
 public:
  Process(const ProcessOptions& options, wire::Reporter reporter)
      : options_(options),
        reporter_(std::move(reporter)),
        ledger_(options.id, options.plugin),
        schedule_(options.checkpoint, wire::Clock::now()) {
    if (options_.sabotage) {
      saboteur_.emplace(*options_.sabotage, [this] { return RollBackOne(options_.conninfo); });
    }
  }

  Result<void> Run(wire::StopSignal& stop) {
    stop_ = &stop;
    if (reporter_.client()) poller_.Add(*reporter_.client());
    poller_.AddFd(stop.fd(), {.read = true});
    auto version = postgres::ProbePlugin(options_.conninfo, options_.plugin);
    if (!version) return std::unexpected(std::move(version.error()));
    version_ = *version;
    projection_ = model::Projection(model::LossesOf(options_.plugin, version_));
    if (auto ok = Attach(); !ok) return ok;
    while (!finished_) {
      if (stop.Count() > 1) return Abandon("it was stopped before the comparison at the end");
      if (auto ok = Turn(); !ok) return ok;
    }
    return {};
  }

  // Also after an error: what was found until then is told.
  Result<void> CleanUp() {
    EndCheckpoint();
    watched_.Watch(poller_, -1, {});
    if (saboteur_)
      spdlog::info("sabotage: {}", saboteur_->deed().empty() ? "never acted" : saboteur_->deed());
    auto detached = consumer_ ? consumer_->Detach() : Result<void>();
    auto written = WriteResult();
    return detached ? written : detached;
  }

  wire::Reporter& reporter() { return reporter_; }
  Ledger& ledger() { return ledger_; }

 private:
  // ---- attaching ----

  Result<void> Attach() {
    auto attached = Consumer::Attach(
        {.conninfo = options_.conninfo,
         .application_name = "lockstep " + options_.id,
         .slot = options_.slot,
         .plugin = options_.plugin,
         .schema = options_.schema,
         .publication = options_.publication,
         .version = version_,
         .install_triggers = options_.install_triggers,
         .copy_connections = options_.copy_connections,
         .attach_timeout = std::chrono::seconds(options_.attach_timeout_s),
         .on_wait = [this](const consumer::AttachWait& wait) { return SayWait(wait); }});
    if (!attached) return std::unexpected(std::move(attached.error()));
    consumer_.emplace(std::move(*attached));
    writers_.Clear();
    left_out_.clear();
    ledger_.OnAttached(consumer_->replica().database(), consumer_->consistent_point());
    spdlog::info("{}: follows {} tables from {}", options_.id,
                 consumer_->replica().database().table_count(),
                 ToString(consumer_->consistent_point()));
    schedule_.Restart(ledger_.result().transactions, wire::Clock::now());
    return WriteResult();
  }

  // Nothing else is done meanwhile, so a stop ends it.
  Result<void> SayWait(const consumer::AttachWait& wait) {
    spdlog::warn("{}: {} ({:.1f} s of {:.0f} s)", options_.id, wait.reason,
                 std::chrono::duration<double>(wait.elapsed).count(),
                 std::chrono::duration<double>(wait.limit).count());
    const int stops_before = ledger_.result().joined.IsValid() ? 1 : 0;
    if (stop_->Count() <= stops_before) return {};
    return model::Fail(model::ErrorKind::kEnvironment, "stopped while " + wait.reason);
  }

  // The stream cannot be followed over what happened to the tables: it is begun anew behind that.
  Result<void> AttachAnew(const std::string& reason) {
    spdlog::warn("{}: reads the tables anew: {}", options_.id, reason);
    ledger_.OnResync(consumer_->replica().valid_at(), reason);
    EndCheckpoint();
    watched_.Watch(poller_, -1, {});
    if (auto ok = consumer_->Detach(); !ok) return ok;
    consumer_.reset();
    waiting_.clear();
    waiting_changes_ = 0;
    lost_since_.reset();
    more_to_read_ = false;
    return Attach();
  }

  Result<void> Abandon(const std::string& reason) {
    ledger_.result().reason = reason;
    return {};
  }

  // ---- the loop ----

  // Everything that can be done now, then a wait. In this order: status due, what is not yet sent,
  // frames, the comparison.
  Result<void> Turn() {
    const auto now = wire::Clock::now();
    if (auto ok = Follow(now); !ok) return ok;
    if (!anew_.empty()) return AttachAnew(std::exchange(anew_, {}));
    if (auto ok = MoveCheckpoint(now); !ok) return ok;
    if (!anew_.empty()) return AttachAnew(std::exchange(anew_, {}));
    (void)reporter_.Tick(now);
    Report(now);
    return finished_ ? Result<void>() : Wait(now);
  }

  Result<void> Wait(wire::Time now) {
    auto deadline = wire::Earlier(reporter_.NextDeadline(), schedule_.NextDeadline());
    if (checkpoint_ || now < next_attempt_) deadline = reporter_.NextDeadline();
    if (now < next_attempt_) deadline = wire::Earlier(deadline, next_attempt_);
    if (consumer_->fd() < 0) deadline = reporter_.NextDeadline();
    deadline = wire::Earlier(deadline,
                             consumer_->fd() >= 0 ? consumer_->NextStatusDue() : next_reconnect_);
    if (more_to_read_ || (checkpoint_ && checkpoint_->has_more())) deadline = now;
    watched_.Watch(poller_, consumer_->fd(),
                   {.read = WantsToRead(), .write = consumer_->WantsWrite()});
    if (checkpoint_) checkpoint_->Watch(poller_);
    if (std::exchange(took_some_, false)) std::this_thread::sleep_until(now + kPace);
    auto ready = poller_.Wait(deadline);
    if (!ready) return std::unexpected(std::move(ready.error()));
    return {};
  }

  void Report(wire::Time now) {
    const report::AuditResult& result = ledger_.result();
    reporter_.Report({{"attached", 1},
                      {"transactions", result.transactions},
                      {"changes", result.changes},
                      {"end_lsn", consumer_ ? consumer_->received().value : 0},
                      {"checkpoints", result.checkpoints},
                      {"skipped", result.skipped_checkpoints},
                      {"tables", tables_compared_},
                      {"rows_compared", result.rows_compared},
                      {"differences", result.difference_count},
                      {"comparing", checkpoint_ && checkpoint_->is_comparing() ? 1U : 0U}},
                     now);
  }

  // ---- following ----

  Result<void> Follow(wire::Time now) {
    auto ok = consumer_->fd() >= 0 ? consumer_->SendStatus(now) : Reconnect(now);
    if (ok) ok = consumer_->Flush();
    if (ok) ok = ReadStream();
    if (ok || !model::IsWorthRetry(ok.error())) return ok;
    if (!lost_since_) {
      spdlog::warn("{}: {}; reconnecting", options_.id, ok.error().message);
      lost_since_ = now;
    } else if (now - *lost_since_ > kReconnectLimit) {
      return ok;
    }
    next_reconnect_ = now + kReconnectPause;
    return {};
  }

  Result<void> Reconnect(wire::Time now) {
    if (now < next_reconnect_) return {};
    auto ok = consumer_->Reconnect(now);
    if (ok) lost_since_.reset();
    return ok;
  }

  bool WantsToRead() const {
    return consumer_->WantsToRead() && waiting_changes_ < kMaxWaitingChanges;
  }

  Result<void> ReadStream() {
    more_to_read_ = false;
    if (auto ok = ApplyWaiting(); !ok) return ok;
    for (int i = 0; i < kBatch && WantsToRead() && anew_.empty(); ++i) {
      auto transaction = consumer_->Next();
      if (!transaction && transaction.error().kind == model::ErrorKind::kMisfit) {
        anew_ = transaction.error().message;
        return {};
      }
      if (!transaction) return std::unexpected(std::move(transaction.error()));
      if (!*transaction) return {};
      took_some_ = true;
      waiting_changes_ += (*transaction)->changes.size() + 1;
      waiting_.push_back(std::move(**transaction));
      if (auto ok = ApplyWaiting(); !ok) return ok;
    }
    more_to_read_ = WantsToRead();
    return {};
  }

  // While a slot is being made its consistent point may lie behind anything that comes.
  bool MayApply(const model::Transaction& transaction) const {
    if (!checkpoint_) return true;
    return transaction.end_lsn <= checkpoint_->consistent_point();
  }

  Result<void> ApplyWaiting() {
    while (!waiting_.empty() && MayApply(waiting_.front()) && anew_.empty()) {
      model::Transaction transaction = std::move(waiting_.front());
      waiting_.pop_front();
      waiting_changes_ -= transaction.changes.size() + 1;
      if (auto ok = Take(std::move(transaction)); !ok) return ok;
    }
    return {};
  }

  Result<void> Take(model::Transaction transaction) {
    const model::Lsn end_lsn = transaction.end_lsn;
    if (!saboteur_) {
      Apply(transaction);
    } else {
      auto changed = saboteur_->Change(std::move(transaction));
      if (!changed) return std::unexpected(std::move(changed.error()));
      for (const model::Transaction& one : *changed) Apply(one);
    }
    // Nothing is to be had again: an auditor that dies ends the audit.
    consumer_->OnDurable(end_lsn);
    return {};
  }

  void Apply(const model::Transaction& transaction) {
    auto applied = consumer_->replica().Apply(transaction);
    while (!applied) {
      const model::Relation* relation = FormOf(transaction, applied.error().table);
      if (relation == nullptr) {
        anew_ = applied.error().message;
        return;
      }
      const auto table =
          consumer_->replica().database().FindTable(relation->schema, relation->name);
      spdlog::error("{}: xid {} at {}: {}", options_.id, transaction.xid.value,
                    ToString(transaction.end_lsn), applied.error().message);
      ledger_.OnMisfit(transaction, *relation, applied.error());
      consumer_->replica().Quarantine(*table);
      left_out_.insert(*table);
      (void)WriteResult();
      applied = consumer_->replica().Apply(transaction);
    }
    ledger_.OnTransaction(transaction);
    writers_.OnApplied(applied->images, {transaction.xid, transaction.end_lsn});
  }

  // The replica's form of the table that a change did not fit; nullptr when the change has another
  // form, or the replica has no such table.
  const model::Relation* FormOf(const model::Transaction& transaction, const std::string& table) {
    const model::Database& replica = consumer_->replica().database();
    const model::Relation* form = nullptr;
    for (const model::Change& change : transaction.changes) {
      const model::RelationPtr& relation = model::RelationOf(change);
      if (!relation || relation->name != table) continue;
      const auto index = replica.FindTable(relation->schema, relation->name);
      if (!index) return nullptr;
      form = replica.table(*index).relation().get();
      if (form->columns != relation->columns || form->key != relation->key) return nullptr;
    }
    return form;
  }

  // ---- comparing ----

  Result<void> MoveCheckpoint(wire::Time now) {
    if (!checkpoint_) return BeginWhenDue(now);
    auto moved = MoveBegun(now);
    if (moved) return {};
    EndCheckpoint();
    const bool final = final_;
    if (!MayPass(moved.error())) return moved;
    const auto patience =
        final ? std::chrono::seconds(options_.attach_timeout_s) : kCheckpointPatience;
    if (now - first_attempt_ < patience) {
      spdlog::warn("{}: the comparison is tried again: {}", options_.id, moved.error().message);
      lock_timeout_ *= 2;
      next_attempt_ = now + kRetryPause;
      return {};
    }
    spdlog::error("{}: no comparison: {}", options_.id, moved.error().message);
    ledger_.OnSkipped(moved.error().message);
    StartOver(now);
    if (!final) return {};
    finished_ = true;
    return Abandon("the comparison at the end could not be made: " + moved.error().message);
  }

  void StartOver(wire::Time now) {
    attempting_ = false;
    lock_timeout_ = kFirstLockTimeout;
    schedule_.Restart(ledger_.result().transactions, now);
  }

  Result<void> BeginWhenDue(wire::Time now) {
    const bool last = stop_->Count() > 0;
    if (consumer_->fd() < 0 || now < next_attempt_) return {};
    if (!attempting_ && !last && !schedule_.IsDue(ledger_.result().transactions, now)) return {};
    if (!attempting_ || (last && !final_)) first_attempt_ = now;
    attempting_ = true;
    final_ = last;
    auto begun = Checkpoint::Begin({.conninfo = options_.conninfo,
                                    .application_name = "lockstep " + options_.id,
                                    .slot = options_.slot + "_check",
                                    .schema = options_.schema,
                                    .left_out = left_out_,
                                    .connections = options_.copy_connections,
                                    .lock_timeout = lock_timeout_});
    if (begun) {
      checkpoint_.emplace(std::move(*begun));
      return {};
    }
    if (!MayPass(begun.error())) return std::unexpected(std::move(begun.error()));
    next_attempt_ = now + kReconnectPause;
    return {};
  }

  Result<void> MoveBegun(wire::Time now) {
    const model::Database& replica = consumer_->replica().database();
    auto has_slot = checkpoint_->AwaitSlot(replica);
    if (!has_slot) return std::unexpected(std::move(has_slot.error()));
    if (!*has_slot) return {};
    if (!checkpoint_->form_changes().empty()) {
      anew_ = fmt::format("{}", fmt::join(checkpoint_->form_changes(), ", "));
      EndCheckpoint();
      attempting_ = false;
      return {};
    }
    if (auto ok = ApplyWaiting(); !ok) return ok;
    if (!anew_.empty()) return {};
    // The stream may have more for it.
    if (consumer_->received() < checkpoint_->consistent_point()) return {};
    if (!checkpoint_->is_comparing()) checkpoint_->StartComparing(replica, projection_);
    auto done = checkpoint_->Compare();
    if (!done) return std::unexpected(std::move(done.error()));
    return *done ? OnCompared(now) : Result<void>();
  }

  Result<void> OnCompared(wire::Time now) {
    const Comparison& comparison = checkpoint_->comparison();
    const model::Lsn point = checkpoint_->consistent_point();
    const std::uint64_t before = ledger_.result().difference_count;
    ledger_.OnCompared(comparison, consumer_->replica().database(), writers_, point);
    tables_compared_ = comparison.compared().size();
    spdlog::info("{}: compared {} tables, {} rows at {}: {} differences", options_.id,
                 tables_compared_, comparison.rows_compared(), ToString(point),
                 ledger_.result().difference_count - before);
    if (final_) {
      finished_ = true;
      ledger_.result().finished = true;
    }
    EndCheckpoint();
    StartOver(now);
    return WriteResult();
  }

  void EndCheckpoint() {
    if (checkpoint_) checkpoint_->Unwatch(poller_);
    checkpoint_.reset();
    more_to_read_ = true;
  }

  Result<void> WriteResult() {
    if (consumer_) ledger_.result().end_lsn = consumer_->received();
    if (options_.result_path.empty()) return {};
    const std::string fresh = options_.result_path + ".new";
    std::ofstream file(fresh, std::ios::binary | std::ios::trunc);
    file << report::AuditResultJson(ledger_.Result()) << std::flush;
    std::error_code error;
    if (file) std::filesystem::rename(fresh, options_.result_path, error);
    if (file && !error) return {};
    return model::Fail(model::ErrorKind::kEnvironment, "cannot write " + options_.result_path);
  }

  static constexpr std::chrono::milliseconds kFirstLockTimeout{1000};

  ProcessOptions options_;
  wire::StopSignal* stop_ = nullptr;  // set by Run
  wire::Reporter reporter_;
  wire::Poller poller_;

  model::PluginVersion version_;
  model::Projection projection_{model::LossSet()};
  std::optional<Consumer> consumer_;
  std::optional<consumer::Saboteur> saboteur_;
  Ledger ledger_;
  LastWriters writers_;
  wire::WatchedFd watched_;
  std::set<std::uint32_t> left_out_;  // tables that a change did not fit
  std::string anew_;                  // why the tables are to be read anew; empty: they are not
  std::deque<model::Transaction> waiting_;  // received, not yet applied
  std::size_t waiting_changes_ = 0;         // of them, each transaction counted as one more
  bool more_to_read_ = false;
  bool took_some_ = false;  // transactions came in this turn
  std::optional<wire::Time> lost_since_;
  wire::Time next_reconnect_ = wire::Time::min();

  Schedule schedule_;
  std::optional<Checkpoint> checkpoint_;
  bool attempting_ = false;  // a comparison is due and not yet made
  bool final_ = false;       // it was begun after the end was asked for
  wire::Time first_attempt_;
  wire::Time next_attempt_ = wire::Time::min();
  std::chrono::milliseconds lock_timeout_ = kFirstLockTimeout;
  std::uint64_t tables_compared_ = 0;  // at the last comparison
  bool finished_ = false;
};

}  // namespace

Result<void> RunProcess(const ProcessOptions& options, wire::StopSignal& stop) {
  wire::Context context;
  auto reporter = wire::Reporter::Connect(context, options.id, options.status_endpoint);
  if (!reporter) return std::unexpected(std::move(reporter.error()));
  Process process(options, std::move(*reporter));
  auto result = process.Run(stop);
  if (!result) process.ledger().result().reason = result.error().message;
  auto cleaned = process.CleanUp();
  if (result && !cleaned) result = std::move(cleaned);
  if (!result) process.reporter().Fail(result.error());
  process.reporter().Drain();
  return result;
}

}  // namespace lockstep::auditor
