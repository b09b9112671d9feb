// The child processes of a launcher: started, signalled, what they report and how they end.
//
//   programs ──Start──► running ──TakeEnded──► ended
//                         │ ▲
//             NextMessage ▼ │ Signal
//
// What their messages and ends mean is decided by a Course or an AuditCourse. Here is the poll set
// that a launcher waits on: the children's ends, the server that they report to, the stop signal.
#ifndef LOCKSTEP_LAUNCHER_CHILDREN_H_
#define LOCKSTEP_LAUNCHER_CHILDREN_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "launcher/process.h"
#include "launcher/programs.h"
#include "launcher/run_directory.h"
#include "model/error.h"
#include "wire/message.h"
#include "wire/peer.h"
#include "wire/poller.h"
#include "wire/stop_signal.h"

namespace lockstep::launcher {

// Kills those that still run when it goes. One thread: the main one.
class Children {
 public:
  struct Ended {
    std::string name;
    ExitStatus status;
    friend bool operator==(const Ended&, const Ended&) = default;
  };

  // Both must outlive it. `server` is what the children report to.
  Children(wire::Server& server, wire::StopSignal& stop);
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  // Starts all, or none: on an error (see Process::Start) those that were started are killed. To be
  // called once.
  model::Result<void> Start(const std::vector<ProcessPlan>& plans, const RunDirectory& directory);
  // A program of the user's besides them, see Process::StartForeground. The next one
  // only when the end of this one was taken.
  model::Result<void> StartForeground(
      const std::vector<std::string>& command,
      const std::vector<std::pair<std::string, std::string>>& variables);

  // Of those that Start started, ended or not, in the order of their start.
  std::vector<std::string> names() const;

  // Returns when there is a message, an end or a request to stop, when the server wants its Tick,
  // or at `deadline` (nullopt: never). Whether there is a request: true again with each further
  // signal.
  model::Result<bool> Wait(std::optional<wire::Time> deadline);

  // What was reported, message by message; nullopt when all has been read. What does not follow the
  // format is passed over: it is a stranger's. To be emptied before TakeEnded: it says why.
  std::optional<wire::Message> NextMessage();
  // Those that have ended since the last call, in the order of their start.
  std::vector<Ended> TakeEnded();
  // How the program in the foreground ended; nullopt: it has not, there is none, or it was told.
  std::optional<ExitStatus> TakeForegroundEnd();

  // To all but the program in the foreground, the last started first. Who has ended gets none.
  void Signal(int number);
  // To the one of this name.
  void Signal(const std::string& name, int number);
  // To the program in the foreground and those that it started.
  void SignalForeground(int number);

 private:
  struct Child {
    std::string name;
    Process process;
    std::optional<wire::Poller::Token> token;  // unset: its end was told
  };
  Child Watched(std::string name, Process process);
  std::optional<ExitStatus> Poll(Child& child);

  wire::Server& server_;
  wire::StopSignal& stop_;
  wire::Poller poller_;
  int stops_ = 0;                // that were told
  std::vector<Child> children_;  // in the order of their start
  std::optional<Child> foreground_;
};

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_CHILDREN_H_
