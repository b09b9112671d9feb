// How a run goes: what the launcher does as its processes speak and end. Pure, without I/O; the
// time is an argument.
//
//              verdict                             all have ended
//   running ───────────────► leaving ───────────────────────────► over
//      │  │                     │ some stay: SIGTERM                ▲
//      │  │ an error, Ctrl-C    ▼                                   │
//      │  └────────────────► stopping ──────────────────────────────┤
//      │                        ▲   │ some stay: SIGKILL            │
//      │ a process died         │   └──────────► killed ────────────┘
//      └────► judging: the verifier is told, and says whose turn it was;
//             when it does not, the launcher says so itself
//
// A process that ends is not judged at once: what it sent before may still be on its way.
#ifndef LOCKSTEP_LAUNCHER_COURSE_H_
#define LOCKSTEP_LAUNCHER_COURSE_H_

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "launcher/process.h"
#include "model/error.h"
#include "model/verdict.h"
#include "wire/message.h"

namespace lockstep::launcher {

using Time = std::chrono::steady_clock::time_point;

// How long each kind of waiting lasts.
struct Patience {
  // For what a process that has ended sent before.
  std::chrono::milliseconds last_words{1000};
  // For the verdict, when a process left as after a verdict: the verifier may be busy saying it.
  std::chrono::milliseconds verdict_after_exit{3000};
  // For the verifier's verdict when it was told that a process died.
  std::chrono::milliseconds verdict_after_death{10'000};
  // For processes to leave by themselves after the verdict, and when they were told to.
  std::chrono::milliseconds leaving{15'000};
  std::chrono::milliseconds stopping{15'000};
};

struct TellVerifier {
  wire::Failure failure;
  friend bool operator==(const TellVerifier&, const TellVerifier&) = default;
};
// Asks the verifier for the end of a run that has none: a verdict over what was done.
struct FinishRun {  // SIGTERM
  friend bool operator==(const FinishRun&, const FinishRun&) = default;
};
struct StopAll {  // SIGTERM, and SIGINT: no process goes on to finish what it does
  friend bool operator==(const StopAll&, const StopAll&) = default;
};
struct KillAll {  // SIGKILL
  friend bool operator==(const KillAll&, const KillAll&) = default;
};
using Action = std::variant<TellVerifier, FinishRun, StopAll, KillAll>;

// What the run came to. Either `error`, or a verdict of this kind.
struct Ending {
  std::optional<model::Error> error;
  model::VerdictKind kind = model::VerdictKind::kInconclusive;
  std::string reason;                     // as Verdict::reason
  std::optional<model::Verdict> verdict;  // as the verifier sent it, if it did
  // The process whose log tells more; empty: nothing more is to be told.
  std::string blamed;
  bool crashed = false;               // `blamed` ended by a signal or in an unexpected way
  std::vector<std::string> warnings;  // about what happened after the verdict
};

class Course {
 public:
  // `until_stopped`: the run has no end of its own, and the first stop request asks for one.
  explicit Course(const std::vector<std::string>& processes, Patience patience = {},
                  bool until_stopped = false);

  void OnVerdict(const model::Verdict& verdict, Time now);
  void OnFailure(const wire::Failure& failure, Time now);
  void OnExit(const std::string& process, ExitStatus status, Time now);
  // Ctrl-C or SIGTERM; one more kills.
  void OnStopRequest(Time now);
  // To be called at NextDeadline() or later.
  void Tick(Time now);
  std::optional<Time> NextDeadline() const;

  // What is to be done now; each is given once.
  std::vector<Action> TakeActions();
  // Every process has ended, and it is known what that means.
  bool IsOver() const;
  const Ending& ending() const { return ending_; }

 private:
  void OnLateVerdict(const model::Verdict& verdict);
  enum class Phase { kRunning, kJudging, kLeaving, kStopping, kKilled };

  struct Exit {
    ExitStatus status;
    Time judge_at;
    bool judged = false;
  };

  bool AllEnded() const { return exits_.size() == processes_.size(); }
  void Judge(const std::string& process, ExitStatus status, Time now);
  void Stop(Time now);
  void GiveUp(Time now);

  std::vector<std::string> processes_;
  Patience patience_;
  bool until_stopped_;  // and nobody has asked for the end
  Phase phase_ = Phase::kRunning;
  std::optional<Time> phase_ends_;  // unset: it lasts until something happens
  std::map<std::string, Exit> exits_;
  std::vector<Action> actions_;
  Ending ending_;
};

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_COURSE_H_
