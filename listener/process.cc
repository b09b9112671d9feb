#include "listener/process.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "consumer/attach_patience.h"
#include "consumer/consumer.h"
#include "consumer/patient_probe.h"
#include "consumer/reconnect_pace.h"
#include "consumer/sabotage.h"
#include "listener/identity.h"
#include "listener/leftover_slot.h"
#include "listener/verifier_sink.h"
#include "model/change.h"
#include "model/output_plugin.h"
#include "model/verdict.h"
#include "postgres/connection.h"
#include "postgres/finding.h"
#include "postgres/open_transactions.h"
#include "postgres/preflight.h"
#include "postgres/relation_reader.h"
#include "postgres/remedy.h"
#include "postgres/table_preflight.h"
#include "postgres/table_scope.h"
#include "wire/codec.h"
#include "wire/dropped_frames.h"
#include "wire/message.h"
#include "wire/peer.h"
#include "wire/poller.h"
#include "wire/reporter.h"
#include "wire/trace_file.h"
#include "wire/watched_fd.h"

namespace lockstep::listener {
namespace {

using consumer::Consumer;
using model::Result;

// The shortest time from one turn that took transactions to the next.
constexpr std::chrono::microseconds kPace{500};
// Transactions taken from the stream before the other sockets are looked at.
constexpr int kBatch = 256;

class Process {
 public:
  Process(const ProcessOptions& options, wire::Client verifier, wire::Reporter reporter)
      : options_(options),
        verifier_(std::move(verifier)),
        reporter_(std::move(reporter)),
        slot_is_ours_(options.slot.empty()) {
    if (options_.sabotage) {
      saboteur_.emplace(*options_.sabotage, [this]() -> Result<model::Xid> {
        auto sql = postgres::Connection::Open(options_.conninfo, postgres::ConnectionKind::kSql);
        return sql ? postgres::RollBackOne(*sql) : std::unexpected(std::move(sql.error()));
      });
    }
  }

  Result<void> Run(wire::StopSignal& stop) {
    stop_ = &stop;
    RemoveHealthFile();
    poller_.Add(verifier_);
    if (reporter_.client()) poller_.Add(*reporter_.client());
    poller_.AddFd(stop.fd(), {.read = true});
    while (!stop.Stopped()) {
      if (auto ok = Turn(); !ok) return attach_was_stopped_ ? Leave() : ok;
      if (finished_) return verifier_.AcknowledgeNow();
    }
    return Leave();
  }

  Result<void> CleanUp() {
    if (saboteur_)
      spdlog::info("sabotage: {}", saboteur_->deed().empty() ? "never acted" : saboteur_->deed());
    return consumer_ ? consumer_->Detach() : Result<void>();
  }

  void Fail(const model::Error& error) { reporter_.Fail(error, verifier_); }
  wire::Reporter& reporter() { return reporter_; }

 private:
  // What must be true of the server; what is merely not good is said.
  Result<void> CheckServer() {
    auto sql = postgres::Connection::Open(options_.conninfo, postgres::ConnectionKind::kSql,
                                          {.application_name = "lockstep " + options_.id});
    if (!sql) return std::unexpected(std::move(sql.error()));
    const auto findings = postgres::CheckServer(*sql, options_.conninfo, 1).findings;
    std::string errors;
    for (const postgres::Finding& finding : findings) {
      const std::string text = fmt::format("{}: {}", finding.check, postgres::WithRemedy(finding));
      if (finding.severity == postgres::Severity::kWarning)
        spdlog::warn("{}: {}", options_.id, text);
      if (finding.severity == postgres::Severity::kError) errors += "\n  " + text;
    }
    if (errors.empty()) return {};
    // Of a server that went away meanwhile they say nothing.
    if (auto answer = sql->Execute("SELECT"); !answer) return std::unexpected(answer.error());
    return model::Fail(model::ErrorKind::kUsage,
                       fmt::format("{} cannot be followed:{}", sql->description(), errors));
  }

