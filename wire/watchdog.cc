#include "wire/watchdog.h"

#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <utility>

namespace lockstep::wire {
namespace {

// How often it looks. Who presses Ctrl-C does not notice it, and it costs nothing.
constexpr int kTick_ms = 100;

std::chrono::nanoseconds Read(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

Watchdog::Watchdog(const StopSignal& stop, Options options)
    : stop_(stop), options_(std::move(options)), quit_(eventfd(0, EFD_CLOEXEC)) {
  clockid_t cpu = CLOCK_PROCESS_CPUTIME_ID;
  pthread_getcpuclockid(pthread_self(), &cpu);
  thread_ = std::thread([this, cpu] { Run(cpu); });
}

Watchdog::~Watchdog() {
  const std::uint64_t one = 1;
  (void)!write(quit_, &one, sizeof(one));
  thread_.join();
  close(quit_);
}

void Watchdog::Run(clockid_t cpu) {
  WatchdogRule rule(options_.patience);
  pollfd quit{.fd = quit_, .events = POLLIN, .revents = 0};
  while (poll(&quit, 1, kTick_ms) <= 0) {
    const StopSignal::Heard heard = stop_.Listen();
    const auto now = std::chrono::steady_clock::now();
    const auto action = rule.Tick({.signals = heard.signals,
                                   .launcher_is_gone = heard.launcher_is_gone,
                                   .answered = heard.answered,
                                   .cpu = Read(cpu)},
                                  now);
    if (rule.wants_answer()) stop_.Ask();
    if (action == WatchdogRule::Action::kInterrupt) options_.interrupt();
    if (action == WatchdogRule::Action::kEnd) {
      End(heard, std::chrono::duration<double>(now - *rule.silent_since()).count());
    }
  }
}

// The other thread may hold any lock, so the message goes past every stream.
void Watchdog::End(const StopSignal::Heard& heard, double silent_s) const {
  const std::string waits_for = options_.waits_for();
  const std::string text = fmt::format(
      "{}: ended: {}, and for {:.0f} s it did not come back from {}\n", options_.process,
      heard.launcher_is_gone ? "its launcher is gone" : "it was asked to stop", silent_s,
      waits_for.empty() ? "what it does" : "waiting for " + waits_for);
  (void)!write(STDERR_FILENO, text.data(), text.size());
  options_.last_wish();
  _exit(static_cast<int>(options_.exit_code));
}

}  // namespace lockstep::wire
