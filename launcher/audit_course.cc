#include "launcher/audit_course.h"

#include <fmt/format.h>

namespace lockstep::launcher {

void AuditCourse::OnAttached(const std::string& auditor, Time) {
  attached_.insert(auditor);
  if (phase_ != Phase::kAttaching || attached_.size() < auditors_.size()) return;
  phase_ = Phase::kRunning;
  actions_.push_back(AuditAction::kTellAttached);
  if (has_command_) actions_.push_back(AuditAction::kStartCommand);
}

void AuditCourse::OnFailure(const std::string& auditor, const model::Error& error) {
  // What they say when they are stopped is no news.
  if (phase_ == Phase::kStopping || phase_ == Phase::kKilled) return;
  failures_.emplace(auditor, error);
}

void AuditCourse::OnAuditorExit(const std::string& auditor, ExitStatus status, Time now) {
  ended_.insert(auditor);
  if (phase_ == Phase::kStopping || phase_ == Phase::kKilled) return;
  if (phase_ != Phase::kFinishing || status != ExitStatus{}) Lose(auditor, status, now);
}

// What the others have found and will find is worth as much as before. While they attach nothing is
// lost yet.
void AuditCourse::Lose(const std::string& auditor, ExitStatus status, Time now) {
  const auto failure = failures_.find(auditor);
  lost_.push_back(
      {auditor, failure == failures_.end() ? ToString(status) : failure->second.message});
  if (blamed_.empty()) blamed_ = auditor;
  if (phase_ != Phase::kAttaching && lost_.size() < auditors_.size()) {
    actions_.push_back(AuditAction::kTellLost);
    return;
  }
  for (const Lost& lost : lost_) {
    const auto failed = failures_.find(lost.auditor);
    if (failed == failures_.end()) continue;
    error_ = failed->second;
    error_->message = fmt::format("{}: {}", lost.auditor, error_->message);
    blamed_ = lost.auditor;
    break;
  }
  Stop(fmt::format("{} {}", auditor, ToString(status)), now);
}

void AuditCourse::OnCommandFailed(const model::Error& error, Time now) {
  error_ = error;
  Stop("", now);
}

void AuditCourse::OnCommandExit(ExitStatus status, Time) {
  command_runs_ = false;
  command_exit_ = status;
  if (phase_ == Phase::kRunning) Finish();
}

void AuditCourse::Finish() {
  phase_ = Phase::kFinishing;
  deadline_.reset();  // an auditor knows itself how long it tries
  actions_.push_back(AuditAction::kFinishAuditors);
}

void AuditCourse::OnStopRequest(Time now) {
  switch (phase_) {
    case Phase::kRunning:
      if (!command_runs_) return Finish();
      if (command_told_) return Stop("interrupted", now);
      command_told_ = true;
      deadline_ = now + patience_.stopping;
      actions_.push_back(AuditAction::kStopCommand);
      return;
    case Phase::kAttaching:
    case Phase::kFinishing:
      return Stop("interrupted", now);
    case Phase::kStopping:
    case Phase::kKilled:
      return Kill();
  }
}

void AuditCourse::Stop(const std::string& reason, Time now) {
  if (reason_.empty()) reason_ = reason;
  phase_ = Phase::kStopping;
  deadline_ = now + patience_.stopping;
  if (command_runs_) actions_.push_back(AuditAction::kStopCommand);
  actions_.push_back(AuditAction::kStopAuditors);
}

void AuditCourse::Kill() {
  phase_ = Phase::kKilled;
  deadline_.reset();
  if (command_runs_) actions_.push_back(AuditAction::kKillCommand);
  actions_.push_back(AuditAction::kKillAuditors);
}

void AuditCourse::Tick(Time now) {
  if (!deadline_ || now < *deadline_) return;
  if (phase_ == Phase::kStopping) return Kill();
  deadline_.reset();
  if (phase_ == Phase::kRunning && command_runs_) actions_.push_back(AuditAction::kKillCommand);
}

}  // namespace lockstep::launcher
