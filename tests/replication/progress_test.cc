// The rules of docs/architecture.md, "Progress is one position P".
#include "replication/progress.h"

#include <gtest/gtest.h>

namespace lockstep::replication {
namespace {

using model::Lsn;

class ProgressTest : public testing::Test {
 protected:
  // P after each step.
  Lsn Durable(std::uint64_t lsn) { return progress_.OnDurable(Lsn{lsn}), progress_.position(); }
  Lsn Keepalive(std::uint64_t lsn) { return progress_.OnKeepalive(Lsn{lsn}), progress_.position(); }
  bool Receive(std::uint64_t end_lsn) { return progress_.OnTransaction(Lsn{end_lsn}); }

  Progress progress_{Lsn{100}};
};

TEST_F(ProgressTest, StartsWhereTheCallerIsDurable) {
  EXPECT_EQ(progress_.position(), Lsn{100});
  EXPECT_EQ(progress_.last_end(), Lsn{100});
}

TEST_F(ProgressTest, AReceivedTransactionDoesNotMoveItUntilItIsDurable) {
  EXPECT_TRUE(Receive(110));
  EXPECT_EQ(progress_.position(), Lsn{100});
  EXPECT_EQ(progress_.last_end(), Lsn{110});
  EXPECT_EQ(Durable(110), Lsn{110});
}

TEST_F(ProgressTest, DurabilityMovesItPartOfTheWay) {
  Receive(110);
  Receive(120);
  EXPECT_EQ(Durable(110), Lsn{110});
  EXPECT_EQ(Durable(115), Lsn{115});
  EXPECT_EQ(Durable(120), Lsn{120});
}

TEST_F(ProgressTest, ItNeverPassesWhatWasReceived) {
  EXPECT_EQ(Durable(500), Lsn{100});
  Receive(110);
  EXPECT_EQ(Durable(500), Lsn{110});
}

TEST_F(ProgressTest, ItNeverGoesBack) {
  Receive(110);
  Durable(110);
  EXPECT_EQ(Durable(105), Lsn{110});
  EXPECT_EQ(Keepalive(50), Lsn{110});
}

TEST_F(ProgressTest, AKeepaliveMovesItWhenAllIsDurable) {
  EXPECT_EQ(Keepalive(150), Lsn{150});
  Receive(160);
  Durable(160);
  EXPECT_EQ(Keepalive(170), Lsn{170});
}

TEST_F(ProgressTest, AKeepaliveWaitsForTheTransactionsBeforeIt) {
  Receive(110);
  Receive(120);
  EXPECT_EQ(Keepalive(150), Lsn{100});
  EXPECT_EQ(Durable(110), Lsn{110});
  EXPECT_EQ(Durable(120), Lsn{150});
}

TEST_F(ProgressTest, AKeepaliveDoesNotWaitForTransactionsAfterIt) {
  Receive(110);
  Keepalive(150);
  Receive(160);
  EXPECT_EQ(Durable(110), Lsn{150});
  EXPECT_EQ(Durable(160), Lsn{160});
}

TEST_F(ProgressTest, ALaterKeepaliveReplacesAnEarlierOne) {
  Receive(110);
  Keepalive(150);
  Receive(160);
  Keepalive(170);
  EXPECT_EQ(Durable(110), Lsn{110});
  EXPECT_EQ(Durable(160), Lsn{170});
}

TEST_F(ProgressTest, ARepeatedTransactionIsNotNew) {
  EXPECT_FALSE(Receive(90));
  EXPECT_FALSE(Receive(100));
  EXPECT_TRUE(Receive(110));
  EXPECT_FALSE(Receive(110));
  EXPECT_FALSE(Receive(105));
  EXPECT_TRUE(Receive(120));
}

TEST_F(ProgressTest, ATransactionBelowAKeepaliveThatBecameItIsNotNew) {
  Keepalive(150);
  EXPECT_FALSE(Receive(150));
  EXPECT_TRUE(Receive(151));
}

}  // namespace
}  // namespace lockstep::replication