  // What of the tables will be lost, table by table.
  void WarnOfLosses(const std::string& schema) {
    auto sql = postgres::Connection::Open(options_.conninfo, postgres::ConnectionKind::kSql,
                                          {.application_name = "lockstep " + options_.id});
    if (!sql) return;
    const auto findings = postgres::CheckTables(
        *sql, {.plugins = {{options_.plugin, version_}}, .schemas = {schema}});
    if (!findings) return;
    for (const postgres::Finding& finding : *findings) {
      // Of truncations one line tells, below.
      if (finding.check == "truncation" || !postgres::Hinders(finding, options_.plugin)) continue;
      spdlog::warn("{}: {}: {}", options_.id, finding.subject, postgres::WithRemedy(finding));
    }
  }

  // Says up to where everything was reported, and waits a moment until that has arrived.
  Result<void> Leave() {
    constexpr std::chrono::seconds kPatience{2};
    auto ok = verifier_.Send(
        wire::Encode(wire::Leave{options_.id, sink_ ? sink_->reported().received : model::Lsn{}}));
    if (!ok) return ok;
    wire::Poller poller;  // of the verifier alone: the stop signal stays readable
    poller.Add(verifier_);
    const auto end = wire::Clock::now() + kPatience;
    while (verifier_.UnacknowledgedMessages() > 0 && wire::Clock::now() < end) {
      while (true) {
        auto event = verifier_.Receive();
        if (!event || !*event) break;
        const auto* received = std::get_if<wire::Received>(&**event);
        if (received && std::holds_alternative<model::Verdict>(received->message)) return {};
      }
      if (ok = verifier_.Tick(wire::Clock::now()); !ok) return ok;
      auto ready = poller.Wait(wire::Earlier(end, verifier_.NextDeadline()));
      if (!ready) return std::unexpected(std::move(ready.error()));
    }
    spdlog::info("{}: left", options_.id);
    return {};
  }

  // It has no slot: one of before, or of an earlier process, is worth nothing now.
  void RemoveHealthFile() const {
    std::error_code ignored;
    if (!options_.health_path.empty()) std::filesystem::remove(options_.health_path, ignored);
  }

  // The verifier took it for dead: what it reported since is not judged.
  Result<void> OnGivenUp() {
    spdlog::warn("{}: the verifier had given it up for its silence; it joins anew", options_.id);
    if (consumer_) {
      auto ok = consumer_->Detach();
      if (!ok && !model::IsWorthRetry(ok.error())) return ok;
      slot_is_ours_ = !ok || options_.slot.empty();  // what is left of it, the next attach drops
    }
    return JoinAnew();
  }

  // Somebody has dropped what it follows. It is judged for what it had said.
  Result<void> OnSlotLost(const model::Error& error) {
    spdlog::warn("{}: {}; it joins anew", options_.id, error.message);
    slot_is_ours_ = true;
    auto left = verifier_.Send(wire::Encode(wire::Leave{options_.id, sink_->reported().received}));
    return left ? JoinAnew() : left;
  }

  Result<void> JoinAnew() {
    RemoveHealthFile();
    watched_.Watch(poller_, -1, {});
    sink_.reset();
    consumer_.reset();
    trace_.reset();
    attach_.reset();
    reconnect_pace_ = {};
    stuck_ = more_to_read_ = has_joined_ = false;
    return {};
  }

  bool MustStart() const { return !consumer_ && !finished_ && (!has_joined_ || attach_); }

  // Joins, and attaches once it is told to. A server that is away is waited for as for a lost
  // stream.
  Result<void> Start() {
    if (!MustStart() || wire::Clock::now() < reconnect_pace_.next_try()) return {};
    const bool attaches = has_joined_;
    auto ok = attaches ? Attach(*attach_) : Join();
    if (ok) {
      reconnect_pace_ = {};
      if (attaches) attach_.reset();
      return ok;
    }
    // An attach has waited for others by itself, for as long as it may.
    constexpr std::string_view kLockTimeout = "55P03";
    const bool has_waited =
        ok.error().kind == model::ErrorKind::kMisfit || ok.error().sqlstate == kLockTimeout;
    if (attaches && has_waited) return ok;
    return TryAgain(ok.error(), wire::Clock::now(), attaches ? "attaching again" : "joining again");
  }

  // An error that may pass is said once.
  Result<void> TryAgain(const model::Error& error, wire::Time now, std::string_view how) {
    const auto answer = reconnect_pace_.OnError(error, now);
    if (answer == consumer::ReconnectPace::Answer::kGiveUp) return std::unexpected(error);
    if (answer == consumer::ReconnectPace::Answer::kWarnRetry)
      spdlog::warn("{}: {}; {}", options_.id, error.message, how);
    return {};
  }

