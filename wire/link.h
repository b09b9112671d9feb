// Exactly-once, in-order delivery between two processes over a transport that may lose, repeat or
// reorder.
//
// A pure state machine without I/O; the time is an argument. Each process has one Link per peer. A
// Link numbers what it sends from 1 and keeps it until it is acknowledged; it delivers what it
// receives in the order of the numbers, once.
//
//   sender    oldest_            cursor_            next_
//               │ sent, kept       │ to be sent       │
//     ──────────┴──────────────────┴──────────────────┴──────►  sequence
//
//   receiver  expected_: the next sequence to deliver; everything below is acknowledged, everything
//   above is dropped and
//             asked for again (go back N: ZeroMQ keeps order, a gap is a broken connection and
//             therefore rare)
//
// Acknowledgements ride on every header and go by themselves after so many messages, bytes or a
// delay. A sender whose messages stay unacknowledged does not repeat them, it asks (a *probe*: an
// answer is wanted, this is my last sequence): a slow receiver then costs a few bytes and not the
// window again.
//
// A process that starts anew has a new incarnation. Towards a new incarnation of its peer a Link
// goes on with what the old one did not acknowledge: `oldest` in each header tells a receiver
// without a past where the sender's memory begins.
#ifndef LOCKSTEP_WIRE_LINK_H_
#define LOCKSTEP_WIRE_LINK_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "wire/encoded.h"

namespace lockstep::wire {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

// What a Link says to the other side: the part of an envelope that is not the message.
struct LinkHeader {
  std::uint64_t incarnation = 0;   // of the sender; never 0
  std::uint64_t sequence = 0;      // of the message that comes with it; 0: none does
  std::uint64_t oldest = 0;        // the lowest sequence the sender can still send; never 0
  std::uint64_t last = 0;          // the highest sequence the sender has given out; 0: none
  std::uint64_t acknowledged = 0;  // every sequence up to this one has been delivered
  std::uint64_t acknowledged_incarnation = 0;  // whose sequences those are; 0: the peer is unknown
  std::uint64_t resend_from = 0;               // please send again from here; 0: no
  bool wants_answer = false;
  friend bool operator==(const LinkHeader&, const LinkHeader&) = default;
};

struct LinkOptions {
  // An acknowledgement goes by itself after so many messages, so many bytes, or this long after the
  // first of them.
  std::uint32_t acknowledge_messages = 512;
  std::size_t acknowledge_bytes = std::size_t{1} << 20;
  Clock::duration acknowledge_delay = std::chrono::milliseconds(20);
  // Longer than the acknowledgement's delay and a round trip. Doubles with each probe that brings
  // no progress.
  Clock::duration probe_after = std::chrono::milliseconds(200);
  Clock::duration probe_after_max = std::chrono::seconds(2);
  // A request to resend that is not followed is repeated.
  Clock::duration request_interval = std::chrono::milliseconds(100);
  // While the transport has no way to the peer it is tried again, first soon, then less often.
  Clock::duration retry_after = std::chrono::milliseconds(20);
  Clock::duration retry_after_max = std::chrono::milliseconds(500);
  // What to do with unacknowledged messages when the peer has a new incarnation: send them to it,
  // or forget them.
  bool resend_to_new_incarnation = true;
};

class Link {
 public:
  // `incarnation` differs from that of every earlier process of the same name; never 0.
  explicit Link(std::uint64_t incarnation, LinkOptions options = {});

  // --- Sending ---

  // Takes a message to send. It stays here until acknowledged.
  void Send(Encoded message);

  struct Outgoing {
    LinkHeader header;
    const Encoded* message = nullptr;  // valid until the next call; nullptr: a header alone
  };
  // What the transport shall send now. Stays the same until Transmitted() or Unreachable() says
  // what became of it.
  std::optional<Outgoing> Peek(Time now) const;
  void Transmitted(Time now);
  void Unreachable(Time now);

  // --- Receiving ---

  struct Arrival {
    bool deliver = false;         // the message that came with the header is the next one
    bool started = false;         // the first header of this incarnation of the peer
    bool restarted = false;       // there was another incarnation before
    std::uint64_t discarded = 0;  // messages forgotten because the peer restarted
    std::uint64_t lost =
        0;  // messages the peer cannot send any more and that were not delivered here
  };
  Arrival Receive(const LinkHeader& header, std::size_t body_bytes, Time now);

  // --- Time ---

  // To be called at NextDeadline() or later; then Peek() may have something.
  void Tick(Time now);
  std::optional<Time> NextDeadline() const;
  // A header goes, also where there is nothing to say: the peer shall know of this process.
  void Announce() { acknowledge_ = true; }
  // The acknowledgement that is owed goes now, not after its delay.
  void AcknowledgeNow();

  std::size_t unacknowledged_messages() const { return kept_.size(); }
  std::size_t unacknowledged_bytes() const { return kept_bytes_; }
  // 0: nothing has been heard of the peer.
  std::uint64_t peer_incarnation() const { return peer_incarnation_; }

 private:
  static constexpr Time kNever = Time::max();

  bool HasMessageToSend() const { return cursor_ < next_; }
  bool HasHeaderToSend() const { return acknowledge_ || request_ || probe_; }
  void MeetIncarnation(const LinkHeader& header, Arrival& arrival);
  void Acknowledge(std::uint64_t up_to, Time now);
  void Accept(std::size_t body_bytes, Time now);
  void AskAgain(Time now);
  void Forget();

  LinkOptions options_;
  std::uint64_t incarnation_;

  // Sender: kept_ holds the sequences [oldest_, next_).
  std::deque<Encoded> kept_;
  std::size_t kept_bytes_ = 0;
  std::uint64_t oldest_ = 1;
  std::uint64_t cursor_ = 1;
  std::uint64_t next_ = 1;
  Time probe_at_ = kNever;
  Clock::duration probe_after_;
  Time retry_at_ = Time::min();
  Clock::duration retry_after_;

  // Receiver.
  std::uint64_t peer_incarnation_ = 0;
  std::vector<std::uint64_t> retired_incarnations_;
  std::uint64_t expected_ = 1;
  bool has_delivered_ = false;
  std::uint32_t delivered_messages_ = 0;  // since the last acknowledgement, as delivered_bytes_
  std::size_t delivered_bytes_ = 0;
  Time acknowledge_at_ = kNever;
  Time request_at_ = kNever;  // set while there is a gap

  // To be said with the next header.
  bool acknowledge_ = false;
  bool request_ = false;
  bool probe_ = false;
};

}  // namespace lockstep::wire

#endif  // LOCKSTEP_WIRE_LINK_H_
