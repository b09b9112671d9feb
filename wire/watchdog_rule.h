// When a process that was asked to stop is ended although it does not stop by itself. Pure: the
// time is an argument.
//
//   asked to stop ──► its loop answers: it works on, as long as it takes
//                 └─► silent ──(interrupt)──► what it waits for is interrupted ──(end)──► ended
//   its launcher is gone ──(orphaned)──► ended, whatever it does
#ifndef LOCKSTEP_WIRE_WATCHDOG_RULE_H_
#define LOCKSTEP_WIRE_WATCHDOG_RULE_H_

#include <chrono>
#include <optional>

namespace lockstep::wire {

struct WatchdogPatience {
  // So many signals mean "stop"; fewer ask for the end of the work, which may take its time.
  int stop_signals = 1;
  // How long the loop may be silent until its wait is interrupted, and until the process is ended.
  std::chrono::milliseconds interrupt{5'000};
  std::chrono::milliseconds end{8'000};
  // The same where it was asked for the end of its work only. A loop that computes is not silent.
  std::chrono::milliseconds finishing_interrupt{150'000};
  std::chrono::milliseconds finishing_end{160'000};
  // How long a process lives on without its launcher. The launcher gives its children 15 s.
  std::chrono::milliseconds orphaned{10'000};
};

class WatchdogRule {
 public:
  using Time = std::chrono::steady_clock::time_point;
  enum class Action { kNone, kInterrupt, kEnd };
  struct Seen {
    int signals = 0;
    bool launcher_is_gone = false;
    Time answered;                   // the loop's last sign of life
    std::chrono::nanoseconds cpu{};  // what its thread has computed in all
  };

  explicit WatchdogRule(const WatchdogPatience& patience) : patience_(patience) {}

  // To be called a few times a second. Each kInterrupt is for one silence, or one more signal.
  Action Tick(const Seen& seen, Time now);
  // The loop must say whether it still turns.
  bool wants_answer() const { return silent_since_.has_value(); }
  // Since when it is silent; unset: it was not asked to stop.
  std::optional<Time> silent_since() const { return silent_since_; }

 private:
  void NoteLife(const Seen& seen, bool is_finishing, Time now);

  WatchdogPatience patience_;
  std::optional<Time> silent_since_;
  std::optional<Time> orphaned_since_;
  Time last_signal_{};
  int signals_ = 0;
  std::chrono::nanoseconds cpu_{};  // at silent_since_
  bool was_interrupted_ = false;    // since then
};

}  // namespace lockstep::wire

#endif  // LOCKSTEP_WIRE_WATCHDOG_RULE_H_
