#include "report/number_text.h"

#include <gtest/gtest.h>

namespace lockstep::report {
namespace {

TEST(NumberTextTest, ThousandsAreGrouped) {
  EXPECT_EQ(Grouped(0), "0");
  EXPECT_EQ(Grouped(999), "999");
  EXPECT_EQ(Grouped(1000), "1,000");
  EXPECT_EQ(Grouped(18446744073709551615u), "18,446,744,073,709,551,615");
}

TEST(NumberTextTest, BytesHaveTheUnitThatFits) {
  EXPECT_EQ(ByteText(0), "0 B");
  EXPECT_EQ(ByteText(999), "999 B");
  EXPECT_EQ(ByteText(12'345), "12.3 kB");
  EXPECT_EQ(ByteText(999'950), "1.0 MB");
  EXPECT_EQ(ByteText(4'000'000'000), "4.0 GB");
}

}  // namespace
}  // namespace lockstep::report
