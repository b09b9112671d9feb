#include "replication/liveness.h"

#include <algorithm>

namespace lockstep::replication {

void Liveness::Begin() {
  silent_ = {};
  looked_.reset();
}

void Liveness::OnFrame() {
  Begin();
  limit_ = first_limit_;
}

Liveness::State Liveness::OnNothing(TimePoint now) {
  if (looked_)
    silent_ += std::min(std::chrono::duration_cast<Duration>(now - *looked_), kLongestPause);
  looked_ = now;
  if (silent_ < limit_ / 2) return State::kSpeaks;
  if (silent_ < limit_) return State::kAsk;
  limit_ = std::min(limit_ * 2, first_limit_ * 16);
  Begin();
  return State::kGone;
}

}  // namespace lockstep::replication
