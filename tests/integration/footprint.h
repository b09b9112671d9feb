// What a program of ours leaves on the machine. It is marked by a variable in its environment,
// which children inherit: so its processes are found, and those that it leaves behind, whatever
// else goes on on the machine.
#ifndef LOCKSTEP_TESTS_INTEGRATION_FOOTPRINT_H_
#define LOCKSTEP_TESTS_INTEGRATION_FOOTPRINT_H_

#include <sys/types.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "launcher/process.h"

namespace lockstep::integration {

class Footprint {
 public:
  Footprint();

  // NAME=value, for /usr/bin/env.
  const std::string& mark() const { return mark_; }
  // Command lines (arguments separated by null bytes) by pid.
  std::map<pid_t, std::string> Processes() const;
  // Waits until the launcher has ended, and looks for directories that processes name meanwhile.
  // Throws after some minutes, with what `output` gives.
  launcher::ExitStatus AwaitEnd(launcher::Process& launcher,
                                const std::function<std::string()>& output);
  // Processes, and directories under /tmp, that are still there.
  std::vector<std::string> Left() const;

 private:
  void Look();

  std::string mark_;
  std::set<std::string> others_;  // directories that were there before, as the test's own server's
  std::set<std::string> directories_;
};

// SIGSTOP; returns when the process stands still in fact.
void Freeze(pid_t pid);

// Throws, naming `what`, when it has not come true after a minute.
void WaitUntil(const std::string& what, const std::function<bool()>& is_true);

// A file as a whole; empty when it cannot be read.
std::string ReadText(const std::string& path);

}  // namespace lockstep::integration

#endif  // LOCKSTEP_TESTS_INTEGRATION_FOOTPRINT_H_
