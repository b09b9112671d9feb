#include "auditor/attempts.h"

#include <gtest/gtest.h>

#include <chrono>

namespace lockstep::auditor {
namespace {

using namespace std::chrono_literals;

constexpr Attempts::Time kStart{1h};

TEST(AttemptsTest, ItIsTriedAgainAfterAPauseUntilItsTimeIsUp) {
  Attempts attempts(30s, 300s);
  EXPECT_LT(attempts.next(), kStart);
  attempts.Begin(true, false, kStart);
  EXPECT_TRUE(attempts.OnFailed(kStart + 1s));
  EXPECT_TRUE(attempts.is_begun());
  EXPECT_EQ(attempts.next(), kStart + 1s + 100ms);
  attempts.Begin(true, false, kStart + 2s);
  EXPECT_TRUE(attempts.OnFailed(kStart + 29s));
  EXPECT_FALSE(attempts.OnFailed(kStart + 30s));
  attempts.End();
  EXPECT_FALSE(attempts.is_begun());
  attempts.Begin(true, false, kStart + 40s);
  EXPECT_TRUE(attempts.OnFailed(kStart + 69s));
}

TEST(AttemptsTest, TheOneAtTheEndHasItsTimeFromItsBeginning) {
  Attempts attempts(30s, 300s);
  attempts.Begin(true, false, kStart);
  EXPECT_TRUE(attempts.OnFailed(kStart + 20s));
  EXPECT_FALSE(attempts.is_at_end());
  attempts.Begin(true, true, kStart + 20s);
  EXPECT_TRUE(attempts.is_at_end());
  EXPECT_TRUE(attempts.OnFailed(kStart + 200s));
  attempts.Begin(true, true, kStart + 200s);
  EXPECT_TRUE(attempts.OnFailed(kStart + 319s));
  EXPECT_FALSE(attempts.OnFailed(kStart + 320s));
}

TEST(AttemptsTest, WhatAFailedOneWasForIsKept) {
  Attempts attempts(30s, 300s);
  attempts.Begin(true, false, kStart);
  EXPECT_TRUE(attempts.OnFailed(kStart));
  attempts.Begin(false, false, kStart);
  EXPECT_TRUE(attempts.compares());
  attempts.End();
  attempts.Begin(false, false, kStart);
  EXPECT_FALSE(attempts.compares());
}

TEST(AttemptsTest, ThePauseGrowsUpToABoundAndBeginsAnew) {
  Attempts attempts(30s, 300s);
  attempts.Begin(true, false, kStart);
  for (const auto expected : {100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 5000ms, 5000ms}) {
    attempts.OnFailed(kStart);
    EXPECT_EQ(attempts.next() - kStart, expected);
  }
  attempts.End();
  attempts.OnFailed(kStart);
  EXPECT_EQ(attempts.next() - kStart, 100ms);
}

TEST(AttemptsTest, WhatCouldNotBeHadIsReadAfterAPauseThatGrowsUntilAllIs) {
  Attempts attempts(30s, 300s);
  for (const auto expected : {100ms, 200ms, 400ms}) {
    attempts.Begin(true, false, kStart);
    attempts.EndPartly(kStart);
    EXPECT_FALSE(attempts.is_begun());
    EXPECT_FALSE(attempts.compares());
    EXPECT_EQ(attempts.next() - kStart, expected);
  }
  attempts.Begin(false, false, kStart);
  attempts.End();
  attempts.EndPartly(kStart);
  EXPECT_EQ(attempts.next() - kStart, 100ms);
}

TEST(AttemptsTest, TheEndBeganWithTheFirstOneThere) {
  Attempts attempts(30s, 300s);
  attempts.Begin(true, false, kStart);
  attempts.Begin(true, true, kStart + 5s);
  attempts.End();
  attempts.Postpone(kStart + 7s);
  EXPECT_EQ(attempts.next(), kStart + 7s);
  attempts.Begin(true, true, kStart + 9s);
  EXPECT_EQ(attempts.end_began(), kStart + 5s);
}

// A workload that makes tables all the time lets very many fail, each at once.
TEST(AttemptsTest, LocksAreWaitedForLongerEachTimeUpToABound) {
  Attempts attempts(30s, 300s);
  attempts.Begin(true, false, kStart);
  for (const auto expected : {1s, 2s, 4s, 8s, 8s}) {
    EXPECT_EQ(attempts.lock_timeout(), expected);
    EXPECT_TRUE(attempts.OnFailed(kStart));
  }
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(attempts.OnFailed(kStart));
  EXPECT_EQ(attempts.lock_timeout(), 8s);
  attempts.End();
  EXPECT_EQ(attempts.lock_timeout(), 1s);
}

}  // namespace
}  // namespace lockstep::auditor
