#include "replication/liveness.h"

#include <gtest/gtest.h>

#include <chrono>

namespace lockstep::replication {
namespace {

using std::chrono::seconds;
using State = Liveness::State;

class LivenessTest : public testing::Test {
 protected:
  State NothingFor(seconds time) { return liveness_.OnNothing(now_ += time); }
  // In looks ten seconds apart, as a loop has them.
  State SilentFor(seconds time) {
    State state = NothingFor(seconds(0));
    for (seconds passed{0}; passed < time; passed += seconds(10)) state = NothingFor(seconds(10));
    return state;
  }

  Liveness liveness_;
  Liveness::TimePoint now_;
};

TEST_F(LivenessTest, AServerThatSaysNothingIsAskedAndThenGone) {
  EXPECT_EQ(SilentFor(seconds(50)), State::kSpeaks);
  EXPECT_EQ(NothingFor(seconds(10)), State::kAsk);
  EXPECT_EQ(SilentFor(seconds(50)), State::kAsk);
  EXPECT_EQ(NothingFor(seconds(10)), State::kGone);
}

TEST_F(LivenessTest, AWordBeginsAnew) {
  EXPECT_EQ(SilentFor(seconds(110)), State::kAsk);
  liveness_.OnFrame();
  EXPECT_EQ(SilentFor(seconds(50)), State::kSpeaks);
  EXPECT_EQ(SilentFor(seconds(60)), State::kAsk);
}

// Whoever reads, reads what came first: the silence before a frame is none.
TEST_F(LivenessTest, WhereNobodyLookedNothingIsKnown) {
  EXPECT_EQ(NothingFor(seconds(0)), State::kSpeaks);
  EXPECT_EQ(NothingFor(seconds(3600)), State::kSpeaks);
  liveness_.OnFrame();
  EXPECT_EQ(NothingFor(seconds(3600)), State::kSpeaks);
}

// A large transaction, of which nothing is sent, is decoded again after each reconnect.
TEST_F(LivenessTest, EachTimeItGetsTwiceAsLong) {
  EXPECT_EQ(SilentFor(seconds(120)), State::kGone);
  liveness_.Begin();
  EXPECT_EQ(SilentFor(seconds(230)), State::kAsk);
  EXPECT_EQ(NothingFor(seconds(10)), State::kGone);
  liveness_.OnFrame();
  EXPECT_EQ(SilentFor(seconds(120)), State::kGone);
}

TEST_F(LivenessTest, ThereIsALongestTime) {
  int gone = 0;
  for (int i = 0; i < 1'000; ++i) gone += NothingFor(seconds(15)) == State::kGone ? 1 : 0;
  EXPECT_GT(gone, 8);
}

}  // namespace
}  // namespace lockstep::replication
