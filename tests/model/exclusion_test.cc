#include "model/exclusion.h"

#include <gtest/gtest.h>

#include <set>
#include <string_view>

namespace lockstep::model {
namespace {

// Codes are a contract with users' scripts; the last kind is kUndecided.
TEST(ExclusionTest, EachKindHasACodeOfItsOwnThatLeadsBackToIt) {
  std::set<std::string_view> codes;
  for (int value = 0; value <= static_cast<int>(ExclusionKind::kUndecided); ++value) {
    const auto kind = static_cast<ExclusionKind>(value);
    EXPECT_TRUE(codes.insert(CodeOf(kind)).second) << CodeOf(kind);
    EXPECT_EQ(FindExclusionKind(CodeOf(kind)), kind);
    EXPECT_FALSE(PhraseOf(kind).empty());
  }
  EXPECT_EQ(FindExclusionKind("nothing"), std::nullopt);
}

TEST(ExclusionTest, OnlyWhatCameAndWentOrIsJudgedElsewhereLeavesNothingOut) {
  EXPECT_TRUE(LeavesNothingOut(ExclusionKind::kGone));
  EXPECT_TRUE(LeavesNothingOut(ExclusionKind::kPartitioned));
  EXPECT_FALSE(LeavesNothingOut(ExclusionKind::kUnlogged));
  EXPECT_FALSE(LeavesNothingOut(ExclusionKind::kNotCompared));
}

}  // namespace
}  // namespace lockstep::model
