#include "auditor/schedule.h"

#include <gtest/gtest.h>

namespace lockstep::auditor {
namespace {

using std::chrono::seconds;

TEST(ScheduleTest, IntervalsAreSecondsOrCommits) {
  EXPECT_EQ(ParseInterval("10s"), Interval{.time = seconds(10)});
  EXPECT_EQ(ParseInterval("5000"), Interval{.commits = 5000});
  for (const char* wrong : {"", "s", "0", "0s", "-1", "10 s", "10m", "1e3", "99999999999s"})
    EXPECT_FALSE(ParseInterval(wrong).has_value()) << wrong;
}

TEST(ScheduleTest, TimeMakesItDue) {
  const Schedule::Time start{};
  Schedule schedule({.time = seconds(10)}, start);
  EXPECT_FALSE(schedule.IsDue(1000, start + seconds(9)));
  EXPECT_TRUE(schedule.IsDue(0, start + seconds(10)));
  EXPECT_EQ(schedule.NextDeadline(), start + seconds(10));
  schedule.Restart(0, start + seconds(12));
  EXPECT_FALSE(schedule.IsDue(0, start + seconds(21)));
}

TEST(ScheduleTest, CommitsMakeItDue) {
  const Schedule::Time start{};
  Schedule schedule({.commits = 100}, start);
  EXPECT_FALSE(schedule.IsDue(99, start + seconds(1000)));
  EXPECT_TRUE(schedule.IsDue(100, start));
  EXPECT_EQ(schedule.NextDeadline(), std::nullopt);
  schedule.Restart(130, start);
  EXPECT_FALSE(schedule.IsDue(229, start));
  EXPECT_TRUE(schedule.IsDue(230, start));
}

}  // namespace
}  // namespace lockstep::auditor
