// The auditors and the user's command, from their start to their end: the I/O around AuditCourse.
#ifndef LOCKSTEP_LAUNCHER_AUDIT_CREW_H_
#define LOCKSTEP_LAUNCHER_AUDIT_CREW_H_

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "launcher/audit_course.h"
#include "launcher/children.h"
#include "launcher/programs.h"
#include "launcher/run_directory.h"
#include "launcher/status_board.h"
#include "model/error.h"
#include "wire/peer.h"
#include "wire/stop_signal.h"

namespace lockstep::launcher {

struct AuditedCommand {
  std::vector<std::string> command;  // empty: none
  std::vector<std::pair<std::string, std::string>> variables;
};

// What is told meanwhile.
struct AuditShow {
  std::function<void()> attached;  // all have, the command is about to start
  std::function<void()> news;      // an auditor has found a difference, or read a table anew
  // An auditor has ended early, and the others go on.
  std::function<void(const AuditCourse::Lost&)> lost;
  std::function<void()> progress;  // now and then
  std::function<void()> look;      // every second: what becomes of the sessions of others
};

class AuditCrew {
 public:
  // All of it must outlive the crew. `server` is what the auditors report to.
  AuditCrew(wire::Server& server, wire::StopSignal& stop, StatusBoard& board);

  // Starts all, or none: on an error those that were started are killed.
  model::Result<void> Start(const std::vector<ProcessPlan>& auditors,
                            const RunDirectory& directory);
  // Returns when all have ended.
  model::Result<AuditCourse> Watch(const AuditedCommand& command, AuditShow show);

 private:
  void ReadMessages(AuditCourse& course, wire::Time now);
  void CollectExits(AuditCourse& course, wire::Time now);
  void Act(AuditAction action, AuditCourse& course, wire::Time now);

  wire::Server& server_;
  StatusBoard& board_;
  Children children_;  // the auditors, and the command in the foreground
  AuditedCommand command_;
  AuditShow show_;
  bool has_news_ = false;
  std::size_t lost_shown_ = 0;
};

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_AUDIT_CREW_H_
