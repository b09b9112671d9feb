#include "model/lsn.h"

#include <gtest/gtest.h>

namespace lockstep::model {
namespace {

TEST(LsnTest, PrintsAsPostgresDoes) {
  EXPECT_EQ(ToString(Lsn{}), "0/0");
  EXPECT_EQ(ToString(Lsn{0x16B374D848}), "16/B374D848");
  EXPECT_EQ(ToString(Lsn{UINT64_MAX}), "FFFFFFFF/FFFFFFFF");
}

TEST(LsnTest, ParsesWhatItPrints) {
  for (std::uint64_t value : {0ull, 1ull, 0x16B374D848ull, ~0ull}) {
    EXPECT_EQ(ParseLsn(ToString(Lsn{value})), Lsn{value});
  }
  EXPECT_EQ(ParseLsn("16/b374d848"), Lsn{0x16B374D848});
}

TEST(LsnTest, RefusesWhatIsNotAnLsn) {
  for (const char* text :
       {"", "/", "1", "1/", "/1", "1/2/3", "1/123456789", "-1/0", "0x1/0", "1/G", " 1/0"}) {
    auto lsn = ParseLsn(text);
    ASSERT_FALSE(lsn.has_value()) << text;
    EXPECT_EQ(lsn.error().kind, ErrorKind::kMalformed);
  }
}

TEST(LsnTest, OrdersByPosition) { EXPECT_LT(Lsn{0xFFFFFFFF}, Lsn{0x100000000}); }

}  // namespace
}  // namespace lockstep::model
