// SIGINT, SIGTERM and SIGHUP as something to poll: a process stops cleanly instead of being cut
// off.
#ifndef LOCKSTEP_WIRE_STOP_SIGNAL_H_
#define LOCKSTEP_WIRE_STOP_SIGNAL_H_

#include "model/error.h"

namespace lockstep::wire {

class StopSignal {
 public:
  // Blocks these signals for the process (SIGHUP not where it is ignored, as under nohup); to be
  // made before any thread is started (a Context starts one). Also ignores SIGPIPE.
  static model::Result<StopSignal> Make();
  StopSignal(StopSignal&& other) noexcept;
  StopSignal& operator=(StopSignal&&) = delete;
  ~StopSignal();

  // Readable once a signal has come.
  int fd() const { return fd_; }
  // True from the first signal on.
  bool Stopped() { return Count() > 0; }
  // How many have come. Two of one kind that come at once may count as one.
  int Count();

 private:
  explicit StopSignal(int fd) : fd_(fd) {}
  int fd_;
  int count_ = 0;
};

}  // namespace lockstep::wire

#endif  // LOCKSTEP_WIRE_STOP_SIGNAL_H_