  // Says what is followed with, and what that cannot show on this server.
  Result<void> Join() {
    if (auto ok = CheckServer(); !ok) return ok;
    consumer::AttachPatience patience(
        std::chrono::seconds(options_.attach_timeout_s),
        [this](const consumer::AttachWait& wait) { return SayWait(wait); });
    auto version = consumer::ProbePluginPatiently(options_.conninfo, options_.plugin, patience);
    if (!version) return std::unexpected(std::move(version.error()));
    version_ = *version;
    has_joined_ = true;
    return verifier_.Send(wire::Encode(
        wire::Join{options_.id, options_.plugin, model::LossesOf(options_.plugin, version_)}));
  }

  // Everything that can be done now, then a wait. In this order: acknowledgements, status due, what
  // is not yet sent, frames.
  Result<void> Turn() {
    if (auto ok = ReadVerifier(); !ok) return ok;
    if (auto ok = Start(); !ok) return ok;
    auto now = wire::Clock::now();
    if (consumer_) {
      if (auto ok = Follow(now); !ok) return ok;
    }
    if (auto ok = verifier_.Tick(now); !ok) return ok;
    (void)reporter_.Tick(now);
    Report(now);
    return finished_ ? Result<void>() : Wait(now);
  }

  Result<void> Wait(wire::Time now) {
    auto deadline = wire::Earlier(verifier_.NextDeadline(), reporter_.NextDeadline());
    if (consumer_) {
      deadline = wire::Earlier(
          deadline, consumer_->fd() >= 0 ? consumer_->NextStatusDue() : reconnect_pace_.next_try());
      if (more_to_read_) deadline = now;
      WatchStream();
    }
    if (MustStart()) deadline = wire::Earlier(deadline, reconnect_pace_.next_try());
    // With a backlog behind it the server sends one message at a time; a reader that lets some
    // gather makes both cheaper.
    if (std::exchange(took_some_, false)) std::this_thread::sleep_until(now + kPace);
    auto ready = poller_.Wait(deadline);
    if (!ready) return std::unexpected(std::move(ready.error()));
    return {};
  }

  void WatchStream() {
    watched_.Watch(poller_, consumer_->fd(),
                   {.read = consumer_->WantsToRead() && !stuck_, .write = consumer_->WantsWrite()});
  }

  Result<void> ReadVerifier() {
    while (true) {
      auto event = verifier_.Receive();
      if (!event && dropped_.Drop(event.error())) continue;
      if (!event) return std::unexpected(std::move(event.error()));
      if (!*event) return {};
      auto* received = std::get_if<wire::Received>(&**event);
      if (!received) continue;
      if (const auto* attach = std::get_if<wire::Attach>(&received->message)) {
        if (!consumer_) attach_ = *attach;
      } else if (const auto* accepted = std::get_if<wire::Accepted>(&received->message)) {
        if (sink_) sink_->OnAccepted(*accepted);
      } else if (const auto* request = std::get_if<wire::RowsRequest>(&received->message)) {
        if (!sink_) continue;
        auto ok = verifier_.Send(wire::Encode(sink_->Answer(*request, consumer_->replica())));
        if (!ok) return ok;
      } else if (const auto* quarantine = std::get_if<wire::Quarantine>(&received->message)) {
        if (!consumer_) continue;
        auto ok = Quarantine(quarantine->table, consumer_->replica().valid_at(),
                             "it was truncated, as the verifier knows");
        if (!ok) return ok;
      } else if (std::holds_alternative<wire::Leave>(received->message)) {
        if (auto ok = OnGivenUp(); !ok) return ok;
      } else if (std::holds_alternative<model::Verdict>(received->message)) {
        finished_ = true;
      }
    }
  }

