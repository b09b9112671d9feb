#include "verifier/process.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "postgres/connection.h"
#include "verifier/divergence_report.h"
#include "verifier/publication_state.h"
#include "verifier/referee.h"
#include "verifier/source_check.h"
#include "verifier/wal_reader.h"
#include "wire/codec.h"
#include "wire/dropped_frames.h"
#include "wire/message.h"
#include "wire/peer.h"
#include "wire/poller.h"
#include "wire/reporter.h"
#include "wire/watched_fd.h"

namespace lockstep::verifier {
namespace {

using model::Result;

// The shortest time from one turn to the next. Nobody waits for the verifier that long: credit and
// acceptance are far ahead.
constexpr std::chrono::milliseconds kPace{1};

// Before a lost connection is tried again.
constexpr std::chrono::milliseconds kReconnectPause{200};

// A server that is away at the start is waited for as one that goes later.
constexpr std::chrono::seconds kReconnectLimit{60};

// How long nothing may move once the run is to end: whoever stopped it is waiting.
constexpr std::chrono::seconds kStopPatience{15};

class Process {
 public:
  Process(const ProcessOptions& options, wire::Server server, wire::Reporter reporter)
      : options_(options),
        server_(std::move(server)),
        reporter_(std::move(reporter)),
        referee_({.listeners = options.listeners, .window = options.window}) {}

  Result<model::Verdict> Run(wire::StopSignal& stop) {
    poller_.Add(server_);
    if (reporter_.client()) poller_.Add(*reporter_.client());
    poller_.AddFd(stop.fd(), {.read = true});
    while (!referee_.verdict()) {
      OnStopSignals(stop.Count());
      auto ok = Turn();
      if (ok) continue;
      if (!referee_.investigation()) return std::unexpected(std::move(ok.error()));
      referee_.GiveUp(ok.error().message);  // what was found stays found
    }
    if (referee_.verdict()->kind == model::VerdictKind::kConverged) {
      const std::vector<std::string> peers = referee_.peers();
      const bool is_read = std::ranges::any_of(peers, [&](const std::string& peer) {
        return peer != kGenerator && peer != kApplier && referee_.ReadsPublication(peer);
      });
      if (is_read && PublicationWasAltered()) referee_.Excuse(DescribeAlteration());
    }
    return *referee_.verdict();
  }

  // Tells everybody, and gives the messages a moment to arrive.
  void Announce(const model::Verdict& verdict) {
    const wire::Encoded encoded = wire::Encode(verdict);
    for (const std::string& peer : referee_.peers()) (void)server_.Send(peer, encoded);
    reporter_.Send(verdict);
    Drain();
    reporter_.Drain();
  }

  void AnnounceFailure(const model::Error& error) {
    reporter_.Fail(error);
    Announce(model::Verdict{.kind = model::VerdictKind::kInconclusive, .reason = error.message});
  }

 private:
  // The first asks for the end, the second is the end.
  void OnStopSignals(int count) {
    if (count == stop_signals_) return;
    const bool is_first = std::exchange(stop_signals_, count) == 0 && count == 1;
    if (is_first && referee_.Finish()) {
      spdlog::info("stopped by a signal: the generator is asked to end, then comes the verdict");
    } else {
      referee_.GiveUp("stopped by a signal");
    }
  }

  // As the applier made it, before anybody reads it.
  void RememberPublication() {
    if (publication_ || !referee_.is_ready()) return;
    auto state = ReadPublicationState(options_.conninfo, referee_.catalog()->schema);
    publication_ = state ? std::move(*state) : std::string();
  }

  // False also where that cannot be told.
  bool PublicationWasAltered() const {
    if (!publication_ || publication_->empty()) return false;
    const auto state = ReadPublicationState(options_.conninfo, referee_.catalog()->schema);
    return state && *state != *publication_;
  }

  std::string DescribeAlteration() const {
    return fmt::format(
        "the publication {} was altered or dropped in the middle of the run, and not by it: what "
        "listeners on it did not get proves nothing",
        referee_.catalog()->schema);
  }

