#include "replication/relation_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "model/relation.h"
#include "model/type_catalog.h"
#include "replication/sql_name.h"

namespace lockstep::replication {
namespace {

using model::ErrorKind;
using model::Relation;
using testing::AllOf;
using testing::HasSubstr;

model::RelationPtr Table(const char* schema, const char* name) {
  Relation relation;
  relation.schema = schema;
  relation.name = name;
  return std::make_shared<const Relation>(std::move(relation));
}

TEST(RelationMapTest, AFollowedTableIsFoundByItsExactName) {
  const auto upper = Table("s", "T");
  const auto lower = Table("s", "t");
  const auto other = Table("S", "t");
  const RelationMap map({upper, lower, other});
  EXPECT_EQ(map.Find({"s", "T"}), upper);
  EXPECT_EQ(map.Find({"s", "t"}), lower);
  EXPECT_EQ(map.Find({"S", "t"}), other);
}

TEST(RelationMapTest, ATableOfAnotherSchemaIsNotFollowed) {
  const RelationMap map({Table("s", "t")});
  EXPECT_EQ(map.Find({"public", "t"}), nullptr);
  EXPECT_EQ(RelationMap({}).Find({"s", "t"}), nullptr);
}

TEST(RelationMapTest, AnUnknownTableOfAFollowedSchemaIsAMisfitThatNamesIt) {
  const RelationMap map({Table("s", "t")});
  auto relation = map.Find({"s", "New one"});
  ASSERT_FALSE(relation.has_value());
  EXPECT_EQ(relation.error().kind, ErrorKind::kMisfit);
  EXPECT_THAT(relation.error().message,
              AllOf(HasSubstr("s.\"New one\""), HasSubstr("attach again")));
}

// Whoever installs the triggers later makes it.
TEST(RelationMapTest, ALogOfTruncationsIsNotFollowedAlsoWhereItIsNew) {
  const auto log = Table("s", "lockstep_truncation");
  const RelationMap known({Table("s", "t"), log});
  EXPECT_EQ(known.Find({"s", "lockstep_truncation"}), nullptr);
  EXPECT_EQ(known.FindTruncationLog({"s", "lockstep_truncation"}), log);
  const RelationMap late({Table("s", "t")});
  EXPECT_EQ(late.Find({"s", "lockstep_truncation"}), nullptr);
  EXPECT_EQ(late.FindTruncationLog({"s", "lockstep_truncation"}), nullptr);
}

TEST(RelationMapTest, AnUnknownTableIsAMisfitWhereItWouldBeCovered) {
  const RelationMap map({Table("s", "t")}, std::make_shared<const model::TypeCatalog>(),
                        [](const QualifiedName& table) { return table.name == "wanted"; });
  EXPECT_EQ(map.Find({"s", "other"}), nullptr);
  EXPECT_FALSE(map.Find({"s", "wanted"}).has_value());
  EXPECT_FALSE(map.Find({"u", "wanted"}).has_value());
  EXPECT_TRUE(map.Find({"s", "t"}).value() != nullptr);
}

}  // namespace
}  // namespace lockstep::replication
