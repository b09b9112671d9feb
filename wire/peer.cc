#include "wire/peer.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdint>
#include <random>
#include <utility>

#include "wire/peer_socket.h"

namespace lockstep::wire {
namespace {

using model::ErrorKind;
using model::Fail;
using model::Result;

// How long closing waits for what is still under way. Short: whoever must be sure waits until
// UnacknowledgedMessages() is 0 before closing.
constexpr int kLingerMs = 200;
// A restarted server is found again soon, a stopped one is not asked too often.
constexpr int kReconnectMs = 20;
constexpr int kReconnectMaxMs = 500;

Result<Socket> OpenSocket(Context& context, int type, const std::string& name,
                          const PeerOptions& options) {
  // ZeroMQ's limits of a routing id; it keeps those that begin with a zero byte for itself.
  if (name.empty() || name.size() > 255 || name.front() == '\0') {
    return Fail(ErrorKind::kUsage,
                fmt::format("\"{}\" cannot name a process: 1 to 255 bytes are possible", name));
  }
  Result<Socket> socket = Socket::Open(context, type);
  if (!socket.has_value()) return socket;
  socket->Set(ZMQ_LINGER, kLingerMs);
  socket->Set(ZMQ_SNDHWM, options.high_water_mark);
  socket->Set(ZMQ_RCVHWM, options.high_water_mark);
  // A peer whose machine is gone keeps its name for half a minute.
  socket->Set(ZMQ_TCP_KEEPALIVE, 1);
  socket->Set(ZMQ_TCP_KEEPALIVE_IDLE, 15);
  socket->Set(ZMQ_TCP_KEEPALIVE_INTVL, 5);
  socket->Set(ZMQ_TCP_KEEPALIVE_CNT, 3);
  const auto bytes_max = static_cast<std::int64_t>(options.message_bytes_max);
  socket->Set(ZMQ_MAXMSGSIZE,
              std::string_view(reinterpret_cast<const char*>(&bytes_max), sizeof bytes_max));
  return socket;
}

// What a process's connections are known by at the server. Random: a stranger who knew it could
// take it over.
std::string NewRoute() {
  std::random_device random;
  std::string route = "L";  // ZeroMQ keeps what begins with a zero byte for itself
  for (int i = 0; i < 4; ++i) {
    const std::uint32_t word = random();
    route.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  return route;
}

// What zmq_bind and zmq_connect refuse.
std::unexpected<model::Error> FailEndpoint(std::string_view what, const std::string& endpoint) {
  const int code = zmq_errno();
  const bool is_usage = code == EINVAL || code == EPROTONOSUPPORT || code == ENOCOMPATPROTO ||
                        code == ENAMETOOLONG || code == ENODEV;
  return FailZmq(is_usage ? ErrorKind::kUsage : ErrorKind::kEnvironment,
                 fmt::format("cannot {} \"{}\"", what, endpoint));
}

}  // namespace

Server::Server(std::unique_ptr<PeerSocket> socket) : socket_(std::move(socket)) {}
Server::Server(Server&&) noexcept = default;
Server& Server::operator=(Server&&) noexcept = default;
Server::~Server() = default;

Result<Server> Server::Bind(Context& context, std::string name, const std::string& endpoint,
                            PeerOptions options) {
  Result<Socket> socket = OpenSocket(context, ZMQ_ROUTER, name, options);
  if (!socket.has_value()) return std::unexpected(socket.error());
  // Without it a message to an absent peer, or over the mark, would vanish.
  socket->Set(ZMQ_ROUTER_MANDATORY, 1);
  // A client that connects anew takes its route over from the dead connection.
  socket->Set(ZMQ_ROUTER_HANDOVER, 1);
  if (zmq_bind(socket->handle(), endpoint.c_str()) != 0) return FailEndpoint("bind", endpoint);
  std::string bound = socket->LastEndpoint();
  return Server(std::make_unique<PeerSocket>(PeerSocket::Role::kServer, *std::move(socket),
                                             std::move(name), std::move(bound), options));
}

const std::string& Server::endpoint() const { return socket_->endpoint(); }

Result<void> Server::Send(std::string_view peer, const Encoded& message) {
  return socket_->Send(peer, message);
}

Result<std::optional<Event>> Server::Receive() { return socket_->Receive(); }
Result<void> Server::Tick(Time now) { return socket_->Tick(now); }
std::optional<Time> Server::NextDeadline() const { return socket_->NextDeadline(); }

std::size_t Server::UnacknowledgedBytes(std::string_view peer) const {
  return socket_->UnacknowledgedBytes(peer);
}

std::size_t Server::UnacknowledgedMessages() const { return socket_->UnacknowledgedMessages(); }

Client::Client(std::unique_ptr<PeerSocket> socket) : socket_(std::move(socket)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Result<Client> Client::Connect(Context& context, std::string name, const std::string& endpoint,
                               PeerOptions options) {
  Result<Socket> socket = OpenSocket(context, ZMQ_DEALER, name, options);
  if (!socket.has_value()) return std::unexpected(socket.error());
  socket->Set(ZMQ_ROUTING_ID, NewRoute());
  socket->Set(ZMQ_RECONNECT_IVL, kReconnectMs);
  socket->Set(ZMQ_RECONNECT_IVL_MAX, kReconnectMaxMs);
  if (zmq_connect(socket->handle(), endpoint.c_str()) != 0) {
    return FailEndpoint("connect to", endpoint);
  }
  return Client(std::make_unique<PeerSocket>(PeerSocket::Role::kClient, *std::move(socket),
                                             std::move(name), endpoint, options));
}

Result<void> Client::Send(const Encoded& message) { return socket_->Send("", message); }
Result<std::optional<Event>> Client::Receive() { return socket_->Receive(); }
Result<void> Client::Tick(Time now) { return socket_->Tick(now); }
Result<void> Client::AcknowledgeNow() { return socket_->AcknowledgeNow(); }
std::optional<Time> Client::NextDeadline() const { return socket_->NextDeadline(); }
std::size_t Client::UnacknowledgedBytes() const { return socket_->UnacknowledgedBytes(""); }
std::size_t Client::UnacknowledgedMessages() const { return socket_->UnacknowledgedMessages(); }

}  // namespace lockstep::wire
