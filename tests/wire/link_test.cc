// Two Links over a simulated network that loses, repeats and reorders. The one invariant: what one
// side sends the other delivers, once and in order.
#include "wire/link.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace lockstep::wire {
namespace {

using std::chrono::milliseconds;

Encoded MessageOf(std::uint64_t number) {
  return Encoded{.kind = Kind::kCommit,
                 .body = std::make_shared<const std::string>(std::to_string(number))};
}

struct Packet {
  LinkHeader header;
  std::string body;
};

struct Faults {
  unsigned loss_percent = 0;
  unsigned repeat_percent = 0;
  unsigned reorder_percent = 0;
};

// One process: its link and what it has delivered.
struct Process {
  explicit Process(std::uint64_t incarnation, LinkOptions options = {})
      : link(incarnation, options) {}

  void SendNext() { link.Send(MessageOf(++sent)); }

  Link link;
  std::uint64_t sent = 0;
  std::vector<std::uint64_t> delivered;
  std::uint64_t lost = 0;
};

class Network {
 public:
  Network(std::uint64_t seed, Faults faults) : random_(seed), faults_(faults) {}

  // Puts what `from` has to say on the way, or loses it.
  void Pump(Process& from, std::deque<Packet>& way, Time now) {
    while (const auto outgoing = from.link.Peek(now)) {
      Packet packet{.header = outgoing->header,
                    .body = outgoing->message ? *outgoing->message->body : ""};
      from.link.Transmitted(now);
      ++transmitted_;
      if (Chance(faults_.loss_percent)) continue;
      if (Chance(faults_.repeat_percent)) way.push_back(packet);
      way.push_back(std::move(packet));
      if (way.size() > 1 && Chance(faults_.reorder_percent)) {
        std::swap(way.back(), way[random_() % way.size()]);
      }
    }
  }

  void DeliverOne(std::deque<Packet>& way, Process& to, Time now) {
    if (way.empty()) return;
    const Packet packet = std::move(way.front());
    way.pop_front();
    const Link::Arrival arrival = to.link.Receive(packet.header, packet.body.size(), now);
    to.lost += arrival.lost;
    if (arrival.deliver) to.delivered.push_back(std::stoull(packet.body));
  }

  bool Chance(unsigned percent) { return random_() % 100 < percent; }
  std::uint64_t Random() { return random_(); }
  std::uint64_t transmitted() const { return transmitted_; }

 private:
  std::mt19937_64 random_;
  Faults faults_;
  std::uint64_t transmitted_ = 0;
};

std::vector<std::uint64_t> UpTo(std::uint64_t count) {
  std::vector<std::uint64_t> numbers(count);
  for (std::uint64_t i = 0; i < count; ++i) numbers[i] = i + 1;
  return numbers;
}

struct World {
  World(std::uint64_t seed, Faults faults, LinkOptions options = {})
      : network(seed, faults), a(11, options), b(22, options) {}

  void Step() {
    now += milliseconds(1);
    for (Process* process : {&a, &b}) {
      const auto deadline = process->link.NextDeadline();
      if (deadline.has_value() && *deadline <= now) process->link.Tick(now);
    }
    network.Pump(a, to_b, now);
    network.Pump(b, to_a, now);
    network.DeliverOne(to_b, b, now);
    network.DeliverOne(to_b, b, now);
    network.DeliverOne(to_a, a, now);
  }

  bool IsQuiet() const {
    return to_a.empty() && to_b.empty() && a.link.unacknowledged_messages() == 0 &&
           b.link.unacknowledged_messages() == 0;
  }

  // False when it never becomes quiet.
  bool Settle() {
    for (int step = 0; step < 1'000'000; ++step) {
      if (IsQuiet()) return true;
      Step();
    }
    return false;
  }

