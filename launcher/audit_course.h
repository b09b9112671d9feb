// How an audit goes: what the launcher does as auditors and the command speak and end. Pure,
// without I/O; the time is an argument.
//
//   attaching ── all attached: the command starts ──► running
//   running ──── the command ended; or Ctrl-C of --watch: auditors compare and end ──► finishing
//   running ──── Ctrl-C: the command is stopped; when it has ended as above
//   running, finishing ── an auditor ended early: the others go on without it; none is left ──►
//                stopping
//   attaching ── an auditor ended ──► stopping
//   any ──────── Ctrl-C in attaching or finishing ──► stopping
//   stopping ─── too long, or Ctrl-C once more: all are killed
//   over when every auditor has ended, and the command
#ifndef LOCKSTEP_LAUNCHER_AUDIT_COURSE_H_
#define LOCKSTEP_LAUNCHER_AUDIT_COURSE_H_

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "launcher/process.h"
#include "model/error.h"

namespace lockstep::launcher {

enum class AuditAction {
  kTellAttached,  // all have attached
  kTellLost,      // one more has ended early, and others go on
  kStartCommand,
  kStopCommand,     // SIGTERM
  kKillCommand,     // SIGKILL
  kFinishAuditors,  // SIGTERM: compare, and end
  kStopAuditors,    // SIGTERM and SIGINT: end without
  kKillAuditors,    // SIGKILL
};

struct AuditPatience {
  // For a process that was told to end.
  std::chrono::milliseconds stopping{20'000};
};

class AuditCourse {
 public:
  using Time = std::chrono::steady_clock::time_point;

  AuditCourse(std::vector<std::string> auditors, bool has_command, AuditPatience patience = {})
      : auditors_(auditors.begin(), auditors.end()),
        has_command_(has_command),
        patience_(patience) {}

  void OnAttached(const std::string& auditor, Time now);
  void OnFailure(const std::string& auditor, const model::Error& error);
  void OnAuditorExit(const std::string& auditor, ExitStatus status, Time now);
  void OnCommandStarted() { command_runs_ = true; }
  void OnCommandFailed(const model::Error& error, Time now);
  void OnCommandExit(ExitStatus status, Time now);
  void OnStopRequest(Time now);
  // To be called at NextDeadline() or later.
  void Tick(Time now);
  std::optional<Time> NextDeadline() const { return deadline_; }

  // What is to be done now; each is given once.
  std::vector<AuditAction> TakeActions() { return std::exchange(actions_, {}); }
  bool IsOver() const { return ended_.size() == auditors_.size() && !command_runs_; }

  // An auditor that ended before it was told to, or failed when it was.
  struct Lost {
    std::string auditor;
    std::string reason;  // "was killed by signal 9 (Killed)", or its own words
    friend bool operator==(const Lost&, const Lost&) = default;
  };
  // In the order of their ends. Where none is left error() or reason() says it, too.
  const std::vector<Lost>& lost() const { return lost_; }

  // ---- at the end ----
  // What kept it from its end.
  const std::optional<model::Error>& error() const { return error_; }
  // The same, where it was no error of the world's; empty: nothing.
  const std::string& reason() const { return reason_; }
  // The process whose log tells more; empty: none.
  const std::string& blamed() const { return blamed_; }
  const std::optional<ExitStatus>& command_exit() const { return command_exit_; }

 private:
  enum class Phase { kAttaching, kRunning, kFinishing, kStopping, kKilled };

  void Finish();
  void Lose(const std::string& auditor, ExitStatus status, Time now);
  void Stop(const std::string& reason, Time now);
  void Kill();

  std::set<std::string> auditors_;
  bool has_command_;
  AuditPatience patience_;
  Phase phase_ = Phase::kAttaching;
  std::set<std::string> attached_;
  std::set<std::string> ended_;
  std::map<std::string, model::Error> failures_;  // by auditor, the first of each
  std::vector<Lost> lost_;
  bool command_runs_ = false;
  bool command_told_ = false;  // to stop
  std::optional<Time> deadline_;
  std::vector<AuditAction> actions_;
  std::optional<model::Error> error_;
  std::string reason_;
  std::string blamed_;
  std::optional<ExitStatus> command_exit_;
};

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_AUDIT_COURSE_H_
