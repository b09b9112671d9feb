#include "model/calendar.h"

#include <gtest/gtest.h>

#include <random>

namespace lockstep::model {
namespace {

// Each pair by `SELECT date '...' - date '2000-01-01'` of PostgreSQL 15.
TEST(CalendarTest, CountsDaysAsPostgresDoes) {
  EXPECT_EQ(DaysOf({2000, 1, 1}), 0);
  EXPECT_EQ(DaysOf({2000, 2, 29}), 59);
  EXPECT_EQ(DaysOf({1999, 12, 31}), -1);
  EXPECT_EQ(DaysOf({1970, 1, 1}), -10957);
  EXPECT_EQ(DaysOf({1900, 3, 1}), -36465);
  EXPECT_EQ(DaysOf({0, 12, 31}), -730120);           // 0001-12-31 BC
  EXPECT_EQ(DaysOf({-4713, 11, 24}), -2451545);      // 4714-11-24 BC, the first
  EXPECT_EQ(DaysOf({294276, 12, 31}), 106751982);    // the last timestamp's
  EXPECT_EQ(DaysOf({5874897, 12, 31}), 2145031948);  // the last
}

TEST(CalendarTest, EveryDayOfEightCenturiesFollowsTheOneBefore) {
  CivilDate date = CivilOf(-250000);
  for (std::int64_t days = -250000; days < 50000; ++days) {
    ASSERT_EQ(DaysOf(date), days);
    const CivilDate next = CivilOf(days + 1);
    const bool next_day = next == CivilDate{date.year, date.month, date.day + 1};
    const bool next_month = next == CivilDate{date.year, date.month + 1, 1};
    const bool next_year =
        date.month == 12 && date.day == 31 && next == CivilDate{date.year + 1, 1, 1};
    ASSERT_TRUE(next_day || next_month || next_year) << days;
    date = next;
  }
}

TEST(CalendarTest, AnyDayThatFitsThirtyTwoBitsComesBack) {
  std::mt19937 random(1);
  for (int i = 0; i < 100'000; ++i) {
    const auto days = static_cast<std::int32_t>(random());
    ASSERT_EQ(DaysOf(CivilOf(days)), days);
  }
}

}  // namespace
}  // namespace lockstep::model