  Network network;
  Process a;
  Process b;
  std::deque<Packet> to_a;
  std::deque<Packet> to_b;
  Time now{std::chrono::hours(1)};
};

TEST(LinkSimulation, DeliversExactlyOnceInOrderUnderLossRepetitionAndReordering) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed, Faults{.loss_percent = static_cast<unsigned>(seed % 30),
                             .repeat_percent = static_cast<unsigned>(seed % 20),
                             .reorder_percent = static_cast<unsigned>(seed % 10)});
    for (int step = 0; step < 300; ++step) {
      if (world.network.Chance(60)) world.a.SendNext();
      if (world.network.Chance(20)) world.b.SendNext();
      world.Step();
    }
    ASSERT_TRUE(world.Settle());
    ASSERT_EQ(world.b.delivered, UpTo(world.a.sent));
    ASSERT_EQ(world.a.delivered, UpTo(world.b.sent));
    ASSERT_EQ(world.a.lost + world.b.lost, 0u);
    ASSERT_EQ(world.a.link.unacknowledged_bytes(), 0u);
  }
}

TEST(LinkSimulation, ARestartedReceiverGetsEverythingThatWasNotAcknowledged) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed, Faults{.loss_percent = static_cast<unsigned>(seed % 15)});
    std::vector<std::uint64_t> delivered_by_the_dead;
    for (int step = 0; step < 400; ++step) {
      if (world.network.Chance(60)) world.a.SendNext();
      if (world.network.Chance(20)) world.b.SendNext();
      if (step == 200) {
        delivered_by_the_dead = world.b.delivered;
        world.b = Process(33);
        world.a.delivered.clear();
        // What was under way to the dead process is gone; what it had sent may still arrive.
        world.to_b.clear();
      }
      world.Step();
    }
    ASSERT_TRUE(world.Settle());
    // Together they have everything, and what both have is only what the dead did not live to
    // acknowledge.
    ASSERT_FALSE(world.b.delivered.empty());
    const std::uint64_t first = world.b.delivered.front();
    ASSERT_LE(first, delivered_by_the_dead.size() + 1);
    std::vector<std::uint64_t> joined = UpTo(first - 1);
    joined.insert(joined.end(), world.b.delivered.begin(), world.b.delivered.end());
    ASSERT_EQ(joined, UpTo(world.a.sent));
    ASSERT_EQ(world.b.lost, 0u);
    // The new process's own messages arrive whole, after whatever the dead one had under way.
    const std::size_t late = world.a.delivered.size() - world.b.sent;
    world.a.delivered.erase(world.a.delivered.begin(),
                            world.a.delivered.begin() + static_cast<std::ptrdiff_t>(late));
    ASSERT_EQ(world.a.delivered, UpTo(world.b.sent));
  }
}

