#include "wire/poller.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <limits>

#include "wire/peer_socket.h"

namespace lockstep::wire {
namespace {

using model::ErrorKind;
using model::Result;

short ToEvents(Interest interest) {
  return static_cast<short>((interest.read ? POLLIN : 0) | (interest.write ? POLLOUT : 0));
}

// Rounded up: a wait that ends a fraction too early would spin until the deadline.
int MillisUntil(std::optional<Time> deadline) {
  if (!deadline.has_value()) return -1;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::min(*deadline, Clock::now()));
  return static_cast<int>(std::min<long>(left.count(), std::numeric_limits<int>::max()));
}

}  // namespace

// A ZeroMQ socket's descriptor only tells that something may have changed since its events were
// last read.
Poller::Token Poller::AddSocket(const PeerSocket* socket) {
  items_.push_back({.fd = socket->signal_fd(), .events = POLLIN, .revents = 0});
  watched_.push_back({.token = next_token_, .socket = socket});
  return next_token_++;
}

Poller::Token Poller::Add(const Server& server) { return AddSocket(server.socket_.get()); }
Poller::Token Poller::Add(const Client& client) { return AddSocket(client.socket_.get()); }

Poller::Token Poller::AddFd(int fd, Interest interest) {
  items_.push_back({.fd = fd, .events = ToEvents(interest), .revents = 0});
  watched_.push_back({.token = next_token_, .socket = nullptr});
  return next_token_++;
}

void Poller::SetInterest(Token fd, Interest interest) {
  const auto found = std::ranges::find(watched_, fd, &Watched::token);
  assert(found != watched_.end() && found->socket == nullptr);
  items_[static_cast<std::size_t>(found - watched_.begin())].events = ToEvents(interest);
}

void Poller::Remove(Token token) {
  const auto found = std::ranges::find(watched_, token, &Watched::token);
  assert(found != watched_.end());
  items_.erase(items_.begin() + (found - watched_.begin()));
  watched_.erase(found);
}

Result<std::span<const Poller::Ready>> Poller::Wait(std::optional<Time> deadline) {
  ready_.clear();
  // Not zmq_poll: it asks each socket twice or more, at two system calls a time, whatever is ready.
  bool is_any_readable = false;
  for (Watched& watched : watched_) {
    watched.is_readable = watched.socket != nullptr && watched.socket->HasInput();
    is_any_readable |= watched.is_readable;
  }
  const int timeout_ms = is_any_readable ? 0 : MillisUntil(deadline);
  const int count = poll(items_.data(), items_.size(), timeout_ms);
  if (count < 0) {
    if (errno == EINTR) return std::span<const Ready>();
    return model::Fail(ErrorKind::kEnvironment,
                       fmt::format("cannot poll: {}", std::strerror(errno)));
  }
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const short events = items_[i].revents;
    if (events == 0 && !watched_[i].is_readable) continue;
    ready_.push_back(Ready{.token = watched_[i].token,
                           .readable = watched_[i].is_readable || (events & POLLIN) != 0,
                           .writable = (events & POLLOUT) != 0,
                           .failed = (events & (POLLERR | POLLHUP | POLLNVAL)) != 0});
  }
  return std::span<const Ready>(ready_);
}

std::optional<Time> Earlier(std::optional<Time> a, std::optional<Time> b) {
  if (!a.has_value()) return b;
  if (!b.has_value()) return a;
  return std::min(*a, *b);
}

}  // namespace lockstep::wire
