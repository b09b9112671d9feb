#include "consumer/attach_patience.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

namespace lockstep::consumer {

using std::chrono::milliseconds;

milliseconds AttachPatience::elapsed() const {
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begun_);
}

milliseconds AttachPatience::left() const {
  return std::max(limit_ - elapsed(), milliseconds::zero());
}

model::Result<void> AttachPatience::Pause(AttachWait wait, model::Error last) {
  constexpr milliseconds kPauseMax{250};
  wait.elapsed = elapsed();
  wait.limit = limit_;
  if (wait.elapsed >= limit_) {
    return model::Fail(fmt::format("gave up after {:.1f} s of {}",
                                   static_cast<double>(wait.elapsed.count()) / 1000, wait.reason),
                       std::move(last));
  }
  if (on_wait_) {
    if (auto ok = on_wait_(wait); !ok) return ok;
  }
  std::this_thread::sleep_for(std::min(pause_, left()));
  pause_ = std::min(pause_ * 2, kPauseMax);
  return {};
}

}  // namespace lockstep::consumer