  Result<void> Attach(const wire::Attach& attach) {
    const std::string slot =
        options_.slot.empty() ? SlotName(attach.schema, options_.id) : options_.slot;
    std::function<Result<void>(std::string_view)> record;
    if (!options_.trace_path.empty()) {
      auto trace = wire::TraceWriter::Open(options_.trace_path);
      if (!trace) return std::unexpected(std::move(trace.error()));
      trace_ = std::move(*trace);
      record = [this](std::string_view frame) { return trace_->Write(frame); };
    }
    if (slot_is_ours_) {
      if (auto ok = DropLeftoverSlot(options_.conninfo, options_.id, slot); !ok) return ok;
    } else {
      // One that the user named may be anybody's, but not one that an earlier try did not find.
      auto exists = SlotExists(options_.conninfo, slot);
      if (!exists) return std::unexpected(std::move(exists.error()));
      slot_is_ours_ = !*exists;
    }
    auto attached = Consumer::Attach(
        {.conninfo = options_.conninfo,
         .application_name = "lockstep " + options_.id,
         .slot = slot,
         .plugin = options_.plugin,
         .scope = postgres::TableScope::OneSchema(attach.schema),
         .publications = {attach.publication},
         .version = version_,
         .install_triggers = options_.install_triggers,
         .on_frame = std::move(record),
         .copy_connections = options_.copy_connections,
         .attach_timeout = std::chrono::seconds(options_.attach_timeout_s),
         .on_wait = [this](const consumer::AttachWait& wait) { return SayWait(wait); }});
    if (!attached) return std::unexpected(std::move(attached.error()));
    consumer_ = std::move(*attached);
    sink_.emplace(verifier_, consumer_->consistent_point());
    WarnOfLosses(attach.schema);
    const std::vector<std::string> blind_tables = BlindTables();
    if (!blind_tables.empty()) {
      spdlog::warn(
          "{}: {} does not send TRUNCATE, and there is no trigger that shows it on {}; "
          "--install-triggers makes them",
          options_.id, options_.plugin, fmt::join(blind_tables, ", "));
    }
    if (!options_.health_path.empty()) std::ofstream(options_.health_path) << slot << "\n";
    return verifier_.Send(
        wire::Encode(wire::Hello{options_.id, options_.plugin, slot, consumer_->consistent_point(),
                                 consumer_->replica().database().digest(), blind_tables}));
  }

  // What an attach takes time for. Meanwhile nothing else is done here, so a stop ends it.
  Result<void> SayWait(const consumer::AttachWait& wait) {
    spdlog::warn("{}: {} ({:.1f} s of {:.0f} s)", options_.id, wait.reason,
                 std::chrono::duration<double>(wait.elapsed).count(),
                 std::chrono::duration<double>(wait.limit).count());
    if (!stop_->Stopped()) return {};
    attach_was_stopped_ = true;
    return model::Fail(model::ErrorKind::kEnvironment, "stopped while " + wait.reason);
  }

  // A table that was truncated unseen: what the replica holds of it is worth nothing.
  Result<void> Quarantine(const std::string& table, model::Lsn end_lsn, const std::string& reason) {
    auto index = consumer_->replica().database().FindTable(table);
    if (!index || !IsBlind(table)) return {};
    consumer_->replica().Quarantine(*index);
    spdlog::warn("{}: table {} is followed no longer: {}", options_.id, table, reason);
    return verifier_.Send(wire::Encode(wire::Quarantined{table, end_lsn, reason}));
  }

  bool IsBlind(const std::string& table) const {
    return std::ranges::find(consumer_->blind_tables(), table, &postgres::TableName::name) !=
           consumer_->blind_tables().end();
  }

  // Without their schema, which is the run's.
  std::vector<std::string> BlindTables() const {
    std::vector<std::string> names;
    for (const postgres::TableName& table : consumer_->blind_tables()) names.push_back(table.name);
    return names;
  }

  Result<void> Follow(wire::Time now) {
    consumer_->OnDurable(sink_->durable());
    auto ok = consumer_->fd() >= 0 ? consumer_->SendStatus(now) : Reconnect(now);
    if (ok) ok = consumer_->Flush();
    if (ok) ok = ReadStream();
    reconnect_pace_.OnReceived(consumer_->received());
    if (!ok && postgres::IsOfWhatIsGone(ok.error())) return OnSlotLost(ok.error());
    return ok ? ok : TryAgain(ok.error(), now, "reconnecting");
  }

  Result<void> Reconnect(wire::Time now) {
    if (now < reconnect_pace_.next_try()) return {};
    auto ok = consumer_->Reconnect(now);
    if (ok) reconnect_pace_.OnConnected(now);
    return ok;
  }

