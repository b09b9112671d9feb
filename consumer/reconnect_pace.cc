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
  const bool is_first = !lost_since_;
  if (is_first) lost_since_ = now;
  if (now - *lost_since_ > kLimit) return Answer::kGiveUp;
  next_try_ = now + kPause;
  return is_first ? Answer::kWarnRetry : Answer::kRetry;
}

}  // namespace lockstep::consumer
