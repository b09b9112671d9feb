#include "generator/temporal_maker.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace lockstep::generator {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

std::string Interval(std::int64_t months, std::int64_t days, std::int64_t micros) {
  std::string out;
  AppendInterval(months, days, micros, out);
  return out;
}

// Seen on a server: a part that is not negative has a plus after one that is.
TEST(TemporalMakerTest, IntervalsAreWrittenAsPostgresDoes) {
  EXPECT_EQ(Interval(0, 0, 0), "00:00:00");
  EXPECT_EQ(Interval(1, 0, 0), "1 mon");
  EXPECT_EQ(Interval(14, 1, 0), "1 year 2 mons 1 day");
  EXPECT_EQ(Interval(-14, 3, -kSecond), "-1 years -2 mons +3 days -00:00:01");
  EXPECT_EQ(Interval(0, -1, kSecond / 2), "-1 days +00:00:00.5");
  EXPECT_EQ(Interval(-12, 0, 3600 * kSecond), "-1 years +01:00:00");
  EXPECT_EQ(Interval(0, 2, -3661 * kSecond - 1), "2 days -01:01:01.000001");
  EXPECT_EQ(Interval(0, 0, 1'000'000 * (3600 * kSecond)), "1000000:00:00");
}

TEST(TemporalMakerTest, TimesWithZonesHaveManyZones) {
  Random random(5);
  std::set<std::string> zones;
  std::set<std::string> times;
  for (int i = 0; i < 5000; ++i) {
    std::string text;
    AppendTimetz(random, text);
    std::size_t zone = text.find_first_of("+-");
    ASSERT_NE(zone, text.npos) << text;
    zones.insert(text.substr(zone));
    times.insert(text.substr(0, zone));
  }
  for (const char* zone : {"+00", "+05:30", "-08", "-04:56:02"}) {
    EXPECT_TRUE(zones.contains(zone)) << zone;
  }
  EXPECT_TRUE(times.contains("24:00:00") && times.contains("00:00:00"));
}

}  // namespace
}  // namespace lockstep::generator
