#include "launcher/children.h"

#include <algorithm>
#include <cassert>
#include <ranges>
#include <utility>
#include <variant>

namespace lockstep::launcher {

using model::Result;

Children::Children(wire::Server& server, wire::StopSignal& stop) : server_(server), stop_(stop) {
  poller_.Add(server_);
  poller_.AddFd(stop_.fd(), {.read = true});
}

Result<void> Children::Start(const std::vector<ProcessPlan>& plans, const RunDirectory& directory) {
  for (const ProcessPlan& plan : plans) {
    Result<Process> process =
        Process::Start(plan.command, directory.LogPath(plan.name), plan.variables);
    if (!process) {
      for (const Child& child : children_) poller_.Remove(*child.token);
      children_.clear();
      return std::unexpected(process.error());
    }
    children_.push_back(Watched(plan.name, std::move(*process)));
  }
  return {};
}

Result<void> Children::StartForeground(
    const std::vector<std::string>& command,
    const std::vector<std::pair<std::string, std::string>>& variables) {
  assert(!foreground_);
  Result<Process> process = Process::StartForeground(command, variables);
  if (!process) return std::unexpected(process.error());
  foreground_.emplace(Watched("command", std::move(*process)));
  return {};
}

Children::Child Children::Watched(std::string name, Process process) {
  const wire::Poller::Token token = poller_.AddFd(process.fd(), {.read = true});
  return {std::move(name), std::move(process), token};
}

std::vector<std::string> Children::names() const {
  std::vector<std::string> names;
  for (const Child& child : children_) names.push_back(child.name);
  return names;
}

Result<bool> Children::Wait(std::optional<wire::Time> deadline) {
  auto ready = poller_.Wait(wire::Earlier(deadline, server_.NextDeadline()));
  if (!ready) return std::unexpected(ready.error());
  const int before = std::exchange(stops_, stop_.Count());
  return stops_ > before;
}

std::optional<wire::Message> Children::NextMessage() {
  while (true) {
    auto event = server_.Receive();
    if (!event) continue;  // a stranger's bytes; what follows them is read
    if (!*event) return std::nullopt;
    auto* received = std::get_if<wire::Received>(&**event);
    if (received && std::ranges::find(children_, received->peer, &Child::name) != children_.end())
      return std::move(received->message);
  }
}

std::vector<Children::Ended> Children::TakeEnded() {
  std::vector<Ended> ended;
  for (Child& child : children_) {
    if (!child.token) continue;
    if (const auto status = Poll(child)) ended.push_back({child.name, *status});
  }
  return ended;
}

std::optional<ExitStatus> Children::TakeForegroundEnd() {
  if (!foreground_) return std::nullopt;
  const std::optional<ExitStatus> status = Poll(*foreground_);
  if (status) foreground_.reset();
  return status;
}

// Its end is watched for no longer once it has come.
std::optional<ExitStatus> Children::Poll(Child& child) {
  const std::optional<ExitStatus> status = child.process.Poll();
  if (!status) return std::nullopt;
  poller_.Remove(*child.token);
  child.token.reset();
  return status;
}

void Children::Signal(int number) {
  // Against the way of the data: what a child feeds is stopped after it.
  for (Child& child : std::views::reverse(children_)) child.process.Signal(number);
}

void Children::Signal(const std::string& name, int number) {
  for (Child& child : children_) {
    if (child.name == name) child.process.Signal(number);
  }
}

void Children::SignalForeground(int number) {
  if (foreground_) foreground_->process.SignalGroup(number);
}

}  // namespace lockstep::launcher
