// A child program: started without a shell, its output in a log file, its end something to poll.
//
// Each child leads a process group of its own, so that Ctrl-C in a terminal reaches only us; it
// gets SIGTERM when we die, however that happens, and knows our pid. Variables LOCKSTEP_* are not
// handed down: what a child is to know is in its arguments, but for what is secret.
#ifndef LOCKSTEP_LAUNCHER_PROCESS_H_
#define LOCKSTEP_LAUNCHER_PROCESS_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/error.h"

namespace lockstep::launcher {

// How a process ended: by a signal, or else with an exit status.
struct ExitStatus {
  int status = 0;
  int signal = 0;  // 0: none
  friend bool operator==(const ExitStatus&, const ExitStatus&) = default;
};

// "exited with status 4", "was killed by signal 9 (Killed)".
std::string ToString(ExitStatus status);

class Process {
 public:
  // `command`: path of the program and its arguments. Standard input is /dev/null, standard output
  // and error go to `log_path`, which is made or emptied. SIGINT and SIGTERM are blocked until the
  // program's wire::StopSignal takes them: one that comes before ends it as orderly. `variables`
  // are set in its environment. kEnvironment, naming the program, when it cannot be started. To be
  // called from the main thread, which must outlive the child.
  static model::Result<Process> Start(
      const std::vector<std::string>& command, const std::string& log_path,
      const std::vector<std::pair<std::string, std::string>>& variables = {});
  // A program of the user's: looked for in PATH; input, output and errors are ours, and so is its
  // process group where the input is a terminal.
  static model::Result<Process> StartForeground(
      const std::vector<std::string>& command,
      const std::vector<std::pair<std::string, std::string>>& variables);
  Process(Process&& other) noexcept;
  Process& operator=(Process&&) = delete;
  // Kills what still runs, and waits for it.
  ~Process();

  pid_t pid() const { return pid_; }
  // Readable once the process has ended.
  int fd() const { return fd_; }
  // How it ended; nullopt while it runs. Never blocks.
  std::optional<ExitStatus> Poll();
  // Sends a signal; nothing happens when the process has ended.
  void Signal(int number);
  // The same for those that it started, too, where it has a group of its own.
  void SignalGroup(int number);

 private:
  struct Streams {
    int input;
    int log;
    bool has_own_group;
    bool has_stop_signal;
  };
  static model::Result<Process> Launch(
      const std::vector<std::string>& command, const std::string& what,
      const std::vector<std::pair<std::string, std::string>>& given, const Streams& streams);
  Process(pid_t pid, int fd, bool has_own_group)
      : pid_(pid), fd_(fd), has_own_group_(has_own_group) {}

  pid_t pid_;  // 0: moved from
  int fd_;     // a pidfd
  bool has_own_group_;
  std::optional<ExitStatus> ended_;
};

// The last `lines` lines of a file, or what of them its last 16 kB hold; empty when it cannot be
// read.
std::string Tail(const std::string& path, int lines);

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_PROCESS_H_
