#include "model/shared_bytes.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lockstep::model {
namespace {

TEST(SharedBytesTest, IsOnePointerWide) { EXPECT_EQ(sizeof(SharedBytes), sizeof(void*)); }

TEST(SharedBytesTest, HoldsACopyOfWhatItWasMadeOf) {
  std::string source("a\0b", 3);
  const SharedBytes bytes(source);
  source[0] = 'x';
  EXPECT_EQ(bytes.view(), std::string_view("a\0b", 3));
}

TEST(SharedBytesTest, CopiesShareTheBytesAndOutliveEachOther) {
  std::vector<SharedBytes> copies(1, SharedBytes("row"));
  const char* address = copies[0].view().data();
  for (int i = 0; i < 100; ++i) copies.push_back(copies.front());
  const SharedBytes last = copies.back();
  EXPECT_EQ(last.view().data(), address);
  copies.clear();
  EXPECT_EQ(last.view(), "row");
}

TEST(SharedBytesTest, AMoveLeavesNothingBehindAndTheAddressTheSame) {
  SharedBytes from("row");
  const char* address = from.view().data();
  const SharedBytes to = std::move(from);
  EXPECT_EQ(to.view().data(), address);
  EXPECT_EQ(from.view(), "");  // NOLINT(bugprone-use-after-move)
}

TEST(SharedBytesTest, EmptyIsEmptyHoweverItCame) {
  EXPECT_EQ(SharedBytes(), SharedBytes(""));
  EXPECT_EQ(SharedBytes("").view(), "");
}

TEST(SharedBytesTest, ComparesByItsBytes) {
  EXPECT_EQ(SharedBytes("a"), SharedBytes("a"));
  EXPECT_NE(SharedBytes("a"), SharedBytes("b"));
  EXPECT_LT(SharedBytes("a"), SharedBytes("ab"));
  EXPECT_LT(SharedBytes(), SharedBytes("a"));
}

}  // namespace
}  // namespace lockstep::model