  Result<void> ReadStream() {
    more_to_read_ = false;
    for (int i = 0; i < kBatch && consumer_->WantsToRead() && !stuck_; ++i) {
      auto next = consumer_->Next();
      if (!next) return std::unexpected(std::move(next.error()));
      if (std::holds_alternative<consumer::NothingNow>(*next)) return ReportPosition();
      if (std::holds_alternative<consumer::StatusIsDue>(*next)) break;
      took_some_ = true;
      auto ok = TakeTransaction(std::get<model::Transaction>(std::move(*next)));
      if (!ok) return ok;
    }
    more_to_read_ = consumer_->WantsToRead() && !stuck_;
    return {};
  }

  Result<void> ReportPosition() {
    // What the saboteur holds back has not been reported.
    if (saboteur_ && saboteur_->holds_one()) return {};
    return sink_->ReportPosition(
        {.received = consumer_->received(), .confirmed = consumer_->confirmed()});
  }

  Result<void> TakeTransaction(model::Transaction transaction) {
    if (!saboteur_) return Apply(transaction);
    auto changed = saboteur_->Change(std::move(transaction));
    if (!changed) return std::unexpected(std::move(changed.error()));
    for (const model::Transaction& one : *changed) {
      if (auto ok = Apply(one); !ok || stuck_) return ok;
    }
    return {};
  }

  Result<void> Apply(const model::Transaction& transaction) {
    auto applied = consumer_->replica().Apply(transaction);
    while (!applied && IsBlind(applied.error().table)) {
      auto ok = Quarantine(applied.error().table, transaction.end_lsn, applied.error().message);
      if (!ok) return ok;
      applied = consumer_->replica().Apply(transaction);
    }
    if (!applied) {
      // Nothing after it can be right; the verifier gives the verdict.
      stuck_ = true;
      spdlog::error("{}: xid {} at {}: {}", options_.id, transaction.xid.value,
                    ToString(transaction.end_lsn), applied.error().message);
      return sink_->ReportMisfit(transaction, applied.error());
    }
    ++transactions_;
    changes_ += transaction.changes.size() + transaction.other_changes;
    return sink_->Deliver(transaction, consumer_->replica().database().digest(),
                          std::move(*applied));
  }

  void Report(wire::Time now) {
    reporter_.Report({{"transactions", transactions_},
                      {"changes", changes_},
                      {"end_lsn", consumer_ ? consumer_->received().value : 0},
                      {"confirmed_lsn", consumer_ ? consumer_->confirmed().value : 0}},
                     now);
  }

  ProcessOptions options_;
  wire::StopSignal* stop_ = nullptr;  // set by Run
  wire::Client verifier_;
  wire::Reporter reporter_;
  wire::Poller poller_;

  model::PluginVersion version_;
  bool has_joined_ = false;
  std::optional<wire::Attach> attach_;  // what is still to be done of it
  bool slot_is_ours_;                   // whatever is left of it may be dropped
  std::optional<wire::TraceWriter> trace_;
  std::optional<Consumer> consumer_;
  std::optional<VerifierSink> sink_;
  std::optional<consumer::Saboteur> saboteur_;
  wire::WatchedFd watched_;
  bool more_to_read_ = false;
  bool took_some_ = false;  // transactions came in this turn
  consumer::ReconnectPace reconnect_pace_;

  std::uint64_t transactions_ = 0;
  std::uint64_t changes_ = 0;
  bool attach_was_stopped_ = false;  // by a signal
  bool stuck_ = false;               // a change did not fit
  wire::DroppedFrames dropped_;
  bool finished_ = false;
};

}  // namespace

Result<void> RunProcess(const ProcessOptions& options, wire::StopSignal& stop) {
  wire::Context context;
  auto reporter = wire::Reporter::Connect(context, options.id, options.status_endpoint);
  if (!reporter) return std::unexpected(std::move(reporter.error()));
  auto verifier = wire::Client::Connect(context, options.id, options.verifier_endpoint);
  if (!verifier) return std::unexpected(std::move(verifier.error()));
  Process process(options, std::move(*verifier), std::move(*reporter));
  auto result = process.Run(stop);
  auto cleaned = process.CleanUp();
  if (result && !cleaned) result = std::move(cleaned);
  if (!result) process.Fail(result.error());
  process.reporter().Drain();
  return result;
}

}  // namespace lockstep::listener
