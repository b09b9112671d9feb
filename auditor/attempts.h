// How a checkpoint is tried until it can be made: again after a pause that grows, with more
// patience for locks each time, and not for ever. Pure; the time is an argument.
#ifndef LOCKSTEP_AUDITOR_ATTEMPTS_H_
#define LOCKSTEP_AUDITOR_ATTEMPTS_H_

#include <algorithm>
#include <chrono>

namespace lockstep::auditor {

class Attempts {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::milliseconds;

  // How long it is tried during the audit, and at its end.
  Attempts(Duration patience, Duration patience_at_end)
      : patience_(patience), patience_at_end_(patience_at_end) {}

  // What it is for adds to what the failed attempts before it were for: besides reading tables
  // anew, it `compares` the others; it is the one `at_end`, which has all its time.
  void Begin(bool compares, bool at_end, Time now) {
    if (at_end && !is_at_end_) end_began_ = now;
    if (!is_begun_ || (at_end && !is_at_end_)) first_ = now;
    is_begun_ = true;
    is_at_end_ = at_end;
    compares_ = compares_ || compares;
  }
  // For a reason that may pass. Whether it is to be tried again, from next() on.
  bool OnFailed(Time now) {
    next_ = now + pause_;
    pause_ = std::min(pause_ * 2, kLongestPause);
    lock_timeout_ = std::min(lock_timeout_ * 2, kLongestLockTimeout);
    return now - first_ < (is_at_end_ ? patience_at_end_ : patience_);
  }
  // It was made, was given up, or is needed no longer.
  void End() {
    is_begun_ = false;
    compares_ = false;
    lock_timeout_ = kFirstLockTimeout;
    pause_ = kFirstPause;
  }
  // It was made, and some tables are left to be read that could not be had: in a while, longer each
  // time.
  void EndPartly(Time now) {
    next_ = now + pause_;
    const Duration pause = std::min(pause_ * 2, kLongestPause);
    End();
    pause_ = pause;
  }
  // The next one is not to be tried before.
  void Postpone(Time until) { next_ = until; }

  bool is_begun() const { return is_begun_; }
  bool compares() const { return compares_; }
  bool is_at_end() const { return is_at_end_; }
  // Of is_at_end(): when the first one began.
  Time end_began() const { return end_began_; }
  Time next() const { return next_; }
  Duration lock_timeout() const { return lock_timeout_; }

 private:
  static constexpr Duration kFirstPause{100};
  static constexpr Duration kLongestPause{5000};
  static constexpr Duration kFirstLockTimeout{1000};
  static constexpr Duration kLongestLockTimeout{8000};

  Duration patience_;
  Duration patience_at_end_;
  bool is_begun_ = false;
  bool is_at_end_ = false;
  bool compares_ = false;
  Time first_;
  Time end_began_;
  Time next_ = Time::min();
  Duration lock_timeout_ = kFirstLockTimeout;
  Duration pause_ = kFirstPause;
};

}  // namespace lockstep::auditor

#endif  // LOCKSTEP_AUDITOR_ATTEMPTS_H_
