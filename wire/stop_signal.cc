#include "wire/stop_signal.h"

#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

namespace lockstep::wire {
namespace {

using Clock = std::chrono::steady_clock;

// A launcher that is gone asks nobody to finish anything.
constexpr int kSignalsOfAnEnd = 2;

}  // namespace

struct StopSignal::State {
  int signals = -1;    // a signalfd
  int question = -1;   // an eventfd
  int either = -1;     // an epoll of both
  pid_t launcher = 0;  // 0: started by hand
  std::atomic<int> count = 0;
  std::atomic<Clock::rep> answered = Clock::now().time_since_epoch().count();

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    for (const int fd : {either, question, signals}) {
      if (fd >= 0) close(fd);
    }
  }

  bool Watch(int fd) const {
    epoll_event event{.events = EPOLLIN, .data = {}};
    return epoll_ctl(either, EPOLL_CTL_ADD, fd, &event) == 0;
  }

  // Whoever reads a signal first counts it.
  void TakeSignals() {
    signalfd_siginfo info;
    while (read(signals, &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) ++count;
  }

  bool IsLauncherGone() const { return launcher != 0 && getppid() != launcher; }
};

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

  auto state = std::make_unique<State>();
  state->signals = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
  state->question = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  state->either = epoll_create1(EPOLL_CLOEXEC);
  if (state->signals < 0 || state->question < 0 || state->either < 0 ||
      !state->Watch(state->signals) || !state->Watch(state->question)) {
    return model::Fail(model::ErrorKind::kEnvironment,
                       fmt::format("cannot wait for signals: {}", std::strerror(errno)));
  }
  if (const char* launcher = getenv(kLauncherVariable)) state->launcher = std::atoi(launcher);
  return StopSignal(std::move(state));
}

StopSignal::StopSignal(std::unique_ptr<State> state) : state_(std::move(state)) {}
StopSignal::StopSignal(StopSignal&& other) noexcept = default;
StopSignal::~StopSignal() = default;

int StopSignal::fd() const { return state_->either; }

int StopSignal::Count() {
  state_->TakeSignals();
  std::uint64_t questions = 0;
  (void)!read(state_->question, &questions, sizeof(questions));
  state_->answered = Clock::now().time_since_epoch().count();
  // The kernel sends a signal for it, after it has changed the parent.
  const int count = state_->count;
  return count > 0 && state_->IsLauncherGone() ? std::max(count, kSignalsOfAnEnd) : count;
}

StopSignal::Heard StopSignal::Listen() const {
  state_->TakeSignals();
  return {.signals = state_->count,
          .launcher_is_gone = state_->IsLauncherGone(),
          .answered = Clock::time_point(Clock::duration(state_->answered))};
}

void StopSignal::Ask() const {
  const std::uint64_t one = 1;
  (void)!write(state_->question, &one, sizeof(one));
}

}  // namespace lockstep::wire
