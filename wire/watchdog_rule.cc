#include "wire/watchdog_rule.h"

#include <algorithm>

namespace lockstep::wire {
namespace {

// A thread that is blocked computes nothing; one that polls ten times a second, a few of these.
constexpr std::chrono::milliseconds kComputes{50};

}  // namespace

void WatchdogRule::NoteLife(const Seen& seen, bool is_finishing, Time now) {
  if (!silent_since_) {
    silent_since_ = now;
    cpu_ = seen.cpu;
  } else if (seen.answered > *silent_since_) {
    silent_since_ = seen.answered;
    cpu_ = seen.cpu;
    was_interrupted_ = false;
  } else if (is_finishing && seen.cpu - cpu_ >= kComputes) {
    silent_since_ = now;
    cpu_ = seen.cpu;
    was_interrupted_ = false;
  }
  if (seen.signals > signals_) {
    signals_ = seen.signals;
    last_signal_ = now;
    was_interrupted_ = false;
  }
}

WatchdogRule::Action WatchdogRule::Tick(const Seen& seen, Time now) {
  if (seen.signals == 0 && !seen.launcher_is_gone) return Action::kNone;
  const bool is_finishing = !seen.launcher_is_gone && seen.signals < patience_.stop_signals;
  NoteLife(seen, is_finishing, now);
  if (seen.launcher_is_gone && !orphaned_since_) orphaned_since_ = now;
  if (orphaned_since_ && now - *orphaned_since_ >= patience_.orphaned) return Action::kEnd;
  if (now - *silent_since_ >= (is_finishing ? patience_.finishing_end : patience_.end))
    return Action::kEnd;
  const auto quiet = now - std::max(*silent_since_, last_signal_);
  if (was_interrupted_ ||
      quiet < (is_finishing ? patience_.finishing_interrupt : patience_.interrupt))
    return Action::kNone;
  was_interrupted_ = true;
  return Action::kInterrupt;
}

}  // namespace lockstep::wire
