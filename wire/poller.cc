#include "wire/poller.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <limits>

#include "wire/peer_socket.h"
#include "wire/socket.h"

namespace lockstep::wire {
namespace {

using model::ErrorKind;
using model::Result;

short ToEvents(Interest interest) {
  return static_cast<short>((interest.read ? ZMQ_POLLIN : 0) | (interest.write ? ZMQ_POLLOUT : 0) |
                            ZMQ_POLLERR);
}

// Rounded up: a wait that ends a fraction too early would spin until the deadline.
long MillisUntil(std::optional<Time> deadline) {
  if (!deadline.has_value()) return -1;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::min(*deadline, Clock::now()));
  return std::min<long>(left.count(), std::numeric_limits<int>::max());
}

}  // namespace

Poller::Token Poller::AddSocket(const PeerSocket* socket) {
  items_.push_back({.socket = socket->handle(), .fd = -1, .events = ZMQ_POLLIN, .revents = 0});
  watched_.push_back({.token = next_token_, .socket = socket});
  return next_token_++;
}

Poller::Token Poller::Add(const Server& server) { return AddSocket(server.socket_.get()); }
Poller::Token Poller::Add(const Client& client) { return AddSocket(client.socket_.get()); }

Poller::Token Poller::AddFd(int fd, Interest interest) {
  items_.push_back({.socket = nullptr, .fd = fd, .events = ToEvents(interest), .revents = 0});
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
  const bool has_pending = std::ranges::any_of(watched_, [](const Watched& watched) {
    return watched.socket != nullptr && watched.socket->HasPending();
  });
  const long timeout_ms = has_pending ? 0 : MillisUntil(deadline);
  const int count = zmq_poll(items_.data(), static_cast<int>(items_.size()), timeout_ms);
  if (count < 0) {
    if (zmq_errno() == EINTR) return std::span<const Ready>();
    return FailZmq(ErrorKind::kEnvironment, "cannot poll");
  }
  for (std::size_t i = 0; i < items_.size(); ++i) {
    const short events = items_[i].revents;
    const bool is_pending = watched_[i].socket != nullptr && watched_[i].socket->HasPending();
    if (events == 0 && !is_pending) continue;
    ready_.push_back(Ready{.token = watched_[i].token,
                           .readable = (events & ZMQ_POLLIN) != 0 || is_pending,
                           .writable = (events & ZMQ_POLLOUT) != 0,
                           .failed = (events & ZMQ_POLLERR) != 0});
  }
  return std::span<const Ready>(ready_);
}

std::optional<Time> Earlier(std::optional<Time> a, std::optional<Time> b) {
  if (!a.has_value()) return b;
  if (!b.has_value()) return a;
  return std::min(*a, *b);
}

}  // namespace lockstep::wire
