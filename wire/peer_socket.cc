#include "wire/peer_socket.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <random>
#include <utility>

#include "wire/codec.h"

namespace lockstep::wire {
namespace {

using model::ErrorKind;
using model::Fail;
using model::Result;

// Below this a copy is cheaper than ZeroMQ's bookkeeping of a shared buffer.
constexpr std::size_t kCopyBelowBytes = 1024;

// Also after a restart of the server, which knows nobody.
constexpr auto kAnnounceInterval = std::chrono::seconds(1);

// Random rather than a time: a clock may step back between two starts.
std::uint64_t NewIncarnation() {
  std::random_device random;
  std::uint64_t incarnation = 0;
  while (incarnation == 0) incarnation = (std::uint64_t{random()} << 32) | random();
  return incarnation;
}

}  // namespace

PeerSocket::PeerSocket(Role role, Socket socket, std::string name, std::string endpoint,
                       PeerOptions options)
    : role_(role),
      socket_(std::move(socket)),
      name_(std::move(name)),
      endpoint_(std::move(endpoint)),
      options_(options),
      incarnation_(NewIncarnation()) {
  outgoing_.set_sender(name_);
  outgoing_.set_incarnation(incarnation_);
  if (role_ == Role::kClient) announce_at_ = Time::min();
}

PeerSocket::Peers::value_type& PeerSocket::PeerOf(std::string_view name) {
  // A client has one peer, whatever its name: the process behind the endpoint.
  if (role_ == Role::kClient) name = "";
  if (latest_ != nullptr && latest_->first == name) return *latest_;
  auto found = peers_.find(name);
  if (found == peers_.end()) {
    found = peers_.emplace(std::string(name), Peer{Link(incarnation_, options_.link)}).first;
  }
  latest_ = &*found;
  return *found;
}

Result<void> PeerSocket::Send(std::string_view peer, const Encoded& message) {
  if (message.size() > options_.message_bytes_max) {
    return Fail(
        ErrorKind::kUnsupported,
        fmt::format("{}: a {} of {} bytes is larger than the {} that a message may have", endpoint_,
                    ToString(message.kind), message.size(), options_.message_bytes_max));
  }
  Peers::value_type& target = PeerOf(peer);
  target.second.link.Send(message);
  return Pump(target, Clock::now());
}

void PeerSocket::WriteEnvelope(const LinkHeader& header, const Encoded* message) {
  outgoing_.set_kind(message == nullptr ? proto::KIND_NONE
                                        : static_cast<proto::Kind>(message->kind));
  outgoing_.set_sequence(header.sequence);
  outgoing_.set_oldest(header.oldest);
  outgoing_.set_last(header.last);
  outgoing_.set_acknowledged(header.acknowledged);
  outgoing_.set_acknowledged_incarnation(header.acknowledged_incarnation);
  outgoing_.set_resend_from(header.resend_from);
  outgoing_.set_wants_answer(header.wants_answer);
}

Result<Socket::Sent> PeerSocket::Transmit(const Peer& peer, const Link::Outgoing& outgoing) {
  const bool has_body = outgoing.message != nullptr;
  if (role_ == Role::kServer) {
    if (peer.route.empty()) return Socket::Sent::kUnreachable;  // nothing has been heard of it
    Frame route(peer.route.size());
    std::memcpy(route.data(), peer.route.data(), peer.route.size());
    const auto sent = socket_.Send(route, /*has_more=*/true);
    if (!sent.has_value() || *sent != Socket::Sent::kDone) return sent;
  }
  WriteEnvelope(outgoing.header, outgoing.message);
  Frame envelope(outgoing_.ByteSizeLong());
  outgoing_.SerializeWithCachedSizesToArray(static_cast<std::uint8_t*>(envelope.data()));
  const auto sent = socket_.Send(envelope, has_body);
  if (!has_body || !sent.has_value() || *sent != Socket::Sent::kDone) return sent;

  const std::string& body = *outgoing.message->body;
  if (body.size() >= kCopyBelowBytes) {
    Frame frame(outgoing.message->body);
    return socket_.Send(frame, /*has_more=*/false);
  }
  Frame frame(body.size());
  std::memcpy(frame.data(), body.data(), body.size());
  return socket_.Send(frame, /*has_more=*/false);
}

Result<void> PeerSocket::Pump(Peers::value_type& peer, Time now) {
  const std::string& name = peer.first;
  Link& link = peer.second.link;
  while (const auto outgoing = link.Peek(now)) {
    const auto sent = Transmit(peer.second, *outgoing);
    if (!sent.has_value()) {
      link.Unreachable(now);
      return Fail(endpoint_, sent.error());
    }
    switch (*sent) {
      case Socket::Sent::kDone:
        link.Transmitted(now);
        break;
      case Socket::Sent::kUnreachable:
        link.Unreachable(now);
        return {};
      case Socket::Sent::kFull:
        link.Unreachable(now);
        return Fail(
            ErrorKind::kEnvironment,
            fmt::format("{}: the high-water mark of {} messages to {} is reached; {} "
                        "messages are not acknowledged",
                        endpoint_, options_.high_water_mark, name.empty() ? "the server" : name,
                        link.unacknowledged_messages()));
    }
  }
  return {};
}

Result<bool> PeerSocket::ReadFrames() {
  has_body_ = false;
  Frame* last = &envelope_frame_;
  if (role_ == Role::kServer) {
    // Where the frame came from; the sender's name is in the envelope. They differ for what a
    // connection that was replaced has left behind, and the Link knows what to do with that.
    const auto route = socket_.Receive(route_frame_);
    if (!route.has_value() || !*route) return route;
    last = &route_frame_;
  }
  if (role_ == Role::kClient || route_frame_.has_more()) {
    const auto envelope = socket_.Receive(envelope_frame_);
    if (!envelope.has_value() || !*envelope) return envelope;
    last = &envelope_frame_;
    if (envelope_frame_.has_more()) {
      const auto body = socket_.Receive(body_frame_);
      if (!body.has_value() || !*body) return body;
      last = &body_frame_;
      has_body_ = true;
    }
  }
  if (last == &route_frame_ || last->has_more()) {
    Frame rest;
    for (bool has_more = last->has_more(); has_more; has_more = rest.has_more()) {
      const auto skipped = socket_.Receive(rest);
      if (!skipped.has_value() || !*skipped) return skipped;
    }
    return Fail(ErrorKind::kMalformed,
                fmt::format("{}: a message has neither one nor two frames", endpoint_));
  }
  return true;
}

Result<LinkHeader> PeerSocket::ReadEnvelope() {
  const std::string_view bytes = envelope_frame_.view();
  if (!incoming_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Fail(ErrorKind::kMalformed,
                fmt::format("{}: {} bytes that are not an envelope", endpoint_, bytes.size()));
  }
  const bool has_kind = incoming_.kind() != proto::KIND_NONE;
  std::string_view fault;
  constexpr std::size_t kSenderBytesMax = 255;
  if (incoming_.sender().empty()) {
    fault = "no sender";
  } else if (incoming_.sender().size() > kSenderBytesMax) {
    incoming_.mutable_sender()->resize(kSenderBytesMax);
    fault = "too long a sender";
  } else if (incoming_.incarnation() == 0) {
    fault = "no incarnation";
  } else if (incoming_.oldest() == 0) {
    fault = "no oldest sequence";
  } else if (has_kind && !ToKind(incoming_.kind()).has_value()) {
    fault = "an unknown kind";
  } else if (has_kind != has_body_ || has_kind != (incoming_.sequence() != 0)) {
    fault = "a kind without a body and a sequence, or the other way round";
  }
  if (!fault.empty()) {
    return Fail(ErrorKind::kMalformed, fmt::format("{}: an envelope of \"{}\" with {}", endpoint_,
                                                   incoming_.sender(), fault));
  }
  return LinkHeader{
      .incarnation = incoming_.incarnation(),
      .sequence = incoming_.sequence(),
      .oldest = incoming_.oldest(),
      .last = incoming_.last(),
      .acknowledged = incoming_.acknowledged(),
      .acknowledged_incarnation = incoming_.acknowledged_incarnation(),
      .resend_from = incoming_.resend_from(),
      .wants_answer = incoming_.wants_answer(),
  };
}

Result<std::optional<Event>> PeerSocket::Take(Time now) {
  const Result<LinkHeader> header = ReadEnvelope();
  if (!header.has_value()) return std::unexpected(header.error());
  const std::string_view body = has_body_ ? body_frame_.view() : std::string_view();
  const bool is_new = role_ == Role::kServer && !peers_.contains(incoming_.sender());
  if (is_new && peers_.size() >= options_.peers_max) {
    return Fail(ErrorKind::kMalformed, fmt::format("{}: \"{}\" is one name too many: {} are known",
                                                   endpoint_, incoming_.sender(), peers_.size()));
  }
  Peers::value_type& peer = PeerOf(incoming_.sender());
  if (role_ == Role::kServer && !Admits(peer, header->incarnation)) {
    return Fail(ErrorKind::kMalformed,
                fmt::format("{}: another process calls itself {}, and the first one is connected",
                            endpoint_, incoming_.sender()));
  }
  const Link::Arrival arrival = peer.second.link.Receive(*header, body.size(), now);

  if (arrival.started) {
    pending_.push_back(PeerStarted{.peer = incoming_.sender(),
                                   .is_restart = arrival.restarted,
                                   .discarded = arrival.discarded});
  }
  if (arrival.lost > 0) {
    pending_.push_back(MessagesLost{.peer = incoming_.sender(), .count = arrival.lost});
  }
  std::optional<Event> event;
  if (arrival.deliver) {
    Result<Message> message = Decode(*ToKind(incoming_.kind()), body);
    if (!message.has_value()) {
      // The link has counted it: whoever needs it does not get it.
      pending_.push_back(MessagesLost{.peer = incoming_.sender(), .count = 1});
      return Fail(
          fmt::format("{}: message {} of {}", endpoint_, header->sequence, incoming_.sender()),
          std::move(message).error());
    }
    event = Received{
        .peer = incoming_.sender(), .message = *std::move(message), .body_bytes = body.size()};
  }
  const Result<void> pumped = Pump(peer, now);
  if (pumped.has_value() && pending_.empty()) return event;
  if (event.has_value()) pending_.push_back(*std::move(event));
  if (!pumped.has_value()) return std::unexpected(pumped.error());
  return std::optional<Event>();
}

bool PeerSocket::Admits(Peers::value_type& entry, std::uint64_t incarnation) {
  Peer& peer = entry.second;
  const std::uint64_t known = peer.link.peer_incarnation();
  if (known != 0 && known != incarnation && IsConnected(peer)) return false;
  peer.route.assign(route_frame_.view());
  return true;
}

bool PeerSocket::IsConnected(const Peer& peer) {
  if (peer.route.empty()) return false;
  Frame route(peer.route.size());
  std::memcpy(route.data(), peer.route.data(), peer.route.size());
  const auto sent = socket_.Send(route, /*has_more=*/true);
  if (!sent.has_value() || *sent == Socket::Sent::kUnreachable) return false;
  if (*sent == Socket::Sent::kFull) return true;
  // A client passes over a message that is empty.
  Frame nothing(0);
  (void)socket_.Send(nothing, /*has_more=*/false);
  return true;
}

Result<std::optional<Event>> PeerSocket::Receive() {
  while (pending_.empty()) {
    const Result<bool> is_read = ReadFrames();
    if (!is_read.has_value()) return std::unexpected(is_read.error());
    if (!*is_read) return std::optional<Event>();
    if (role_ == Role::kClient && !has_body_ && envelope_frame_.view().empty()) continue;
    Result<std::optional<Event>> taken = Take(Clock::now());
    if (!taken.has_value() || taken->has_value()) return taken;
  }
  std::optional<Event> event = std::move(pending_.front());
  pending_.pop_front();
  return event;
}

Result<void> PeerSocket::Tick(Time now) {
  Result<void> result;
  if (announce_at_ <= now) {
    // The server cannot speak to a process that it has not heard.
    Peers::value_type& server = PeerOf("");
    server.second.link.Announce();
    announce_at_ = now + kAnnounceInterval;
    result = Pump(server, now);
  }
  for (Peers::value_type& peer : peers_) {
    const auto deadline = peer.second.link.NextDeadline();
    if (!deadline.has_value() || *deadline > now) continue;
    peer.second.link.Tick(now);
    Result<void> pumped = Pump(peer, now);
    if (!pumped.has_value()) result = std::move(pumped);  // the others have their turn first
  }
  return result;
}

Result<void> PeerSocket::AcknowledgeNow() {
  Result<void> result;
  for (Peers::value_type& peer : peers_) {
    peer.second.link.AcknowledgeNow();
    Result<void> pumped = Pump(peer, Clock::now());
    if (!pumped.has_value()) result = std::move(pumped);
  }
  return result;
}

std::optional<Time> PeerSocket::NextDeadline() const {
  std::optional<Time> earliest;
  if (announce_at_ != Time::max()) earliest = announce_at_;
  for (const auto& [name, peer] : peers_) {
    const auto deadline = peer.link.NextDeadline();
    if (deadline.has_value() && (!earliest.has_value() || *deadline < *earliest)) {
      earliest = deadline;
    }
  }
  return earliest;
}

std::size_t PeerSocket::UnacknowledgedBytes(std::string_view peer) const {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? 0 : found->second.link.unacknowledged_bytes();
}

std::size_t PeerSocket::UnacknowledgedMessages() const {
  std::size_t messages = 0;
  for (const auto& [name, peer] : peers_) messages += peer.link.unacknowledged_messages();
  return messages;
}

}  // namespace lockstep::wire
