// The processes of a run, from their start to their end: the I/O around Course.
#ifndef LOCKSTEP_LAUNCHER_CREW_H_
#define LOCKSTEP_LAUNCHER_CREW_H_

#include <vector>

#include "launcher/children.h"
#include "launcher/course.h"
#include "launcher/live_display.h"
#include "launcher/programs.h"
#include "launcher/run_directory.h"
#include "launcher/status_board.h"
#include "model/error.h"
#include "wire/peer.h"
#include "wire/stop_signal.h"

namespace lockstep::launcher {

class Crew {
 public:
  // All of it must outlive the crew. `server` is what the processes report to.
  Crew(wire::Server& server, wire::StopSignal& stop, StatusBoard& board, LiveDisplay& display);

  // Starts all, or none: on an error those that were started are killed.
  model::Result<void> Start(const std::vector<ProcessPlan>& plans, const RunDirectory& directory);
  // Returns when all have ended.
  // `until_stopped`: as Course.
  model::Result<Ending> Watch(bool until_stopped);

 private:
  void ReadMessages(Course& course, Time now);
  void CollectExits(Course& course, Time now);
  void Act(const Action& action);

  wire::Server& server_;
  StatusBoard& board_;
  LiveDisplay& display_;
  Children children_;
};

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_CREW_H_