  // Everything that can be done now, then a wait.
  Result<void> Turn() {
    if (auto ok = ReadMessages(); !ok) return ok;
    const auto now = wire::Clock::now();
    if (auto ok = ReadWal(now); !ok) return ok;
    referee_.Advance();
    if (referee_.failure()) return std::unexpected(*referee_.failure());
    WatchListeners(now);
    RememberPublication();
    if (auto ok = CheckSource(now); !ok) return ok;
    if (auto ok = ConcludeInvestigation(now); !ok) return ok;
    if (auto ok = SendLetters(); !ok) return ok;
    if (auto ok = server_.Tick(now); !ok) return ok;
    if (auto failure = reporter_.Tick(now)) {
      referee_.GiveUp(fmt::format("{} is gone: {}", failure->process, failure->error.message));
    }
    reporter_.Report(referee_.Counters(), now);
    if (auto ok = WatchForStall(now); !ok) return ok;
    return referee_.verdict() ? Result<void>() : Wait(now);
  }

  Result<void> Wait(wire::Time now) {
    auto deadline = wire::Earlier(server_.NextDeadline(), reporter_.NextDeadline());
    deadline = wire::Earlier(deadline, moved_at_ + StallTimeout());
    if (wal_) {
      wal_fd_.Watch(poller_, wal_->fd(), {.read = true, .write = wal_->WantsWrite()});
      deadline = wire::Earlier(deadline, wal_->NextRead());
    }
    if (next_order_try_ > now) deadline = wire::Earlier(deadline, next_order_try_);
    if (referee_.WantsSnapshot()) deadline = wire::Earlier(deadline, next_snapshot_);
    const bool comparing = check_ && referee_.StandsAtBarrier();
    check_fd_.Watch(poller_, comparing ? check_->fd() : -1,
                    {.read = true, .write = comparing && check_->WantsWrite()});
    if (more_messages_) deadline = now;
    // What comes in a burst is read in one: waking for each message costs more than reading it.
    std::this_thread::sleep_until(now + kPace);
    auto ready = poller_.Wait(deadline);
    if (!ready) return std::unexpected(std::move(ready.error()));
    return {};
  }

  Result<void> ReadMessages() {
    // So many at a time, so that the rest of the loop goes on under any load.
    constexpr int kBatch = 2'048;
    more_messages_ = false;
    for (int i = 0; i < kBatch; ++i) {
      auto event = server_.Receive();
      if (!event && dropped_.Drop(event.error())) continue;
      if (!event) return std::unexpected(std::move(event.error()));
      if (!*event) return {};
      if (auto* received = std::get_if<wire::Received>(&**event)) {
        quiet_since_.erase(received->peer);
        referee_.OnMessage(received->peer, std::move(received->message), received->body_bytes);
      } else if (const auto* lost = std::get_if<wire::MessagesLost>(&**event)) {
        if (!IsOfTheRun(lost->peer)) continue;
        referee_.GiveUp(fmt::format("{} messages of {} are lost", lost->count, lost->peer));
      } else if (const auto* started = std::get_if<wire::PeerStarted>(&**event);
                 started->is_restart) {
        OnRestart(started->peer);
      }
    }
    more_messages_ = true;
    return {};
  }

  bool IsOfTheRun(const std::string& peer) const {
    const std::vector<std::string> peers = referee_.peers();
    return std::ranges::find(peers, peer) != peers.end();
  }

  // A listener joins anew; what the others knew is gone with them.
  void OnRestart(const std::string& peer) {
    if (peer == kGenerator || peer == kApplier) {
      referee_.GiveUp(fmt::format("{} was started again in the middle of the run", peer));
    } else {
      referee_.OnRestart(peer);
    }
  }

