#include "wire/reporter.h"

#include <chrono>
#include <utility>

#include "wire/codec.h"
#include "wire/poller.h"

namespace lockstep::wire {
namespace {

// Four times a second: a terminal's line looks alive, and nobody notices the cost.
constexpr std::chrono::milliseconds kReportInterval{250};

}  // namespace

model::Result<Reporter> Reporter::Connect(Context& context, const std::string& process,
                                          const std::string& endpoint) {
  if (endpoint.empty()) return Reporter(process, std::nullopt);
  auto client = Client::Connect(context, process, endpoint);
  if (!client) return std::unexpected(std::move(client.error()));
  return Reporter(process, std::move(*client));
}

std::optional<Time> Reporter::NextReport() const {
  return client_ ? std::optional(next_report_) : std::nullopt;
}

void Reporter::Report(Counters counters, Time now) {
  if (!client_ || now < next_report_) return;
  next_report_ = now + kReportInterval;
  Send(Status{process_, std::move(counters)});
}

void Reporter::Fail(const model::Error& error) { Send(Failure{process_, error}); }

void Reporter::Send(const Message& message) {
  // A launcher that is gone takes no reports; that is its own end, not ours.
  if (client_) (void)client_->Send(Encode(message));
}

std::optional<Failure> Reporter::Tick(Time now) {
  if (!client_) return std::nullopt;
  std::optional<Failure> failure;
  while (true) {
    auto event = client_->Receive();
    if (!event || !*event) break;
    if (auto* received = std::get_if<Received>(&**event)) {
      if (auto* told = std::get_if<Failure>(&received->message)) failure = std::move(*told);
    }
  }
  (void)client_->Tick(now);
  return failure;
}

std::optional<Time> Reporter::NextDeadline() const {
  return client_ ? Earlier(client_->NextDeadline(), NextReport()) : std::nullopt;
}

void Reporter::Drain() {
  if (!client_) return;
  const Time end = Clock::now() + std::chrono::seconds(1);
  Poller poller;
  poller.Add(*client_);
  while (client_->UnacknowledgedMessages() > 0 && Clock::now() < end) {
    (void)Tick(Clock::now());
    (void)poller.Wait(Earlier(end, client_->NextDeadline()));
  }
}

}  // namespace lockstep::wire
