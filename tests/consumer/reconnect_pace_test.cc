#include "consumer/reconnect_pace.h"

#include <gtest/gtest.h>

#include <chrono>

#include "model/error.h"
#include "model/lsn.h"

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

TEST_F(ReconnectPaceTest, WhatComesOverANewConnectionEndsTheLoss) {
  pace_.OnReceived(model::Lsn{100});
  EXPECT_EQ(Lose(kStart), Answer::kWarnRetry);
  pace_.OnConnected(kStart + seconds(40));
  pace_.OnReceived(model::Lsn{101});
  EXPECT_EQ(Lose(kStart + seconds(90)), Answer::kWarnRetry);
  EXPECT_EQ(Lose(kStart + seconds(150)), Answer::kRetry);
  EXPECT_EQ(Lose(kStart + seconds(151)), Answer::kGiveUp);
}

// A server that goes down over the next transaction, again and again.
TEST_F(ReconnectPaceTest, ConnectionsThatBringNothingNewDoNotEndTheLoss) {
  pace_.OnReceived(model::Lsn{100});
  EXPECT_EQ(Lose(kStart), Answer::kWarnRetry);
  for (int at = 5; at <= 60; at += 5) {
    pace_.OnConnected(kStart + seconds(at - 1));
    pace_.OnReceived(model::Lsn{100});
    EXPECT_EQ(Lose(kStart + seconds(at)), Answer::kWarnRetry) << at;
  }
  pace_.OnConnected(kStart + seconds(64));
  EXPECT_EQ(Lose(kStart + seconds(65)), Answer::kGiveUp);
}

TEST_F(ReconnectPaceTest, AConnectionToAnIdleServerThatStoodForLongEndsTheLoss) {
  EXPECT_EQ(Lose(kStart), Answer::kWarnRetry);
  pace_.OnConnected(kStart + seconds(1));
  EXPECT_EQ(Lose(kStart + seconds(3600)), Answer::kWarnRetry);
  EXPECT_EQ(Lose(kStart + seconds(3601)), Answer::kRetry);
}

TEST_F(ReconnectPaceTest, EachLostConnectionIsSaid) {
  EXPECT_EQ(Lose(kStart), Answer::kWarnRetry);
  EXPECT_EQ(Lose(kStart + seconds(1)), Answer::kRetry);
  pace_.OnConnected(kStart + seconds(2));
  EXPECT_EQ(Lose(kStart + seconds(3)), Answer::kWarnRetry);
  EXPECT_EQ(Lose(kStart + seconds(4)), Answer::kRetry);
}

TEST_F(ReconnectPaceTest, AnErrorThatNoRetryCanHelpIsGivenUpAtOnce) {
  EXPECT_EQ(pace_.OnError({model::ErrorKind::kMalformed, "a byte too many"}, kStart),
            Answer::kGiveUp);
}

}  // namespace
}  // namespace lockstep::consumer
