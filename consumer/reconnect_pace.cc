#include "consumer/reconnect_pace.h"

namespace lockstep::consumer {
namespace {

// Short beside a server's restart, long enough not to burden one that is just starting.
constexpr std::chrono::milliseconds kPause{200};
// A restart of the server takes less.
constexpr std::chrono::seconds kLimit{60};

}  // namespace

ReconnectPace::Answer ReconnectPace::OnError(const model::Error& error, Time now) {
  if (!model::IsWorthRetry(error)) return Answer::kGiveUp;
  // One that stands for long without news is that of an idle server.
  if (connected_since_ && now - *connected_since_ > kLimit) lost_since_.reset();
  const bool was_there = !lost_since_ || connected_since_;
  connected_since_.reset();
  if (!lost_since_) lost_since_ = now;
  if (now - *lost_since_ > kLimit) return Answer::kGiveUp;
  next_try_ = now + kPause;
  return was_there ? Answer::kWarnRetry : Answer::kRetry;
}

void ReconnectPace::OnReceived(model::Lsn received) {
  if (received <= received_) return;
  received_ = received;
  lost_since_.reset();
}

}  // namespace lockstep::consumer
