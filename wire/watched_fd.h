// A file descriptor in a Poller that may be another one, or none, the next time round: a connection
// that is opened anew.
#ifndef LOCKSTEP_WIRE_WATCHED_FD_H_
#define LOCKSTEP_WIRE_WATCHED_FD_H_

#include "wire/poller.h"

namespace lockstep::wire {

class WatchedFd {
 public:
  // Watches `fd` (-1: none) instead of the one before.
  void Watch(Poller& poller, int fd, Interest interest) {
    if (fd != fd_) {
      if (fd_ >= 0) poller.Remove(token_);
      if (fd >= 0) token_ = poller.AddFd(fd, interest);
      fd_ = fd;
    }
    if (fd_ >= 0) poller.SetInterest(token_, interest);
  }

  // Whether this is what became ready.
  bool Is(Poller::Token token) const { return fd_ >= 0 && token == token_; }

 private:
  int fd_ = -1;
  Poller::Token token_ = 0;
};

}  // namespace lockstep::wire

#endif  // LOCKSTEP_WIRE_WATCHED_FD_H_
