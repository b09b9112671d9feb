#include "model/sabotage_kind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string_view>

namespace lockstep::model {
namespace {

using ::testing::HasSubstr;

TEST(SabotageKindTest, EveryKindIsFoundByItsName) {
  std::set<std::string_view> names;
  for (const SabotageKind kind : SabotageKinds()) {
    EXPECT_EQ(ParseSabotageKind(NameOf(kind)), kind);
    names.insert(NameOf(kind));
  }
  EXPECT_EQ(names.size(), 8u);
  EXPECT_EQ(ParseSabotageKind("stale-key"), SabotageKind::kStaleKey);
}

TEST(SabotageKindTest, AnUnknownNameIsAUsageErrorThatListsTheKinds) {
  const auto unknown = ParseSabotageKind("dropchange");
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().kind, ErrorKind::kUsage);
  EXPECT_THAT(unknown.error().message,
              HasSubstr("no kind of sabotage \"dropchange\"; choose one of drop-change, dupl"));
}

}  // namespace
}  // namespace lockstep::model
