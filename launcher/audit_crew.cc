#include "launcher/audit_crew.h"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "wire/codec.h"
#include "wire/message.h"

namespace lockstep::launcher {

using model::Result;
using Time = wire::Time;

namespace {

// Short enough to follow, long enough not to fill the command's own output.
constexpr std::chrono::seconds kShowInterval{5};

}  // namespace

AuditCrew::AuditCrew(wire::Server& server, wire::StopSignal& stop, StatusBoard& board)
    : server_(server), stop_(stop), board_(board) {
  poller_.Add(server_);
  stop_token_ = poller_.AddFd(stop_.fd(), {.read = true});
}

Result<void> AuditCrew::Start(const std::vector<ProcessPlan>& auditors,
                              const RunDirectory& directory) {
  for (const ProcessPlan& plan : auditors) {
    Result<Process> process = Process::Start(plan.command, directory.LogPath(plan.name));
    if (!process) {
      auditors_.clear();
      return std::unexpected(process.error());
    }
    const wire::Poller::Token token = poller_.AddFd(process->fd(), {.read = true});
    auditors_.push_back({plan.name, std::move(*process), token});
  }
  return {};
}

Result<AuditCourse> AuditCrew::Watch(const AuditedCommand& command, AuditShow show) {
  command_ = command;
  show_ = std::move(show);
  std::vector<std::string> names;
  for (const Member& auditor : auditors_) names.push_back(auditor.name);
  AuditCourse course(names, !command.command.empty());
  Time next_show = wire::Clock::now() + kShowInterval;
  while (!course.IsOver()) {
    const auto deadline =
        wire::Earlier(next_show, wire::Earlier(course.NextDeadline(), server_.NextDeadline()));
    auto ready = poller_.Wait(deadline);
    if (!ready) return std::unexpected(ready.error());
    const bool stop_came = std::ranges::any_of(
        *ready, [&](const wire::Poller::Ready& item) { return item.token == stop_token_; });
    const Time now = wire::Clock::now();
    // Messages first: they say why a process ended.
    ReadMessages(course, now);
    CollectExits(course, now);
    if (stop_came && stop_.Stopped()) course.OnStopRequest(now);
    course.Tick(now);
    // Doing one may ask for more.
    for (auto actions = course.TakeActions(); !actions.empty(); actions = course.TakeActions()) {
      for (const AuditAction action : actions) Act(action, course, now);
    }
    if (auto done = server_.Tick(now); !done) return std::unexpected(done.error());
    if (std::exchange(found_some_, false)) show_.differences();
    if (now < next_show) continue;
    next_show = now + kShowInterval;
    show_.progress();
  }
  return course;
}

void AuditCrew::ReadMessages(AuditCourse& course, Time now) {
  while (true) {
    auto event = server_.Receive();
    if (!event) continue;  // a stranger's bytes; what follows them is read
    if (!*event) return;
    const auto* received = std::get_if<wire::Received>(&**event);
    if (received == nullptr) continue;
    if (const auto* status = std::get_if<wire::Status>(&received->message)) {
      const std::uint64_t before = board_.Get(status->process, "differences");
      board_.Update(*status, now);
      found_some_ |= board_.Get(status->process, "differences") > before;
      course.OnAttached(status->process, now);  // it reports from then on
    } else if (const auto* failure = std::get_if<wire::Failure>(&received->message)) {
      course.OnFailure(failure->process, failure->error);
    }
  }
}

void AuditCrew::CollectExits(AuditCourse& course, Time now) {
  for (Member& auditor : auditors_) {
    if (!auditor.token) continue;
    const std::optional<ExitStatus> ended = auditor.process.Poll();
    if (!ended) continue;
    poller_.Remove(*auditor.token);
    auditor.token.reset();
    course.OnAuditorExit(auditor.name, *ended, now);
  }
  if (!running_) return;
  if (const std::optional<ExitStatus> ended = running_->process.Poll()) {
    poller_.Remove(*running_->token);
    running_.reset();
    course.OnCommandExit(*ended, now);
  }
}

void AuditCrew::Act(AuditAction action, AuditCourse& course, Time now) {
  switch (action) {
    case AuditAction::kTellAttached:
      return show_.attached();
    case AuditAction::kStartCommand: {
      Result<Process> process = Process::StartForeground(command_.command, command_.variables);
      if (!process) {
        model::Error error = process.error();
        error.kind = model::ErrorKind::kUsage;  // whoever named it must name another
        return course.OnCommandFailed(error, now);
      }
      const wire::Poller::Token token = poller_.AddFd(process->fd(), {.read = true});
      running_.emplace(Member{"command", std::move(*process), token});
      return course.OnCommandStarted();
    }
    case AuditAction::kStopCommand:
      if (running_) running_->process.SignalGroup(SIGTERM);
      return;
    case AuditAction::kKillCommand:
      if (running_) running_->process.SignalGroup(SIGKILL);
      return;
    case AuditAction::kFinishAuditors:
      return SignalAuditors(SIGTERM);
    case AuditAction::kStopAuditors:
      // Two signals: the second one means "without comparing".
      SignalAuditors(SIGTERM);
      return SignalAuditors(SIGINT);
    case AuditAction::kKillAuditors:
      return SignalAuditors(SIGKILL);
  }
}

void AuditCrew::SignalAuditors(int number) {
  for (Member& auditor : auditors_) auditor.process.Signal(number);
}

}  // namespace lockstep::launcher
