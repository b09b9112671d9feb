#include "applier/process.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "applier/schema.h"
#include "applier/session.h"
#include "applier/settler.h"
#include "model/catalog.h"
#include "model/verdict.h"
#include "postgres/connection.h"
#include "postgres/slot.h"
#include "wire/codec.h"
#include "wire/dropped_frames.h"
#include "wire/message.h"
#include "wire/peer.h"
#include "wire/poller.h"
#include "wire/reporter.h"
#include "wire/watched_fd.h"

namespace lockstep::applier {
namespace {

using model::Result;
using Step = std::variant<model::Script, wire::Barrier>;

// Messages to the verifier wait so long for company, or until they are so many.
constexpr std::chrono::milliseconds kOutboxDelay{1};
constexpr std::size_t kOutboxSize = 32;

// A session with the scripts that wait for it.
struct Worker {
  Session session;
  std::deque<model::Script> scripts = {};
  wire::WatchedFd watched = {};
  bool is_ready = false;  // its socket was ready at the last wait
};

class Process {
 public:
  Process(const ProcessOptions& options, wire::Server server, wire::Client verifier,
          wire::Reporter reporter)
      : options_(options),
        server_(std::move(server)),
        verifier_(std::move(verifier)),
        reporter_(std::move(reporter)) {}

  Result<void> Run(wire::StopSignal& stop) {
    poller_.Add(server_);
    poller_.Add(verifier_);
    if (reporter_.client()) poller_.Add(*reporter_.client());
    poller_.AddFd(stop.fd(), {.read = true});
    while (!stop.Stopped()) {
      if (auto ok = Turn(); !ok) return ok;
      if (finished_) return verifier_.AcknowledgeNow();
    }
    return {};
  }

  // Drops the slots of listeners that were killed and did not come back, and what was created: each
  // also when the other cannot be dropped. The sessions go first: they may hold locks.
  Result<void> CleanUp() {
    workers_.clear();
    settler_.reset();
    if (!catalog_) return {};
    auto connection = Open();
    if (!connection) return std::unexpected(std::move(connection.error()));
    auto slots = DropSlots(*connection);
    auto schema = DropSchema(*connection, *catalog_);
    if (slots) return schema;
    if (!schema) slots.error().message += "; " + schema.error().message;
    return slots;
  }

  void Fail(const model::Error& error) { reporter_.Fail(error, verifier_); }
  wire::Reporter& reporter() { return reporter_; }

 private:
  Result<postgres::Connection> Open() {
    return postgres::Connection::Open(options_.conninfo, postgres::ConnectionKind::kSql,
                                      {.application_name = "lockstep applier"});
  }

  // Those of the run that nobody reads.
  Result<void> DropSlots(postgres::Connection& connection) {
    auto dropped = postgres::DropIdleSlots(connection, catalog_->schema + "_");
    if (!dropped)
      return model::Fail("dropping the slots that nobody reads", std::move(dropped.error()));
    for (const std::string& slot : *dropped)
      spdlog::info("dropped slot {}, whose listener is gone", slot);
    return {};
  }

  // Everything that can be done now, then a wait.
  Result<void> Turn() {
    if (auto ok = ReadVerifier(); !ok) return ok;
    if (auto ok = ReadGenerator(); !ok) return ok;
    if (auto ok = Dispatch(); !ok) return ok;
    for (Worker& worker : workers_) {
      if (auto ok = DriveWorker(worker); !ok) return ok;
    }
    const auto now = wire::Clock::now();
    if (auto ok = DriveSettler(now); !ok) return ok;
    if (auto ok = ReachBarrier(); !ok) return ok;
    if (auto ok = SendOutbox(now); !ok) return ok;
    if (auto ok = server_.Tick(now); !ok) return ok;
    if (auto ok = verifier_.Tick(now); !ok) return ok;
    (void)reporter_.Tick(now);
    Report(now);
    return finished_ ? Result<void>() : Wait();
  }

  Result<void> Wait() {
    for (Worker& worker : workers_) {
      worker.watched.Watch(poller_, worker.session.fd(),
                           {.read = true, .write = worker.session.WantsWrite()});
    }
    auto deadline = wire::Earlier(wire::Earlier(server_.NextDeadline(), verifier_.NextDeadline()),
                                  reporter_.NextDeadline());
    if (settler_) {
      settler_watched_.Watch(poller_, settler_->fd(),
                             {.read = true, .write = settler_->WantsWrite()});
      deadline = wire::Earlier(deadline, settler_->NextAsk());
    }
    if (!outbox_.empty()) deadline = wire::Earlier(deadline, outbox_due_);
    auto ready = poller_.Wait(deadline);
    if (!ready) return std::unexpected(std::move(ready.error()));
    for (const wire::Poller::Ready& one : *ready) {
      for (Worker& worker : workers_) worker.is_ready |= worker.watched.Is(one.token);
      settler_is_ready_ |= settler_watched_.Is(one.token);
    }
    return {};
  }

