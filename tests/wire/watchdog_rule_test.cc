#include "wire/watchdog_rule.h"

#include <gtest/gtest.h>

#include <chrono>

namespace lockstep::wire {
namespace {

using Action = WatchdogRule::Action;
using std::chrono::milliseconds;
using std::chrono::seconds;

class WatchdogRuleTest : public ::testing::Test {
 protected:
  // After so long, and with what the process has shown until then.
  Action At(seconds elapsed) { return rule_.Tick(seen_, start_ + elapsed); }
  void Answer(seconds elapsed) { seen_.answered = start_ + elapsed; }

  const WatchdogRule::Time start_{seconds(1'000)};
  WatchdogRule rule_{{.stop_signals = 2,
                      .interrupt = seconds(5),
                      .end = seconds(8),
                      .finishing_interrupt = seconds(60),
                      .finishing_end = seconds(70),
                      .orphaned = seconds(10)}};
  WatchdogRule::Seen seen_{.answered = start_};
};

TEST_F(WatchdogRuleTest, WhoWasNotAskedToStopIsLeftAlone) {
  EXPECT_EQ(At(seconds(1'000)), Action::kNone);
  EXPECT_FALSE(rule_.wants_answer());
}

TEST_F(WatchdogRuleTest, ASilentOneIsInterruptedOnceAndThenEnded) {
  seen_.signals = 2;
  EXPECT_EQ(At(seconds(0)), Action::kNone);
  EXPECT_TRUE(rule_.wants_answer());
  EXPECT_EQ(At(seconds(4)), Action::kNone);
  EXPECT_EQ(At(seconds(5)), Action::kInterrupt);
  EXPECT_EQ(At(seconds(6)), Action::kNone);
  EXPECT_EQ(At(seconds(8)), Action::kEnd);
}

TEST_F(WatchdogRuleTest, OneThatAnswersGoesOnAsLongAsItTakes) {
  seen_.signals = 2;
  for (int second = 0; second < 100; second += 2) {
    Answer(seconds(second));
    EXPECT_EQ(At(seconds(second)), Action::kNone) << second;
  }
  EXPECT_EQ(At(seconds(98 + 5)), Action::kInterrupt);
  EXPECT_EQ(At(seconds(98 + 8)), Action::kEnd);
}

TEST_F(WatchdogRuleTest, OneMoreSignalInterruptsOnceMore) {
  seen_.signals = 2;
  EXPECT_EQ(At(seconds(0)), Action::kNone);
  EXPECT_EQ(At(seconds(5)), Action::kInterrupt);
  seen_.signals = 3;
  EXPECT_EQ(At(seconds(6)), Action::kNone);
  EXPECT_EQ(At(seconds(8)), Action::kEnd);
}

TEST_F(WatchdogRuleTest, OneThatIsToFinishMayComputeAndHasMorePatience) {
  seen_.signals = 1;
  EXPECT_EQ(At(seconds(0)), Action::kNone);
  EXPECT_EQ(At(seconds(59)), Action::kNone);
  seen_.cpu = milliseconds(500);
  EXPECT_EQ(At(seconds(60)), Action::kNone);
  seen_.cpu += milliseconds(20);  // as who polls
  EXPECT_EQ(At(seconds(120)), Action::kInterrupt);
  EXPECT_EQ(At(seconds(130)), Action::kEnd);
}

TEST_F(WatchdogRuleTest, OneThatIsToStopIsEndedAlsoWhileItComputes) {
  seen_.signals = 2;
  for (int second = 0; second < 8; ++second) {
    seen_.cpu = seconds(second);
    EXPECT_NE(At(seconds(second)), Action::kEnd);
  }
  EXPECT_EQ(At(seconds(8)), Action::kEnd);
}

TEST_F(WatchdogRuleTest, WithoutALauncherNobodyLivesLong) {
  seen_.launcher_is_gone = true;
  for (int second = 0; second < 10; ++second) {
    Answer(seconds(second));
    EXPECT_EQ(At(seconds(second)), Action::kNone) << second;
  }
  Answer(seconds(10));
  EXPECT_EQ(At(seconds(10)), Action::kEnd);
}

}  // namespace
}  // namespace lockstep::wire
