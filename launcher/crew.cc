#include "launcher/crew.h"

#include <signal.h>
#include <unistd.h>

#include <type_traits>
#include <variant>

#include "wire/codec.h"
#include "wire/message.h"

namespace lockstep::launcher {

using model::Result;

Crew::Crew(wire::Server& server, wire::StopSignal& stop, StatusBoard& board, LiveDisplay& display)
    : server_(server), board_(board), display_(display), children_(server, stop) {}

Result<void> Crew::Start(const std::vector<ProcessPlan>& plans, const RunDirectory& directory) {
  return children_.Start(plans, directory);
}

Result<Ending> Crew::Watch(bool until_stopped) {
  Course course(children_.names(), {}, until_stopped);
  while (!course.IsOver()) {
    const Result<bool> stop_came =
        children_.Wait(wire::Earlier(display_.NextDeadline(), course.NextDeadline()));
    if (!stop_came) return std::unexpected(stop_came.error());
    const Time now = wire::Clock::now();
    // Messages first: they say why a process ended.
    ReadMessages(course, now);
    CollectExits(course, now);
    if (*stop_came) course.OnStopRequest(now);
    course.Tick(now);
    for (const Action& action : course.TakeActions()) Act(action);
    if (Result<void> done = server_.Tick(now); !done) return std::unexpected(done.error());
    display_.Show(board_, ColumnsOf(STDERR_FILENO), now);
  }
  return course.ending();
}

void Crew::ReadMessages(Course& course, Time now) {
  while (const auto message = children_.NextMessage()) {
    if (const auto* status = std::get_if<wire::Status>(&*message)) {
      board_.Update(*status, now);
    } else if (const auto* failure = std::get_if<wire::Failure>(&*message)) {
      course.OnFailure(*failure, now);
    } else if (const auto* verdict = std::get_if<model::Verdict>(&*message)) {
      course.OnVerdict(*verdict, now);
    }
  }
}

void Crew::CollectExits(Course& course, Time now) {
  for (const Children::Ended& child : children_.TakeEnded())
    course.OnExit(child.name, child.status, now);
}

void Crew::Act(const Action& action) {
  std::visit(
      [&](const auto& what) {
        using T = std::decay_t<decltype(what)>;
        if constexpr (std::is_same_v<T, TellVerifier>) {
          (void)server_.Send("verifier", wire::Encode(what.failure));
        } else if constexpr (std::is_same_v<T, FinishRun>) {
          children_.Signal("verifier", SIGTERM);
        } else if constexpr (std::is_same_v<T, StopAll>) {
          children_.Signal(SIGTERM);
          children_.Signal(SIGINT);
        } else {
          static_assert(std::is_same_v<T, KillAll>);
          children_.Signal(SIGKILL);
        }
      },
      action);
}

}  // namespace lockstep::launcher