  Result<void> ReadVerifier() {
    while (true) {
      auto event = verifier_.Receive();
      if (!event && dropped_.Drop(event.error())) continue;
      if (!event) return std::unexpected(std::move(event.error()));
      if (!*event) return {};
      auto* received = std::get_if<wire::Received>(&**event);
      if (!received) continue;
      if (auto* made = std::get_if<wire::CatalogMade>(&received->message)) {
        if (auto ok = Prepare(std::move(*made)); !ok) return ok;
      } else if (const auto* release = std::get_if<wire::BarrierRelease>(&received->message)) {
        if (barrier_ && barrier_->number == release->number) barrier_.reset();
      } else if (std::holds_alternative<model::Verdict>(received->message)) {
        finished_ = true;
      }
    }
  }

  Result<void> ReadGenerator() {
    while (true) {
      auto event = server_.Receive();
      if (!event && dropped_.Drop(event.error())) continue;
      if (!event) return std::unexpected(std::move(event.error()));
      if (!*event) return {};
      auto* received = std::get_if<wire::Received>(&**event);
      if (!received) continue;
      if (received->peer != "generator") {
        dropped_.Count(received->peer + " is not the generator");
        continue;
      }
      if (auto* script = std::get_if<model::Script>(&received->message)) {
        steps_.emplace_back(std::move(*script));
      } else if (const auto* barrier = std::get_if<wire::Barrier>(&received->message)) {
        steps_.emplace_back(*barrier);
      }
    }
  }

  Result<void> Prepare(wire::CatalogMade made) {
    auto connection = Open();
    if (!connection) return std::unexpected(std::move(connection.error()));
    const bool bracket_commits = options_.bracket_commits || made.bracket_commits;
    catalog_ = std::move(made.catalog);
    const auto triggers =
        options_.truncation_triggers ? TruncationTriggers::kMake : TruncationTriggers::kLeaveOut;
    if (auto ok = CreateSchema(*connection, *catalog_, triggers); !ok) {
      catalog_.reset();  // nothing of it is there
      return ok;
    }
    for (std::uint32_t id = 1; id <= catalog_->sessions; ++id) {
      auto session =
          Session::Open({options_.conninfo, model::SessionId{id}, bracket_commits}, *catalog_);
      if (!session) return std::unexpected(std::move(session.error()));
      workers_.push_back({std::move(*session)});
    }
    auto settler = Settler::Open(options_.conninfo);
    if (!settler) return std::unexpected(std::move(settler.error()));
    settler_ = std::move(*settler);
    auto version = connection->Scalar("SHOW server_version");
    if (!version) return std::unexpected(std::move(version.error()));
    Tell(wire::Ready{*version});
    return {};
  }

  // Gives scripts to their sessions, up to the next barrier.
  Result<void> Dispatch() {
    while (!barrier_ && !steps_.empty()) {
      if (const auto* barrier = std::get_if<wire::Barrier>(&steps_.front())) {
        barrier_ = *barrier;
        barrier_reached_ = false;
      } else {
        auto& script = std::get<model::Script>(steps_.front());
        if (script.session.value == 0 || script.session.value > workers_.size()) {
          return model::Fail(model::ErrorKind::kMalformed,
                             fmt::format("script {} is for session {} of {}", script.id.value,
                                         script.session.value, workers_.size()));
        }
        workers_[script.session.value - 1].scripts.push_back(std::move(script));
      }
      steps_.pop_front();
    }
    return {};
  }

  Result<void> DriveWorker(Worker& worker) {
    if (std::exchange(worker.is_ready, false)) {
      if (auto ok = Report(worker.session.Drive()); !ok) return ok;
    }
    if (!worker.session.idle() || worker.scripts.empty()) return {};
    model::Script script = std::move(worker.scripts.front());
    worker.scripts.pop_front();
    return Report(worker.session.Start(std::move(script)));
  }

