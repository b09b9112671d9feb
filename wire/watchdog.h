// Ends a process that was asked to stop, or has lost its launcher, and is held up by what it
// waits for: a server that never answers, a name that is never resolved. A thread of its own, the
// one exception to "a program is one thread"; when it acts is WatchdogRule's to say.
//
// The process's loop need not know of it: it polls StopSignal::fd() and calls StopSignal::Count().
#ifndef LOCKSTEP_WIRE_WATCHDOG_H_
#define LOCKSTEP_WIRE_WATCHDOG_H_

#include <functional>
#include <string>
#include <thread>

#include "model/error.h"
#include "wire/stop_signal.h"
#include "wire/watchdog_rule.h"

namespace lockstep::wire {

class Watchdog {
 public:
  struct Options {
    std::string process;  // for the message
    WatchdogPatience patience = {};
    model::ExitCode exit_code = model::ExitCode::kEnvironment;
    // Both are called on the watchdog's thread and must not block. To end what the process waits
    // for; and what that is ("host=db: SELECT ..."), empty where it is not known.
    std::function<void()> interrupt = [] {};
    std::function<std::string()> waits_for = [] { return std::string(); };
    // What is done last, before the process is ended without a destructor.
    std::function<void()> last_wish = [] {};
  };

  // Called by the thread whose loop is watched. `stop` must outlive it.
  Watchdog(const StopSignal& stop, Options options);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  // The process has ended by itself.
  ~Watchdog();

 private:
  void Run(clockid_t cpu);
  [[noreturn]] void End(const StopSignal::Heard& heard, double silent_s) const;

  const StopSignal& stop_;
  Options options_;
  int quit_;  // an eventfd
  std::thread thread_;
};

}  // namespace lockstep::wire

#endif  // LOCKSTEP_WIRE_WATCHDOG_H_
