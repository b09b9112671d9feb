// A ZeroMQ socket with a Link per peer: what Server and Client have in common. Private to wire/.
#ifndef LOCKSTEP_WIRE_PEER_SOCKET_H_
#define LOCKSTEP_WIRE_PEER_SOCKET_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "model/error.h"
#include "proto/lockstep.pb.h"
#include "wire/encoded.h"
#include "wire/link.h"
#include "wire/peer.h"
#include "wire/socket.h"

namespace lockstep::wire {

class PeerSocket {
 public:
  enum class Role { kServer, kClient };

  PeerSocket(Role role, Socket socket, std::string name, std::string endpoint, PeerOptions options);

  model::Result<void> Send(std::string_view peer, const Encoded& message);
  model::Result<std::optional<Event>> Receive();
  model::Result<void> Tick(Time now);
  model::Result<void> AcknowledgeNow();
  std::optional<Time> NextDeadline() const;
  std::size_t UnacknowledgedBytes(std::string_view peer) const;
  std::size_t UnacknowledgedMessages() const;

  const std::string& endpoint() const { return endpoint_; }
  // Readable when the socket's state may have changed; then HasInput() says what it is.
  int signal_fd() const { return socket_.signal_fd(); }
  // Receive() has something. Must be asked before each wait for signal_fd().
  bool HasInput() const { return !pending_.empty() || socket_.IsReadable(); }

 private:
  struct Peer {
    Link link;
    std::string route = {};  // of the connection its process speaks on; a server's only
  };
  using Peers = std::map<std::string, Peer, std::less<>>;

  Peers::value_type& PeerOf(std::string_view name);
  // Whether the message in the frames may be the peer's: of the process that has its name, or of
  // another one whose predecessor's connection is gone. The first of a name stays.
  bool Admits(Peers::value_type& peer, std::uint64_t incarnation);
  // Whether there is a connection on which the peer's process can be reached.
  bool IsConnected(const Peer& peer);
  // Reads one message into the frames. False: there is none. kMalformed for the wrong number of
  // frames.
  model::Result<bool> ReadFrames();
  // Takes the message in the frames; nullopt when it was only for the link.
  model::Result<std::optional<Event>> Take(Time now);
  model::Result<LinkHeader> ReadEnvelope();
  void WriteEnvelope(const LinkHeader& header, const Encoded* message);
  model::Result<Socket::Sent> Transmit(const Peer& peer, const Link::Outgoing& outgoing);
  // Sends what the link has to say.
  model::Result<void> Pump(Peers::value_type& peer, Time now);

  Role role_;
  Socket socket_;
  std::string name_;
  std::string endpoint_;
  PeerOptions options_;
  std::uint64_t incarnation_;
  Peers peers_;
  Peers::value_type* latest_ = nullptr;  // most messages come from the same peer as the one before
  Time announce_at_ = Time::max();       // a client's: when it makes itself known again
  std::deque<Event> pending_;

  // Reused from message to message.
  Frame route_frame_;
  Frame envelope_frame_;
  Frame body_frame_;
  bool has_body_ = false;
  proto::Envelope incoming_;
  proto::Envelope outgoing_;
};

}  // namespace lockstep::wire

#endif  // LOCKSTEP_WIRE_PEER_SOCKET_H_
