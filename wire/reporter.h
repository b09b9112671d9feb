// What a process tells the launcher about itself: counters now and then, and why it could not go
// on.
//
// Without an endpoint (a process started by itself) everything here does nothing, but that the
// verifier is told of a failure in the launcher's place.
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
  // Tells the launcher, or where there is none the verifier, so that it ends the run: one of them,
  // or the user would hear of it twice. Blocks until it has arrived, a second at most.
  void Fail(const model::Error& error, Client& verifier);
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

// As Reporter::Fail, for a process that fails before it has connected: an option is wrong. Does
// nothing without an endpoint of the verifier.
void FailBeforeStart(const std::string& process, const std::string& launcher_endpoint,
                     const std::string& verifier_endpoint, const model::Error& error);

}  // namespace lockstep::wire

#endif  // LOCKSTEP_WIRE_REPORTER_H_
