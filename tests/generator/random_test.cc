#include "generator/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace lockstep::generator {
namespace {

// Written down once: any change of these numbers changes every workload.
TEST(RandomTest, NumbersAreTheSameEverywhere) {
  Random random(42);
  EXPECT_EQ(random.Next(), 1546998764402558742u);
  EXPECT_EQ(random.Next(), 6990951692964543102u);
  EXPECT_EQ(random.Below(1000), 680u);
}

TEST(RandomTest, StreamsDependOnNameAndNumberOnly) {
  Random a(1);
  Random b(1);
  b.Next();
  EXPECT_EQ(a.Stream("x", 3).Next(), b.Stream("x", 3).Next());
  EXPECT_NE(a.Stream("x", 3).Next(), a.Stream("x", 4).Next());
  EXPECT_NE(a.Stream("x", 3).Next(), a.Stream("y", 3).Next());
  EXPECT_NE(a.Stream("x", 3).Next(), Random(2).Stream("x", 3).Next());
}

TEST(RandomTest, BoundsAreKeptAndReached) {
  Random random(7);
  std::array<int, 5> seen = {};
  for (int i = 0; i < 10'000; ++i) ++seen[random.Below(5)];
  for (int count : seen) EXPECT_NEAR(count, 2000, 200);
  bool low = false;
  bool high = false;
  for (int i = 0; i < 1000; ++i) {
    std::int64_t number = random.Between(-3, 3);
    ASSERT_GE(number, -3);
    ASSERT_LE(number, 3);
    low |= number == -3;
    high |= number == 3;
  }
  EXPECT_TRUE(low && high);
  EXPECT_EQ(random.Between(5, 5), 5);
  random.Between(INT64_MIN, INT64_MAX);
}

TEST(RandomTest, WeightsAreShares) {
  Random random(7);
  static constexpr std::uint32_t kWeights[] = {0, 1, 3, 0};
  std::array<int, 4> seen = {};
  for (int i = 0; i < 10'000; ++i) ++seen[random.PickWeighted(kWeights)];
  EXPECT_EQ(seen[0] + seen[3], 0);
  EXPECT_NEAR(seen[2], 7500, 300);
}

TEST(RandomTest, ShuffleKeepsItems) {
  Random random(3);
  std::vector<int> items = {1, 2, 3, 4, 5, 6, 7, 8};
  std::vector<int> shuffled = items;
  random.Shuffle(shuffled);
  EXPECT_NE(shuffled, items);
  std::sort(shuffled.begin(), shuffled.end());
  EXPECT_EQ(shuffled, items);
}

}  // namespace
}  // namespace lockstep::generator