  // Who owes a word and is silent for too long is lost. Attaching copies all rows without a word.
  void WatchListeners(wire::Time now) {
    constexpr int kAttachPatience = 10;
    const auto debtors = referee_.Debtors();
    std::erase_if(quiet_since_, [&](const auto& entry) {
      return std::ranges::find(debtors, entry.first, &std::pair<std::string, bool>::first) ==
             debtors.end();
    });
    for (const auto& [peer, has_attached] : debtors) {
      const wire::Time since = quiet_since_.try_emplace(peer, now).first->second;
      const auto patience = options_.listener_timeout * (has_attached ? 1 : kAttachPatience);
      if (now - since < patience) continue;
      referee_.OnSilence(peer, fmt::format("nothing has come from it for {} s", patience.count()));
    }
  }

  Result<void> ReadWal(wire::Time now) {
    if (now < next_order_try_) return {};
    if (auto ok = ChooseCommitOrder(); !ok) {
      if (!order_wanted_since_) order_wanted_since_ = now;
      if (!model::IsWorthRetry(ok.error()) || now - *order_wanted_since_ > kReconnectLimit)
        return ok;
      next_order_try_ = now + kReconnectPause;
    }
    if (!wal_) return {};
    auto batch = wal_->Read(now);
    if (!batch) return std::unexpected(std::move(batch.error()));
    if (*batch) referee_.OnCommitRecords((*batch)->commits, (*batch)->read_to);
    return {};
  }

  // Once there is a run, and before the applier knows of it.
  Result<void> ChooseCommitOrder() {
    if (!referee_.catalog() || referee_.commit_order() != model::CommitOrderSource::kUnknown)
      return {};
    auto opened = WalReader::Open(options_.conninfo);
    if (!opened) return std::unexpected(std::move(opened.error()));
    if (auto* reader = std::get_if<WalReader>(&*opened)) {
      wal_ = std::move(*reader);
      spdlog::info("the commit order is read from the WAL");
      referee_.OnCommitOrder(model::CommitOrderSource::kWal);
    } else {
      spdlog::warn("the commit order is bracketed, which proves less: {}",
                   std::get<WalReader::Unavailable>(*opened).reason);
      referee_.OnCommitOrder(model::CommitOrderSource::kBrackets);
    }
    return {};
  }

  // A server that is away for a moment costs a checkpoint, not the run.
  Result<void> CheckSource(wire::Time now) {
    auto checked = TryCheckSource(now);
    if (checked || !model::IsWorthRetry(checked.error())) return checked;
    spdlog::warn("checkpoint: {}", checked.error().message);
    next_snapshot_ = now + kReconnectPause;
    check_fd_.Watch(poller_, -1, {});
    if (std::exchange(check_, std::nullopt)) referee_.OnSnapshotLost();
    return {};
  }

  Result<void> TryCheckSource(wire::Time now) {
    if (referee_.WantsSnapshot() && !check_ && now >= next_snapshot_) {
      auto begun = SourceCheck::Begin(options_.conninfo, *referee_.catalog());
      if (!begun) return std::unexpected(std::move(begun.error()));
      check_ = std::move(*begun);
      referee_.OnSnapshot();
    }
    if (!check_ || !referee_.StandsAtBarrier()) return {};
    if (auto ok = check_->Compare(referee_.oracle()); !ok) return ok;
    if (!check_->done()) return {};
    check_fd_.Watch(poller_, -1, {});
    referee_.OnChecked(*check_);
    check_.reset();
    referee_.Advance();
    return {};
  }

  // Describes the finding once the pipeline has drained; after a while also if it does not.
  Result<void> ConcludeInvestigation(wire::Time now) {
    const auto& investigation = referee_.investigation();
    if (!investigation || !investigation->reply || referee_.verdict()) return {};
    constexpr std::chrono::seconds kPatience{10};
    if (!concluding_since_) concluding_since_ = now;
    const bool drained = referee_.IsReadyToConclude();
    if (!drained && now - *concluding_since_ < kPatience) return {};
    if (referee_.ReadsPublication(investigation->listener) && PublicationWasAltered()) {
      referee_.Excuse(fmt::format("{}; {}: {}", DescribeAlteration(), investigation->listener,
                                  investigation->finding.reason));
      return {};
    }
    auto source = postgres::Connection::Open(options_.conninfo, postgres::ConnectionKind::kSql,
                                             {.application_name = "lockstep verifier"});
    auto described = DescribeDivergence(
        investigation->listener, investigation->finding, *investigation->reply, referee_.oracle(),
        *referee_.catalog(), referee_.oracle().view(investigation->view).projection(),
        source ? &*source : nullptr);
    if (!described) return std::unexpected(std::move(described.error()));
    referee_.Conclude(std::move(*described));
    return {};
  }

