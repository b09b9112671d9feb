// What a process tells the launcher about itself: counters now and then, and why it could not go
// on.
//
// Without an endpoint (a process started by itself) everything here does nothing.
#ifndef LOCKSTEP_WIRE_REPORTER_H_
#define LOCKSTEP_WIRE_REPORTER_H_

#include <optional>
#include <string>

#include "model/error.h"
#include "wire/message.h"
#include "wire/peer.h"

namespace lockstep::wire {

class Reporter {
 public:
  using Counters = decltype(Status::counters);

  // `process`: "generator", "listener-1", ... `endpoint` of the launcher, or empty.
  static model::Result<Reporter> Connect(Context& context, const std::string& process,
                                         const std::string& endpoint);

  // When the counters are wanted next; nullopt: never.
  std::optional<Time> NextReport() const;
  void Report(Counters counters, Time now);
  void Fail(const model::Error& error);
  void Send(const Message& message);

  // Moves what is to be moved; the launcher's word that a process of the run has died.
  std::optional<Failure> Tick(Time now);
  std::optional<Time> NextDeadline() const;
  // Gives what was sent a moment to leave. Blocks, a second at most.
  void Drain();

  // To be polled; nullptr without an endpoint.
  const Client* client() const { return client_ ? &*client_ : nullptr; }

 private:
  Reporter(std::string process, std::optional<Client> client)
      : process_(std::move(process)), client_(std::move(client)) {}

  std::string process_;
  std::optional<Client> client_;
  Time next_report_ = Time::min();
};

}  // namespace lockstep::wire

#endif  // LOCKSTEP_WIRE_REPORTER_H_