  Result<void> Report(Result<std::optional<model::Outcome>> outcome) {
    if (!outcome) return std::unexpected(std::move(outcome.error()));
    if (*outcome) Report(std::move(**outcome));
    return {};
  }

  void Report(model::Outcome outcome) {
    ++(outcome.fate == model::Fate::kCommitted ? committed_ : rolled_back_);
    if (settler_) settler_->OnOutcome(outcome.id);
    Tell(std::move(outcome));
  }

  // Queues a message to the verifier. Each sending wakes threads on both sides: they go together.
  void Tell(wire::Message message) {
    if (outbox_.empty()) outbox_due_ = wire::Clock::now() + kOutboxDelay;
    outbox_.push_back(wire::Encode(message));
  }

  Result<void> SendOutbox(wire::Time now) {
    if (outbox_.size() < kOutboxSize && now < outbox_due_) return {};
    for (const wire::Encoded& encoded : outbox_) {
      if (auto ok = verifier_.Send(encoded); !ok) return ok;
    }
    outbox_.clear();
    return {};
  }

  Result<void> DriveSettler(wire::Time now) {
    if (!settler_) return {};
    if (auto ok = settler_->Ask(now); !ok) return ok;
    if (std::exchange(settler_is_ready_, false)) {
      std::vector<model::TransactionId> under_way;
      for (const Worker& worker : workers_) {
        if (auto id = worker.session.current()) under_way.push_back(*id);
      }
      if (auto ok = settler_->Drive(under_way); !ok) return ok;
    }
    if (auto settled = settler_->TakeSettled()) Tell(wire::Settled{*settled});
    return {};
  }

  // Tells the verifier once all sessions have drained.
  Result<void> ReachBarrier() {
    if (!barrier_ || barrier_reached_) return {};
    for (const Worker& worker : workers_) {
      if (!worker.session.idle() || !worker.scripts.empty()) return {};
    }
    auto connection = Open();
    auto lsn = connection ? connection->ScalarLsn("SELECT pg_catalog.pg_current_wal_insert_lsn()")
                          : Result<model::Lsn>(std::unexpected(std::move(connection.error())));
    if (!lsn) {
      // A server that is away is asked again with the settler's next question.
      return model::IsWorthRetry(lsn.error()) ? Result<void>() : std::unexpected(lsn.error());
    }
    barrier_reached_ = true;
    Tell(wire::BarrierReached{barrier_->number, *lsn});
    return {};
  }

  void Report(wire::Time now) {
    std::uint64_t in_flight = 0;
    for (const Worker& worker : workers_) in_flight += worker.session.idle() ? 0 : 1;
    reporter_.Report(
        {{"committed", committed_}, {"rolled_back", rolled_back_}, {"in_flight", in_flight}}, now);
  }

  ProcessOptions options_;
  wire::Server server_;
  wire::Client verifier_;
  wire::Reporter reporter_;
  wire::Poller poller_;

  std::optional<model::Catalog> catalog_;
  std::vector<Worker> workers_;  // by session id - 1
  std::optional<Settler> settler_;
  wire::WatchedFd settler_watched_;
  bool settler_is_ready_ = false;

  std::vector<wire::Encoded> outbox_;  // to the verifier, in order
  wire::Time outbox_due_;
  std::deque<Step> steps_;                // not yet given to a session
  std::optional<wire::Barrier> barrier_;  // the one that holds up the steps behind it
  bool barrier_reached_ = false;
  std::uint64_t committed_ = 0;
  std::uint64_t rolled_back_ = 0;
  wire::DroppedFrames dropped_;
  bool finished_ = false;
};

}  // namespace

Result<void> RunProcess(const ProcessOptions& options, wire::StopSignal& stop) {
  wire::Context context;
  auto reporter = wire::Reporter::Connect(context, "applier", options.status_endpoint);
  if (!reporter) return std::unexpected(std::move(reporter.error()));
  auto server = wire::Server::Bind(context, "applier", options.listen_endpoint);
  if (!server) return std::unexpected(std::move(server.error()));
  auto verifier = wire::Client::Connect(context, "applier", options.verifier_endpoint);
  if (!verifier) return std::unexpected(std::move(verifier.error()));
  Process process(options, std::move(*server), std::move(*verifier), std::move(*reporter));
  auto result = process.Run(stop);
  auto cleaned = process.CleanUp();
  if (result && !cleaned) result = std::move(cleaned);
  if (!result) process.Fail(result.error());
  process.reporter().Drain();
  return result;
}

}  // namespace lockstep::applier
