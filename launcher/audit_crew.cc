#include "launcher/audit_crew.h"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>
#include <variant>

#include "wire/message.h"

namespace lockstep::launcher {

using model::Result;
using Time = wire::Time;

namespace {

// Short enough to follow, long enough not to fill the command's own output.
constexpr std::chrono::seconds kShowInterval{5};
constexpr std::chrono::seconds kLookInterval{1};

}  // namespace

AuditCrew::AuditCrew(wire::Server& server, wire::StopSignal& stop, StatusBoard& board)
    : server_(server), board_(board), children_(server, stop) {}

Result<void> AuditCrew::Start(const std::vector<ProcessPlan>& auditors,
                              const RunDirectory& directory) {
  return children_.Start(auditors, directory);
}

Result<AuditCourse> AuditCrew::Watch(const AuditedCommand& command, AuditShow show) {
  command_ = command;
  show_ = std::move(show);
  AuditCourse course(children_.names(), !command.command.empty());
  Time next_show = wire::Clock::now() + kShowInterval;
  Time next_look = wire::Clock::now();
  while (!course.IsOver()) {
    const Result<bool> stop_came =
        children_.Wait(wire::Earlier(std::min(next_show, next_look), course.NextDeadline()));
    if (!stop_came) return std::unexpected(stop_came.error());
    const Time now = wire::Clock::now();
    // Messages first: they say why a process ended.
    ReadMessages(course, now);
    // Before exits: on a terminal Ctrl-C ends the command too, which is no end of its own.
    if (*stop_came) course.OnStopRequest(now);
    CollectExits(course, now);
    course.Tick(now);
    // Doing one may ask for more.
    for (auto actions = course.TakeActions(); !actions.empty(); actions = course.TakeActions()) {
      for (const AuditAction action : actions) Act(action, course, now);
    }
    if (auto done = server_.Tick(now); !done) return std::unexpected(done.error());
    if (std::exchange(has_news_, false)) show_.news();
    if (now >= next_look) {
      next_look = now + kLookInterval;
      show_.look();
    }
    if (now < next_show) continue;
    next_show = now + kShowInterval;
    show_.progress();
  }
  return course;
}

void AuditCrew::ReadMessages(AuditCourse& course, Time now) {
  while (const auto message = children_.NextMessage()) {
    if (const auto* status = std::get_if<wire::Status>(&*message)) {
      const std::uint64_t before = board_.Get(status->process, "news");
      board_.Update(*status, now);
      has_news_ |= board_.Get(status->process, "news") > before;
      course.OnAttached(status->process, now);  // it reports from then on
    } else if (const auto* failure = std::get_if<wire::Failure>(&*message)) {
      course.OnFailure(failure->process, failure->error);
    }
  }
}

void AuditCrew::CollectExits(AuditCourse& course, Time now) {
  for (const Children::Ended& auditor : children_.TakeEnded())
    course.OnAuditorExit(auditor.name, auditor.status, now);
  if (const auto ended = children_.TakeForegroundEnd()) course.OnCommandExit(*ended, now);
}

void AuditCrew::Act(AuditAction action, AuditCourse& course, Time now) {
  switch (action) {
    case AuditAction::kTellAttached:
      return show_.attached();
    case AuditAction::kTellLost:
      for (; lost_shown_ < course.lost().size(); ++lost_shown_)
        show_.lost(course.lost()[lost_shown_]);
      return;
    case AuditAction::kStartCommand: {
      auto started = children_.StartForeground(command_.command, command_.variables);
      if (!started) {
        started.error().kind = model::ErrorKind::kUsage;  // whoever named it must name another
        return course.OnCommandFailed(started.error(), now);
      }
      return course.OnCommandStarted();
    }
    case AuditAction::kStopCommand:
      return children_.SignalForeground(SIGTERM);
    case AuditAction::kKillCommand:
      return children_.SignalForeground(SIGKILL);
    case AuditAction::kFinishAuditors:
      return children_.Signal(SIGTERM);
    case AuditAction::kStopAuditors:
      // Two signals: the second one means "without comparing".
      children_.Signal(SIGTERM);
      return children_.Signal(SIGINT);
    case AuditAction::kKillAuditors:
      return children_.Signal(SIGKILL);
  }
}

}  // namespace lockstep::launcher
