#include "wire/reporter.h"

#include <chrono>
#include <utility>

#include "wire/codec.h"
#include "wire/poller.h"

namespace lockstep::wire {
namespace {

// Four times a second: a terminal's line looks alive, and nobody notices the cost.
constexpr std::chrono::milliseconds kReportInterval{250};

void DrainClient(Client& client) {
  const Time end = Clock::now() + std::chrono::seconds(1);
  Poller poller;
  poller.Add(client);
  while (client.UnacknowledgedMessages() > 0 && Clock::now() < end) {
    while (true) {
      auto event = client.Receive();
      if (!event || !*event) break;
    }
    (void)client.Tick(Clock::now());
    (void)poller.Wait(Earlier(end, client.NextDeadline()));
  }
}

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

void Reporter::Fail(const model::Error& error, Client& verifier) {
  Client& client = client_ ? *client_ : verifier;
  (void)client.Send(Encode(Failure{process_, error}));
  DrainClient(client);
}

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
  if (client_) DrainClient(*client_);
}

void FailBeforeStart(const std::string& process, const std::string& launcher_endpoint,
                     const std::string& verifier_endpoint, const model::Error& error) {
  if (verifier_endpoint.empty()) return;
  Context context;
  auto reporter = Reporter::Connect(context, process, launcher_endpoint);
  auto verifier = Client::Connect(context, process, verifier_endpoint);
  if (reporter && verifier) reporter->Fail(error, *verifier);
}

}  // namespace lockstep::wire
