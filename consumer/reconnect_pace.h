// When a lost stream is tried again, and when it is given up.
//
// clang-format off
//   following ──error worth a retry──► lost ──each further one──► lost, the next try a pause later
//       ▲                              │  ▲ │
//       │                  OnConnected │  │ └── lost for longer than the limit ──► given up
//       │                              ▼  │ error
//       └── something new came ────── connected
//           (or it stood for long)
// clang-format on
//
// A connection alone does not end a loss: a server that goes down over the next transaction takes
// every connection, and goes down again.
//
// Whoever follows asks it; it opens nothing and waits for nothing. One thread.
#ifndef LOCKSTEP_CONSUMER_RECONNECT_PACE_H_
#define LOCKSTEP_CONSUMER_RECONNECT_PACE_H_

#include <chrono>
#include <optional>

#include "model/error.h"
#include "model/lsn.h"

namespace lockstep::consumer {

class ReconnectPace {
 public:
  using Time = std::chrono::steady_clock::time_point;

  enum class Answer {
    kRetry,      // after a pause; it has been said already
    kWarnRetry,  // the same, and a stream was there until now: the error should be said
    kGiveUp,     // no retry can help (model::IsWorthRetry), or the stream was lost for too long
  };

  // What is to be done about an error of the stream, or of a try to reconnect.
  Answer OnError(const model::Error& error, Time now);
  // The stream is there again.
  void OnConnected(Time now) { connected_since_ = now; }
  // How far the stream was received: to be told in each turn, before its error. When that is
  // farther than before, the next error begins a new loss.
  void OnReceived(model::Lsn received);

  // When a lost stream is to be tried again; in the past when none was lost so far.
  Time next_try() const { return next_try_; }

 private:
  std::optional<Time> lost_since_;
  std::optional<Time> connected_since_;  // after a loss
  model::Lsn received_;
  Time next_try_ = Time::min();
};

}  // namespace lockstep::consumer

#endif  // LOCKSTEP_CONSUMER_RECONNECT_PACE_H_
