#include "consumer/reconnect_pace.h"

#include <gtest/gtest.h>

#include <chrono>

#include "model/error.h"

namespace lockstep::consumer {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Answer = ReconnectPace::Answer;

const ReconnectPace::Time kStart{seconds(1000)};

class ReconnectPaceTest : public ::testing::Test {
 protected:
  Answer Lose(ReconnectPace::Time now) {
    return pace_.OnError({model::ErrorKind::kDisconnected, "the server is gone"}, now);
  }
  ReconnectPace pace_;
};

TEST_F(ReconnectPaceTest, WithoutALossATryIsDueAtOnce) { EXPECT_LE(pace_.next_try(), kStart); }

TEST_F(ReconnectPaceTest, ALossIsSaidOnceAndEachTryComesAPauseLater) {
  EXPECT_EQ(Lose(kStart), Answer::kWarnRetry);
  EXPECT_EQ(pace_.next_try(), kStart + milliseconds(200));
  EXPECT_EQ(Lose(kStart + seconds(1)), Answer::kRetry);
  EXPECT_EQ(pace_.next_try(), kStart + seconds(1) + milliseconds(200));
}

TEST_F(ReconnectPaceTest, GivesUpWhenLostForMoreThanAMinute) {
  EXPECT_EQ(Lose(kStart), Answer::kWarnRetry);
  EXPECT_EQ(Lose(kStart + seconds(60)), Answer::kRetry);
  EXPECT_EQ(Lose(kStart + seconds(60) + milliseconds(1)), Answer::kGiveUp);
}

TEST_F(ReconnectPaceTest, AConnectionEndsTheLoss) {
  EXPECT_EQ(Lose(kStart), Answer::kWarnRetry);
  pace_.OnConnected();
  EXPECT_EQ(Lose(kStart + seconds(90)), Answer::kWarnRetry);
  EXPECT_EQ(Lose(kStart + seconds(150)), Answer::kRetry);
}

TEST_F(ReconnectPaceTest, AnErrorThatNoRetryCanHelpIsGivenUpAtOnce) {
  EXPECT_EQ(pace_.OnError({model::ErrorKind::kMalformed, "a byte too many"}, kStart),
            Answer::kGiveUp);
}

}  // namespace
}  // namespace lockstep::consumer
