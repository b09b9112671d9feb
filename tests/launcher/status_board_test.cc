#include "launcher/status_board.h"

#include <gtest/gtest.h>

#include <chrono>

namespace lockstep::launcher {
namespace {

using std::chrono::milliseconds;

class StatusBoardTest : public ::testing::Test {
 protected:
  void Hear(const std::string& process, std::uint64_t scripts, int at_ms) {
    board_.Update({process, {{"scripts", scripts}}}, StatusBoard::Time() + milliseconds(at_ms));
  }
  StatusBoard board_;
};

TEST_F(StatusBoardTest, WhatWasNeverHeardIsZero) {
  EXPECT_FALSE(board_.HasHeardOf("generator"));
  EXPECT_EQ(board_.Get("generator", "scripts"), 0u);
  EXPECT_EQ(board_.PerSecond("generator", "scripts"), 0);
  EXPECT_EQ(board_.LagCommits("listener-1"), 0u);
}

TEST_F(StatusBoardTest, TheLastValueCounts) {
  Hear("generator", 10, 0);
  Hear("generator", 30, 250);
  EXPECT_TRUE(board_.HasHeardOf("generator"));
  EXPECT_EQ(board_.Get("generator", "scripts"), 30u);
  EXPECT_EQ(board_.Get("generator", "other"), 0u);
}

TEST_F(StatusBoardTest, TheRateIsThatOfTheLastSeconds) {
  Hear("generator", 0, 0);
  EXPECT_EQ(board_.PerSecond("generator", "scripts"), 0);
  for (int i = 1; i <= 40; ++i)
    Hear("generator", 10'000 + 100u * static_cast<unsigned>(i), 250 * i);
  EXPECT_DOUBLE_EQ(board_.PerSecond("generator", "scripts"), 400);
}

TEST_F(StatusBoardTest, LagIsWhatTheListenerMissesAndNeverNegative) {
  board_.Update({"verifier",
                 {{"wal_lsn", 5000},
                  {"committed", 90},
                  {"listener-1.lsn", 4000},
                  {"listener-1.checked", 80},
                  {"listener-2.lsn", 6000},
                  {"listener-2.checked", 91}}},
                StatusBoard::Time());
  EXPECT_EQ(board_.LagBytes("listener-1"), 1000u);
  EXPECT_EQ(board_.LagCommits("listener-1"), 10u);
  EXPECT_EQ(board_.LagBytes("listener-2"), 0u);
  EXPECT_EQ(board_.LagCommits("listener-2"), 0u);
}

}  // namespace
}  // namespace lockstep::launcher
