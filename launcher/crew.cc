#include "launcher/crew.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ranges>
#include <type_traits>
#include <utility>
#include <variant>

#include "wire/codec.h"
#include "wire/message.h"

namespace lockstep::launcher {

using model::Result;

Crew::Crew(wire::Server& server, wire::StopSignal& stop, StatusBoard& board, LiveDisplay& display)
    : server_(server), stop_(stop), board_(board), display_(display) {
  poller_.Add(server_);
  stop_token_ = poller_.AddFd(stop_.fd(), {.read = true});
}

Result<void> Crew::Start(const std::vector<ProcessPlan>& plans, const RunDirectory& directory) {
  for (const ProcessPlan& plan : plans) {
    Result<Process> process = Process::Start(plan.command, directory.LogPath(plan.name));
    if (!process) {
      members_.clear();
      return std::unexpected(process.error());
    }
    const wire::Poller::Token token = poller_.AddFd(process->fd(), {.read = true});
    members_.push_back({plan.name, std::move(*process), token});
  }
  return {};
}

Result<Ending> Crew::Watch(bool until_stopped) {
  std::vector<std::string> names;
  for (const Member& member : members_) names.push_back(member.name);
  Course course(names, {}, until_stopped);
  while (!course.IsOver()) {
    const auto deadline = wire::Earlier(
        display_.NextDeadline(), wire::Earlier(course.NextDeadline(), server_.NextDeadline()));
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
    for (const Action& action : course.TakeActions()) Act(action);
    if (Result<void> done = server_.Tick(now); !done) return std::unexpected(done.error());
    display_.Show(board_, ColumnsOf(STDERR_FILENO), now);
  }
  return course.ending();
}

void Crew::ReadMessages(Course& course, Time now) {
  while (true) {
    auto event = server_.Receive();
    if (!event) continue;  // a stranger's bytes; what follows them is read
    if (!*event) return;
    const auto* received = std::get_if<wire::Received>(&**event);
    if (received == nullptr) continue;
    if (const auto* status = std::get_if<wire::Status>(&received->message)) {
      board_.Update(*status, now);
    } else if (const auto* failure = std::get_if<wire::Failure>(&received->message)) {
      course.OnFailure(*failure, now);
    } else if (const auto* verdict = std::get_if<model::Verdict>(&received->message)) {
      course.OnVerdict(*verdict, now);
    }
  }
}

void Crew::CollectExits(Course& course, Time now) {
  for (Member& member : members_) {
    if (!member.token) continue;
    const std::optional<ExitStatus> ended = member.process.Poll();
    if (!ended) continue;
    poller_.Remove(*member.token);
    member.token.reset();
    course.OnExit(member.name, *ended, now);
  }
}

void Crew::Act(const Action& action) {
  std::visit(
      [&](const auto& what) {
        using T = std::decay_t<decltype(what)>;
        if constexpr (std::is_same_v<T, TellVerifier>) {
          (void)server_.Send("verifier", wire::Encode(what.failure));
        } else if constexpr (std::is_same_v<T, FinishRun>) {
          for (Member& member : members_) {
            if (member.name == "verifier") member.process.Signal(SIGTERM);
          }
        } else if constexpr (std::is_same_v<T, StopAll>) {
          SignalAll(SIGTERM);
          SignalAll(SIGINT);
        } else {
          static_assert(std::is_same_v<T, KillAll>);
          SignalAll(SIGKILL);
        }
      },
      action);
}

void Crew::SignalAll(int number) {
  // Against the way of the data's start: the generator first, the verifier last.
  for (Member& member : std::views::reverse(members_)) member.process.Signal(number);
}

}  // namespace lockstep::launcher
