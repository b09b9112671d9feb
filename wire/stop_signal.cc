#include "wire/stop_signal.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace lockstep::wire {

model::Result<StopSignal> StopSignal::Make() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  // The terminal is gone: what was made elsewhere is to be removed all the same. Not under nohup.
  struct sigaction hangup {};
  sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler != SIG_IGN) sigaddset(&signals, SIGHUP);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  const int fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
  if (fd < 0) {
    return model::Fail(model::ErrorKind::kEnvironment,
                       fmt::format("signalfd: {}", std::strerror(errno)));
  }
  return StopSignal(fd);
}

StopSignal::StopSignal(StopSignal&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), count_(other.count_) {}

StopSignal::~StopSignal() {
  if (fd_ >= 0) close(fd_);
}

int StopSignal::Count() {
  signalfd_siginfo info;
  while (read(fd_, &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) ++count_;
  return count_;
}

}  // namespace lockstep::wire
