#include "replication/relation_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/ids.h"
#include "model/relation.h"
#include "model/type_catalog.h"
#include "replication/follow_policy.h"
#include "replication/sql_name.h"

namespace lockstep::replication {
namespace {

using model::ErrorKind;
using model::Relation;
using testing::AllOf;
using testing::ElementsAre;
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
  RelationMap map({upper, lower, other});
  EXPECT_EQ(map.Find({{"s", "T"}, model::Xid{7}}), upper);
  EXPECT_EQ(map.Find({{"s", "t"}, model::Xid{7}}), lower);
  EXPECT_EQ(map.Find({{"S", "t"}, model::Xid{7}}), other);
}

TEST(RelationMapTest, ATableOfAnotherSchemaIsNotFollowed) {
  RelationMap map({Table("s", "t")});
  EXPECT_EQ(map.Find({{"public", "t"}, model::Xid{7}}), nullptr);
  EXPECT_EQ(RelationMap({}).Find({{"s", "t"}, model::Xid{7}}), nullptr);
}

TEST(RelationMapTest, AnUnknownTableOfAFollowedSchemaIsAMisfitThatNamesIt) {
  RelationMap map({Table("s", "t")});
  auto relation = map.Find({{"s", "New one"}, model::Xid{7}});
  ASSERT_FALSE(relation.has_value());
  EXPECT_EQ(relation.error().kind, ErrorKind::kMisfit);
  EXPECT_THAT(relation.error().message,
              AllOf(HasSubstr("s.\"New one\""), HasSubstr("attach again")));
}

// Whoever installs the triggers later makes it.
TEST(RelationMapTest, ALogOfTruncationsIsNotFollowedAlsoWhereItIsNew) {
  const auto log = Table("s", "lockstep_truncation");
  RelationMap known({Table("s", "t"), log});
  EXPECT_EQ(known.Find({{"s", "lockstep_truncation"}, model::Xid{7}}), nullptr);
  EXPECT_EQ(known.FindTruncationLog({"s", "lockstep_truncation"}), log);
  RelationMap late({Table("s", "t")});
  EXPECT_EQ(late.Find({{"s", "lockstep_truncation"}, model::Xid{7}}), nullptr);
  EXPECT_EQ(late.FindTruncationLog({"s", "lockstep_truncation"}), nullptr);
}

TEST(RelationMapTest, AnUnknownTableIsAMisfitWhereItWouldBeCovered) {
  RelationMap map({Table("s", "t")}, std::make_shared<const model::TypeCatalog>(),
                  [](const QualifiedName& table) { return table.name == "wanted"; });
  EXPECT_EQ(map.Find({{"s", "other"}, model::Xid{7}}), nullptr);
  EXPECT_FALSE(map.Find({{"s", "wanted"}, model::Xid{7}}).has_value());
  EXPECT_FALSE(map.Find({{"u", "wanted"}, model::Xid{7}}).has_value());
  EXPECT_TRUE(map.Find({{"s", "t"}, model::Xid{7}}).value() != nullptr);
}

// A table that came into being is asked for once, with the transaction that changes it.
TEST(RelationMapTest, ANewTableIsWhatTheHostSaysItIs) {
  const auto made = Table("s", "made");
  std::vector<model::Xid> asked;
  RelationMap map({Table("s", "t")}, std::make_shared<const model::TypeCatalog>(), nullptr,
                  FollowPolicy::kSetAside, [&](const Encounter& met) {
                    asked.push_back(met.xid);
                    return met.name.name == "made"       ? std::optional(NewTable{made})
                           : met.name.name == "unlogged" ? std::optional(NewTable{nullptr})
                                                         : std::nullopt;
                  });
  EXPECT_EQ(map.Find({{"s", "made"}, model::Xid{7}}), made);
  EXPECT_EQ(map.Find({{"s", "made"}, model::Xid{8}}), made);
  EXPECT_FALSE(map.Find({{"s", "other"}, model::Xid{9}}).has_value());
  EXPECT_EQ(map.Find({{"s", "unlogged"}, model::Xid{10}}), nullptr);
  EXPECT_EQ(map.Find({{"u", "t"}, model::Xid{11}}), nullptr);
  EXPECT_THAT(asked, ElementsAre(model::Xid{7}, model::Xid{9}, model::Xid{10}));
}

TEST(RelationMapTest, AnotherTableOfAKnownNameTakesItsPlace) {
  const auto first = Table("s", "t");
  const auto second = Table("s", "t");
  RelationMap map({first}, std::make_shared<const model::TypeCatalog>(), nullptr,
                  FollowPolicy::kSetAside, [&](const Encounter&) {
                    return NewTable{second, std::make_shared<const model::TypeCatalog>()};
                  });
  EXPECT_EQ(map.Find({{"s", "t"}, model::Xid{7}}), first);
  const model::TypeCatalog* types = &map.types();
  EXPECT_EQ(map.FindMadeAnew({{"s", "t"}, model::Xid{8}}), second);
  EXPECT_NE(&map.types(), types);
  EXPECT_EQ(map.Find({{"s", "t"}, model::Xid{8}}), second);
}

// Of a table that is changed by a key which it was not known to have: asked once.
TEST(RelationMapTest, ATableThatGotAKeyIsKnownWithItFromThereOn) {
  const auto keyless = [](const char* name) {
    model::Relation relation = *Table("s", name);
    relation.key.clear();
    return std::make_shared<const model::Relation>(std::move(relation));
  };
  model::Relation keyed = *Table("s", "t");
  keyed.key = {0};
  const auto has_key = std::make_shared<const model::Relation>(std::move(keyed));
  std::vector<std::string> asked;
  RelationMap map({keyless("t"), keyless("none"), keyless("other")},
                  std::make_shared<const model::TypeCatalog>(), nullptr, FollowPolicy::kSetAside,
                  nullptr, [&](const Encounter& met) -> model::RelationPtr {
                    asked.push_back(met.name.name);
                    if (met.name.name == "t") return has_key;
                    if (met.name.name == "none") return keyless("none");
                    model::Relation wider = *has_key;
                    wider.columns.push_back({.name = "more"});
                    return std::make_shared<const model::Relation>(std::move(wider));
                  });
  const auto find = [&](const char* name) {
    const Encounter met{{"s", name}, model::Xid{7}};
    return map.FindKeyed(met, map.Find(met).value());
  };
  EXPECT_EQ(find("t"), has_key);
  EXPECT_EQ(map.Find({{"s", "t"}, model::Xid{8}}), has_key);
  for (const char* name : {"t", "none", "none", "other", "other"}) EXPECT_EQ(find(name), nullptr);
  EXPECT_THAT(asked, ElementsAre("t", "none", "other"));
}

}  // namespace
}  // namespace lockstep::replication