TEST(LinkSimulation, APerfectNetworkCarriesNothingTwice) {
  World world(1, Faults{});
  for (int i = 0; i < 10'000; ++i) {
    world.a.SendNext();
    world.Step();
  }
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(world.b.delivered.size(), 10'000u);
  // One acknowledgement for each delay of 20 steps, the messages themselves, and a little for the
  // end.
  EXPECT_LE(world.network.transmitted(), 10'000u + 10'000u / 20 + 10);
}

TEST(LinkSimulation, ASlowReceiverCostsProbesAndNotTheWindowAgain) {
  Process sender(1);
  std::deque<Packet> way;
  Network network(1, Faults{});
  Time now{std::chrono::hours(1)};
  for (int i = 0; i < 1'000; ++i) sender.SendNext();
  for (int step = 0; step < 10'000; ++step) {  // ten seconds in which nobody reads
    now += milliseconds(1);
    sender.link.Tick(now);
    network.Pump(sender, way, now);
  }
  EXPECT_GT(way.size(), 1'000u);
  EXPECT_LT(way.size(), 1'010u);
}

class LinkTest : public ::testing::Test {
 protected:
  LinkHeader FromPeer(std::uint64_t sequence, std::uint64_t oldest = 1) const {
    return LinkHeader{.incarnation = 7, .sequence = sequence, .oldest = oldest, .last = sequence};
  }
  LinkHeader Acknowledging(std::uint64_t up_to, std::uint64_t incarnation = 1) const {
    return LinkHeader{.incarnation = 7,
                      .oldest = 1,
                      .acknowledged = up_to,
                      .acknowledged_incarnation = incarnation};
  }
  void TransmitAll(Link& link) {
    while (link.Peek(now_)) link.Transmitted(now_);
  }

  Time now_{std::chrono::hours(1)};
  Link link_{1};
};

TEST_F(LinkTest, UnacknowledgedBytesCountWhatIsKept) {
  for (std::uint64_t i = 10; i < 15; ++i) link_.Send(MessageOf(i));
  TransmitAll(link_);
  EXPECT_EQ(link_.unacknowledged_bytes(), 10u);
  link_.Receive(Acknowledging(3), 0, now_);
  EXPECT_EQ(link_.unacknowledged_bytes(), 4u);
  EXPECT_EQ(link_.unacknowledged_messages(), 2u);
}

TEST_F(LinkTest, TheSameBodyIsKeptAndSentWithoutACopy) {
  const Encoded message = MessageOf(1);
  link_.Send(message);
  EXPECT_EQ(link_.Peek(now_)->message->body.get(), message.body.get());
}

TEST_F(LinkTest, AnAcknowledgementOfAnotherIncarnationIsIgnored) {
  link_.Send(MessageOf(1));
  TransmitAll(link_);
  link_.Receive(Acknowledging(1, /*incarnation=*/99), 0, now_);
  EXPECT_EQ(link_.unacknowledged_messages(), 1u);
}

TEST_F(LinkTest, AnAcknowledgementOfWhatWasNeverSentIsIgnored) {
  link_.Send(MessageOf(1));
  TransmitAll(link_);
  link_.Receive(Acknowledging(2), 0, now_);
  EXPECT_EQ(link_.unacknowledged_messages(), 1u);
}

TEST_F(LinkTest, AnAcknowledgementGoesByItselfAfterTheDelay) {
  link_.Receive(FromPeer(1), 10, now_);
  EXPECT_FALSE(link_.Peek(now_).has_value());
  ASSERT_TRUE(link_.NextDeadline().has_value());
  now_ = *link_.NextDeadline();
  link_.Tick(now_);
  ASSERT_TRUE(link_.Peek(now_).has_value());
  EXPECT_EQ(link_.Peek(now_)->header.acknowledged, 1u);
  EXPECT_EQ(link_.Peek(now_)->header.acknowledged_incarnation, 7u);
  link_.Transmitted(now_);
  EXPECT_FALSE(link_.Peek(now_).has_value());
  EXPECT_FALSE(link_.NextDeadline().has_value());
}

TEST_F(LinkTest, AnAcknowledgementGoesAtOnceAfterEnoughMessagesOrBytes) {
  for (std::uint64_t i = 1; i < LinkOptions().acknowledge_messages; ++i) {
    link_.Receive(FromPeer(i), 1, now_);
  }
  EXPECT_FALSE(link_.Peek(now_).has_value());
  link_.Receive(FromPeer(LinkOptions().acknowledge_messages), 1, now_);
  EXPECT_TRUE(link_.Peek(now_).has_value());

  Link other(2);
  other.Receive(FromPeer(1), LinkOptions().acknowledge_bytes, now_);
  EXPECT_TRUE(other.Peek(now_).has_value());
}

TEST_F(LinkTest, AnAcknowledgementRidesOnAMessage) {
  link_.Receive(FromPeer(1), 1, now_);
  link_.Send(MessageOf(1));
  EXPECT_EQ(link_.Peek(now_)->header.acknowledged, 1u);
  TransmitAll(link_);
  link_.Tick(now_ + milliseconds(100));
  EXPECT_FALSE(link_.Peek(now_ + milliseconds(100)).has_value());
}

TEST_F(LinkTest, AGapIsAskedForOnceAndAgainAfterTheInterval) {
  link_.Receive(FromPeer(1), 1, now_);
  EXPECT_FALSE(link_.Receive(FromPeer(3), 1, now_).deliver);
  ASSERT_TRUE(link_.Peek(now_).has_value());
  EXPECT_EQ(link_.Peek(now_)->header.resend_from, 2u);
  link_.Transmitted(now_);
  EXPECT_FALSE(link_.Receive(FromPeer(4), 1, now_).deliver);
  EXPECT_FALSE(link_.Peek(now_).has_value());
  now_ = *link_.NextDeadline();
  link_.Tick(now_);
  EXPECT_EQ(link_.Peek(now_)->header.resend_from, 2u);
  EXPECT_TRUE(link_.Receive(FromPeer(2), 1, now_).deliver);
}

TEST_F(LinkTest, ALostTailIsFoundByAProbe) {
  link_.Receive(FromPeer(1), 1, now_);
  LinkHeader probe = FromPeer(0);
  probe.last = 2;
  probe.wants_answer = true;
  link_.Receive(probe, 0, now_);
  ASSERT_TRUE(link_.Peek(now_).has_value());
  EXPECT_EQ(link_.Peek(now_)->header.resend_from, 2u);
}

TEST_F(LinkTest, ANewIncarnationIsToldAndTheOldOneIsNotHeardAnyMore) {
  EXPECT_TRUE(link_.Receive(FromPeer(1), 1, now_).started);
  LinkHeader header = FromPeer(1);
  header.incarnation = 8;
  const Link::Arrival arrival = link_.Receive(header, 1, now_);
  EXPECT_TRUE(arrival.restarted);
  EXPECT_TRUE(arrival.deliver);
  EXPECT_FALSE(link_.Receive(FromPeer(2), 1, now_).deliver);
  EXPECT_EQ(link_.peer_incarnation(), 8u);
}

TEST_F(LinkTest, ANewIncarnationThatHasHeardNothingGetsAtOnceWhatIsKept) {
  link_.Receive(FromPeer(1), 1, now_);
  link_.Send(MessageOf(1));
  link_.Send(MessageOf(2));
  TransmitAll(link_);
  LinkHeader header = FromPeer(1);
  header.incarnation = 8;
  link_.Receive(header, 1, now_);
  ASSERT_TRUE(link_.Peek(now_).has_value());
  EXPECT_EQ(link_.Peek(now_)->header.sequence, 1u);
}

TEST_F(LinkTest, WhatIsAcknowledgedWhileItWaitsToBeSentAgainIsNotSentAgain) {
  for (std::uint64_t i = 1; i <= 3; ++i) link_.Send(MessageOf(i));
  TransmitAll(link_);
  LinkHeader request = Acknowledging(0);
  request.resend_from = 1;
  link_.Receive(request, 0, now_);
  link_.Receive(Acknowledging(2), 0, now_);
  ASSERT_TRUE(link_.Peek(now_).has_value());
  EXPECT_EQ(link_.Peek(now_)->header.sequence, 3u);
}

TEST_F(LinkTest, TheFirstContactResendsNothing) {
  link_.Send(MessageOf(1));
  TransmitAll(link_);
  link_.Receive(Acknowledging(0, 0), 0, now_);
  EXPECT_FALSE(link_.Peek(now_).has_value());
}

TEST_F(LinkTest, MessagesForADeadIncarnationAreForgottenWhenTheOptionSaysSo) {
  Link link(1, LinkOptions{.resend_to_new_incarnation = false});
  link.Receive(FromPeer(1), 1, now_);
  link.Send(MessageOf(1));
  link.Send(MessageOf(2));
  LinkHeader header = FromPeer(1);
  header.incarnation = 8;
  EXPECT_EQ(link.Receive(header, 1, now_).discarded, 2u);
  EXPECT_EQ(link.unacknowledged_bytes(), 0u);
  link.Send(MessageOf(3));
  EXPECT_EQ(link.Peek(now_)->header.sequence, 3u);
  EXPECT_EQ(link.Peek(now_)->header.oldest, 3u);
}

TEST_F(LinkTest, MessagesThePeerCannotSendAnyMoreAreCounted) {
  link_.Receive(FromPeer(1), 1, now_);
  const Link::Arrival arrival = link_.Receive(FromPeer(5, /*oldest=*/4), 1, now_);
  EXPECT_EQ(arrival.lost, 2u);
  EXPECT_FALSE(arrival.deliver);
  EXPECT_EQ(link_.Peek(now_)->header.resend_from, 4u);
}

TEST_F(LinkTest, AnUnreachablePeerIsTriedAgainLaterAndAtOnceWhenItSpeaks) {
  link_.Send(MessageOf(1));
  link_.Unreachable(now_);
  EXPECT_FALSE(link_.Peek(now_).has_value());
  ASSERT_TRUE(link_.NextDeadline().has_value());
  EXPECT_GT(*link_.NextDeadline(), now_);
  EXPECT_TRUE(link_.Peek(*link_.NextDeadline()).has_value());
  link_.Receive(FromPeer(1), 1, now_);
  EXPECT_TRUE(link_.Peek(now_).has_value());
}

}  // namespace
}  // namespace lockstep::wire
