// SIGINT, SIGTERM and SIGHUP as something to poll: a process stops cleanly instead of being cut
// off. When the launcher that started this process is gone, that counts as two signals: nobody is
// there to finish for.
#ifndef LOCKSTEP_WIRE_STOP_SIGNAL_H_
#define LOCKSTEP_WIRE_STOP_SIGNAL_H_

#include <chrono>
#include <memory>

#include "model/error.h"

namespace lockstep::wire {

// In the environment of a child: the pid of the launcher that started it.
inline constexpr const char* kLauncherVariable = "LOCKSTEP_LAUNCHER";

class StopSignal {
 public:
  // Blocks these signals for the process (SIGHUP not where it is ignored, as under nohup); to be
  // made before any thread is started (a Context starts one). Also ignores SIGPIPE.
  static model::Result<StopSignal> Make();
  StopSignal(StopSignal&& other) noexcept;
  StopSignal& operator=(StopSignal&&) = delete;
  ~StopSignal();

  // Readable once a signal has come, and when somebody asks whether the loop still turns.
  int fd() const;
  // True from the first signal on.
  bool Stopped() { return Count() > 0; }
  // How many have come. Two of one kind that come at once may count as one. To be called in each
  // turn of a loop: it is the answer to Ask.
  int Count();

  // The watchdog's side, on its thread.
  struct Heard {
    int signals = 0;  // that have come, whether the loop knows or not
    bool launcher_is_gone = false;
    std::chrono::steady_clock::time_point answered;  // the last call of Count
  };
  Heard Listen() const;
  // Makes fd() readable until the next Count.
  void Ask() const;

 private:
  struct State;
  explicit StopSignal(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace lockstep::wire

#endif  // LOCKSTEP_WIRE_STOP_SIGNAL_H_