  Result<void> SendLetters() {
    for (const Referee::Letter& letter : referee_.TakeLetters()) {
      if (auto ok = server_.Send(letter.peer, wire::Encode(letter.message)); !ok) return ok;
    }
    return {};
  }

  // Nothing moves: whose turn it was says nothing where it is the server that is gone.
  Result<void> WatchForStall(wire::Time now) {
    if (referee_.progress() != last_progress_) {
      last_progress_ = referee_.progress();
      moved_at_ = now;
      return {};
    }
    if (now - moved_at_ < StallTimeout() || referee_.verdict()) return {};
    const std::string what = fmt::format("nothing has moved for {} s", StallTimeout().count());
    auto server = postgres::Connection::Open(options_.conninfo, postgres::ConnectionKind::kSql,
                                             {.application_name = "lockstep verifier"});
    if (!server) return model::Fail(what, std::move(server.error()));
    referee_.GiveUp(what);
    return {};
  }
  std::chrono::seconds StallTimeout() const {
    return stop_signals_ == 0 ? options_.stall_timeout
                              : std::min(options_.stall_timeout, kStopPatience);
  }

  void Drain() {
    const auto end = wire::Clock::now() + std::chrono::seconds(1);
    wire::Poller poller;  // of the server alone: what else is ready does not matter any more
    poller.Add(server_);
    while (server_.UnacknowledgedMessages() > 0 && wire::Clock::now() < end) {
      while (true) {
        auto event = server_.Receive();
        if (event && !*event) break;
      }
      (void)server_.Tick(wire::Clock::now());
      (void)poller.Wait(wire::Earlier(end, server_.NextDeadline()));
    }
  }

  ProcessOptions options_;
  wire::Server server_;
  wire::Reporter reporter_;
  wire::Poller poller_;
  Referee referee_;
  std::optional<WalReader> wal_;
  wire::WatchedFd wal_fd_;
  std::optional<SourceCheck> check_;
  wire::WatchedFd check_fd_;
  wire::Time next_snapshot_ = wire::Time::min();
  wire::Time next_order_try_ = wire::Time::min();
  std::optional<wire::Time> order_wanted_since_;
  wire::DroppedFrames dropped_;
  std::optional<std::string> publication_;  // its state; empty: it could not be read
  bool more_messages_ = false;
  int stop_signals_ = 0;
  std::map<std::string, wire::Time> quiet_since_;  // listeners that owe a word
  std::optional<wire::Time> concluding_since_;
  std::uint64_t last_progress_ = 0;
  wire::Time moved_at_ = wire::Clock::now();
};

}  // namespace

Result<model::Verdict> RunProcess(const ProcessOptions& options, wire::StopSignal& stop) {
  wire::Context context;
  auto reporter = wire::Reporter::Connect(context, "verifier", options.status_endpoint);
  if (!reporter) return std::unexpected(std::move(reporter.error()));
  // What was meant for a listener that died means nothing to the one that takes its name.
  auto server = wire::Server::Bind(context, "verifier", options.listen_endpoint,
                                   {.link = {.resend_to_new_incarnation = false}});
  if (!server) return std::unexpected(std::move(server.error()));
  Process process(options, std::move(*server), std::move(*reporter));
  auto verdict = process.Run(stop);
  if (options.on_end) options.on_end(verdict);
  if (verdict) {
    process.Announce(*verdict);
  } else {
    process.AnnounceFailure(verdict.error());
  }
  return verdict;
}

}  // namespace lockstep::verifier
