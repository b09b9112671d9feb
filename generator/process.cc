#include "generator/process.h"

#include <chrono>
#include <optional>
#include <utility>
#include <variant>

#include "model/verdict.h"
#include "wire/codec.h"
#include "wire/credit.h"
#include "wire/dropped_frames.h"
#include "wire/message.h"
#include "wire/peer.h"
#include "wire/poller.h"
#include "wire/reporter.h"

namespace lockstep::generator {
namespace {

using model::Result;

// How long a stopped generator, which has ended the run early, waits for the verdict: whoever stops
// all processes, this one first, has one then. Below the 30 s after which Docker would kill it.
constexpr std::chrono::seconds kVerdictPatience{15};

class Process {
 public:
  Process(const ProcessOptions& options, wire::Client verifier, wire::Client applier,
          wire::Reporter reporter)
      : workload_(options.workload),
        seed_(options.workload.seed),
        verifier_(std::move(verifier)),
        applier_(std::move(applier)),
        reporter_(std::move(reporter)) {}

  Result<void> Run(wire::StopSignal& stop) {
    poller_.Add(verifier_);
    poller_.Add(applier_);
    if (reporter_.client()) poller_.Add(*reporter_.client());
    poller_.AddFd(stop.fd(), {.read = true});

    if (auto ok = verifier_.Send(wire::Encode(wire::CatalogMade{workload_.catalog(), seed_})); !ok)
      return ok;
    while (stop.Count() < 2) {
      if (stop.Stopped() && !leaves_at_) {
        Finish();
        leaves_at_ = wire::Clock::now() + kVerdictPatience;
      }
      if (auto ok = Turn(); !ok) return ok;
      if (finished_) return verifier_.AcknowledgeNow();
      if (leaves_at_ && wire::Clock::now() >= *leaves_at_) return {};
    }
    return {};
  }

  void Fail(const model::Error& error) { reporter_.Fail(error, verifier_); }

 private:
  // What was begun is ended in order: the last barrier, End.
  void Finish() {
    if (is_finishing_) return;
    is_finishing_ = true;
    workload_.Finish();
  }

  // Everything that can be done now, then a wait.
  Result<void> Turn() {
    if (auto ok = ReadVerifier(); !ok) return ok;
    if (auto ok = ReadApplier(); !ok) return ok;
    if (auto ok = SendSteps(); !ok) return ok;
    const auto now = wire::Clock::now();
    if (auto ok = verifier_.Tick(now); !ok) return ok;
    if (auto ok = applier_.Tick(now); !ok) return ok;
    (void)reporter_.Tick(now);
    reporter_.Report({{"scripts", credit_.sent_scripts()}, {"credit_waits", credit_waits_}}, now);
    auto deadline = wire::Earlier(wire::Earlier(verifier_.NextDeadline(), applier_.NextDeadline()),
                                  reporter_.NextDeadline());
    if (finished_) return {};
    if (leaves_at_) deadline = wire::Earlier(deadline, *leaves_at_);
    if (std::exchange(more_to_send_, false)) deadline = now;
    auto ready = poller_.Wait(deadline);
    if (!ready) return std::unexpected(std::move(ready.error()));
    return {};
  }

  Result<void> ReadVerifier() {
    while (true) {
      auto event = verifier_.Receive();
      if (!event && dropped_.Drop(event.error())) continue;
      if (!event) return std::unexpected(std::move(event.error()));
      if (!*event) return {};
      const auto* received = std::get_if<wire::Received>(&**event);
      if (!received) continue;
      if (const auto* credit = std::get_if<wire::Credit>(&received->message))
        credit_.Apply(*credit);
      if (std::holds_alternative<wire::Finish>(received->message)) Finish();
      if (std::holds_alternative<model::Verdict>(received->message)) finished_ = true;
    }
  }

  // The applier has nothing to say but acknowledgements, which ride below.
  Result<void> ReadApplier() {
    while (true) {
      auto event = applier_.Receive();
      if (!event && dropped_.Drop(event.error())) continue;
      if (!event) return std::unexpected(std::move(event.error()));
      if (!*event) return {};
    }
  }

  Result<void> SendSteps() {
    if (sent_end_ || finished_) return {};
    // So many at a time, so that credit and acknowledgements are read in between.
    constexpr int kBatch = 256;
    for (int i = 0; i < kBatch; ++i) {
      // What ends the run costs no credit.
      if (!credit_.MaySend() && !is_finishing_) {
        ++credit_waits_;
        return {};
      }
      auto ok = std::visit([this](auto step) { return Send(std::move(step)); }, workload_.Next());
      if (!ok || sent_end_) return ok;
    }
    more_to_send_ = true;
    return {};
  }

  Result<void> Send(model::Script script) {
    const wire::Encoded encoded = wire::Encode(std::move(script));
    credit_.Spend(encoded.size());
    return SendToBoth(encoded);
  }
  Result<void> Send(wire::Barrier barrier) { return SendToBoth(wire::Encode(barrier)); }
  Result<void> Send(wire::End end) {
    sent_end_ = true;
    return SendToBoth(wire::Encode(end));
  }

  Result<void> SendToBoth(const wire::Encoded& encoded) {
    if (auto ok = verifier_.Send(encoded); !ok) return ok;
    return applier_.Send(encoded);
  }

  Workload workload_;
  std::uint64_t seed_;
  wire::Client verifier_;
  wire::Client applier_;
  wire::Reporter reporter_;
  wire::Poller poller_;
  wire::CreditSpender credit_;
  std::uint64_t credit_waits_ = 0;
  bool more_to_send_ = false;
  bool is_finishing_ = false;
  std::optional<wire::Time> leaves_at_;  // once stopped
  bool sent_end_ = false;
  bool finished_ = false;
  wire::DroppedFrames dropped_;
};

}  // namespace

Result<void> RunProcess(const ProcessOptions& options, wire::StopSignal& stop) {
  wire::Context context;
  auto reporter = wire::Reporter::Connect(context, "generator", options.status_endpoint);
  if (!reporter) return std::unexpected(std::move(reporter.error()));
  auto verifier = wire::Client::Connect(context, "generator", options.verifier_endpoint);
  if (!verifier) return std::unexpected(std::move(verifier.error()));
  auto applier = wire::Client::Connect(context, "generator", options.applier_endpoint);
  if (!applier) return std::unexpected(std::move(applier.error()));
  Process process(options, std::move(*verifier), std::move(*applier), std::move(*reporter));
  auto result = process.Run(stop);
  if (!result) process.Fail(result.error());
  return result;
}

}  // namespace lockstep::generator
