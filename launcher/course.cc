#include "launcher/course.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "wire/poller.h"

namespace lockstep::launcher {
namespace {

using model::Error;
using model::ErrorKind;
using model::ExitCode;
using model::VerdictKind;

constexpr const char* kVerifier = "verifier";

bool IsErrorStatus(ExitStatus status) {
  return status.signal == 0 && (status.status == static_cast<int>(ExitCode::kUsage) ||
                                status.status == static_cast<int>(ExitCode::kEnvironment));
}

// A listener may leave at any time, and the generator when it has said all: the verifier knows.
bool HasLeft(const std::string& process, ExitStatus status) {
  return status.signal == 0 && status.status == 0 &&
         (process == "generator" || process.starts_with("listener-"));
}

bool IsVerdictStatus(ExitStatus status) {
  return status.signal == 0 && !IsErrorStatus(status) &&
         status.status <= static_cast<int>(ExitCode::kInconclusive);
}

}  // namespace

Course::Course(const std::vector<std::string>& processes, Patience patience, bool until_stopped)
    : processes_(processes), patience_(patience), until_stopped_(until_stopped) {}

void Course::OnVerdict(const model::Verdict& verdict, Time now) {
  ending_.verdict = verdict;
  switch (phase_) {
    case Phase::kRunning:
    case Phase::kJudging:
      ending_.kind = verdict.kind;
      // A process that died is the reason, also where the verifier saw something else of it.
      ending_.reason = verdict.reason.empty() ? ending_.reason : verdict.reason;
      phase_ = Phase::kLeaving;
      phase_ends_ = now + patience_.leaving;
      return;
    case Phase::kStopping:
    case Phase::kKilled:
      return OnLateVerdict(verdict);
    case Phase::kLeaving:
      return;
  }
}

// What was proven stays proven when the run is interrupted, and what was found also where it ends
// by an error.
void Course::OnLateVerdict(const model::Verdict& verdict) {
  const bool is_finding =
      verdict.kind == VerdictKind::kDiverged || verdict.kind == VerdictKind::kMissing;
  if (verdict.kind == VerdictKind::kInconclusive || (ending_.error && !is_finding)) return;
  ending_.kind = verdict.kind;
  ending_.reason = verdict.reason;
  if (!ending_.error) return;
  ending_.warnings.push_back(std::move(ending_.error->message));
  ending_.error.reset();
}

void Course::OnFailure(const wire::Failure& failure, Time now) {
  // While a death is being judged other failures follow from it, but the verifier's ends that.
  const bool counts =
      phase_ == Phase::kRunning || (phase_ == Phase::kJudging && failure.process == kVerifier);
  if (!counts) {
    ending_.warnings.push_back(fmt::format("{}: {}", failure.process, failure.error.message));
    return;
  }
  if (phase_ == Phase::kRunning) {
    ending_.error = failure.error;
    ending_.error->message = fmt::format("{}: {}", failure.process, failure.error.message);
    // What the user must change is said in the message; of other faults the log may tell more.
    if (ExitCodeOf(failure.error) != ExitCode::kUsage) ending_.blamed = failure.process;
  }
  Stop(now);
}

void Course::OnExit(const std::string& process, ExitStatus status, Time now) {
  auto wait = patience_.last_words;
  if (status.signal != 0 && process != kVerifier) wait = {};
  if (process != kVerifier && IsVerdictStatus(status)) wait = patience_.verdict_after_exit;
  exits_[process] = {.status = status, .judge_at = now + wait};
  if (phase_ == Phase::kLeaving && status.signal != 0) {
    ending_.warnings.push_back(fmt::format("{} {} after the verdict", process, ToString(status)));
  }
  Tick(now);
}

void Course::OnStopRequest(Time now) {
  switch (phase_) {
    case Phase::kRunning:
    case Phase::kJudging:
      if (phase_ == Phase::kRunning && std::exchange(until_stopped_, false)) {
        actions_.emplace_back(std::in_place_type<FinishRun>);
        return;
      }
      ending_.reason = "interrupted";
      Stop(now);
      return;
    case Phase::kLeaving:
      Stop(now);
      return;
    case Phase::kStopping:
      GiveUp(now);
      return;
    case Phase::kKilled:
      return;
  }
}

void Course::Judge(const std::string& process, ExitStatus status, Time now) {
  if (phase_ == Phase::kJudging) {
    // The verifier died without a word about the one that died before it.
    if (process == kVerifier) Stop(now);
    return;
  }
  if (HasLeft(process, status)) return;
  const std::string what = fmt::format("{} {}", process, ToString(status));
  ending_.blamed = process;
  if (IsErrorStatus(status)) {
    const bool is_usage = status.status == static_cast<int>(ExitCode::kUsage);
    ending_.error = Error{is_usage ? ErrorKind::kUsage : ErrorKind::kEnvironment, what};
    return Stop(now);
  }
  ending_.crashed = true;
  ending_.reason = what + " before the verdict";
  if (process == kVerifier) return Stop(now);
  actions_.emplace_back(TellVerifier{{process, Error{ErrorKind::kEnvironment, ending_.reason}}});
  phase_ = Phase::kJudging;
  phase_ends_ = now + patience_.verdict_after_death;
}

void Course::Stop(Time now) {
  phase_ = Phase::kStopping;
  phase_ends_ = now + patience_.stopping;
  actions_.emplace_back(std::in_place_type<StopAll>);
}

void Course::GiveUp(Time) {
  phase_ = Phase::kKilled;
  phase_ends_.reset();
  for (const std::string& process : processes_) {
    if (exits_.contains(process)) continue;
    ending_.warnings.push_back(fmt::format("{} did not stop and was killed", process));
  }
  actions_.emplace_back(std::in_place_type<KillAll>);
}

void Course::Tick(Time now) {
  for (auto& [process, exit] : exits_) {
    if (exit.judged || now < exit.judge_at) continue;
    if (phase_ != Phase::kRunning && phase_ != Phase::kJudging) break;
    exit.judged = true;
    Judge(process, exit.status, now);
  }
  if (!phase_ends_ || now < *phase_ends_ || IsOver()) return;
  switch (phase_) {
    case Phase::kRunning:
      return;
    case Phase::kJudging:
    case Phase::kLeaving:
      return Stop(now);
    case Phase::kStopping:
      return GiveUp(now);
    case Phase::kKilled:
      return;
  }
}

std::optional<Time> Course::NextDeadline() const {
  std::optional<Time> deadline = phase_ends_;
  if (phase_ != Phase::kRunning && phase_ != Phase::kJudging) return deadline;
  for (const auto& [process, exit] : exits_) {
    if (!exit.judged) deadline = wire::Earlier(deadline, exit.judge_at);
  }
  return deadline;
}

std::vector<Action> Course::TakeActions() { return std::exchange(actions_, {}); }

bool Course::IsOver() const {
  return AllEnded() && phase_ != Phase::kRunning && phase_ != Phase::kJudging;
}

}  // namespace lockstep::launcher
