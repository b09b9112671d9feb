#include "replication/pgoutput_relation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "model/type_oid.h"

namespace lockstep::replication {
namespace {

using model::ErrorKind;
using model::Oid;
using model::Relation;
using model::ReplicaIdentity;
using model::TypeCatalog;
using testing::ElementsAre;
using testing::HasSubstr;
namespace type_oid = model::type_oid;

constexpr Oid kPositive{16'400};  // a domain over int4
constexpr Oid kNewer{16'500};     // in no catalog

TypeCatalog Types() {
  return TypeCatalog({{kPositive, model::TypeKind::kDomain, type_oid::kInt4, "public.positive"}});
}

// t(a integer, made integer generated, b public.positive, c text), key (b, a).
model::RelationPtr Known() {
  return std::make_shared<const Relation>(
      Relation{.schema = "public",
               .name = "t",
               .columns = {{"a", type_oid::kInt4, "integer", true},
                           {"made", type_oid::kInt4, "integer", false, "a + 1"},
                           {"b", type_oid::kInt4, "public.positive", true},
                           {"c", type_oid::kText, "text"}},
               .key = {2, 0}});
}

SentRelation Sent() {
  return {"public",
          "t",
          ReplicaIdentity::kDefault,
          {{"a", type_oid::kInt4, -1, true},
           {"b", kPositive, -1, true},
           {"c", type_oid::kText, -1, false}}};
}

TEST(PgoutputRelationTest, WhatFitsIsTheKnownRelationItselfWithoutGeneratedColumns) {
  const auto known = Known();
  const auto table = MatchRelation(Sent(), known, Types());
  ASSERT_TRUE(table.has_value());
  EXPECT_EQ(table->relation, known);
  EXPECT_EQ(table->sent_columns, 3u);
  EXPECT_THAT(table->positions, ElementsAre(0, std::nullopt, 1, 2));
  EXPECT_THAT(table->in_identity, ElementsAre(true, false, true, false));
}

// PostgreSQL 18 can publish them.
TEST(PgoutputRelationTest, AGeneratedColumnThatIsSentIsRead) {
  SentRelation sent = Sent();
  sent.columns.insert(sent.columns.begin() + 1, {"made", type_oid::kInt4, -1, false});
  const auto known = Known();
  const auto table = MatchRelation(sent, known, Types());
  ASSERT_TRUE(table.has_value());
  EXPECT_EQ(table->relation, known);
  EXPECT_THAT(table->positions, ElementsAre(0, 1, 2, 3));
}

TEST(PgoutputRelationTest, ADomainFitsByItsBaseAndAnUnknownTypeDoesNot) {
  SentRelation sent = Sent();
  sent.columns[1].type = type_oid::kInt4;  // no domain any more: the values are the same
  EXPECT_EQ(MatchRelation(sent, Known(), Types())->relation->columns, Known()->columns);
  sent.columns[1].type = kNewer;
  const auto table = MatchRelation(sent, Known(), Types());
  ASSERT_FALSE(table.has_value());
  EXPECT_EQ(table.error().kind, ErrorKind::kMisfit);
  EXPECT_THAT(table.error().message, HasSubstr("column b has a type (OID 16500)"));
  // Without the database's types a user's OID can be any domain.
  const auto known = Known();
  EXPECT_EQ(MatchRelation(sent, known, TypeCatalog())->relation, known);
}

TEST(PgoutputRelationTest, AKeyThatIsToldWinsAndOneThatIsNotStays) {
  SentRelation sent = Sent();
  sent.identity = ReplicaIdentity::kFull;
  for (SentColumn& column : sent.columns) column.in_identity = true;
  EXPECT_THAT(MatchRelation(sent, Known(), Types())->relation->key, ElementsAre(2, 0));
  sent = Sent();
  sent.identity = ReplicaIdentity::kIndex;
  sent.columns[0].in_identity = false;
  sent.columns[1].in_identity = false;
  sent.columns[2].in_identity = true;
  EXPECT_THAT(MatchRelation(sent, Known(), Types())->relation->key, ElementsAre(3));
  sent.identity = ReplicaIdentity::kNothing;
  sent.columns[2].in_identity = false;
  EXPECT_THAT(MatchRelation(sent, Known(), Types())->relation->key, ElementsAre(2, 0));
  sent = Sent();
  std::swap(sent.columns[0], sent.columns[2]);  // dropped and made again
  EXPECT_THAT(MatchRelation(sent, Known(), Types())->relation->key, ElementsAre(1, 2));
}

TEST(PgoutputRelationTest, AKeyWithAGeneratedColumnCannotBeFollowed) {
  Relation relation = *Known();
  relation.key = {0, 1};
  const auto known = std::make_shared<const Relation>(std::move(relation));
  SentRelation sent = Sent();
  sent.columns[0].in_identity = false;
  sent.columns[1].in_identity = false;
  const auto table = MatchRelation(sent, known, Types());
  ASSERT_FALSE(table.has_value());
  EXPECT_EQ(table.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(table.error().message, HasSubstr("column made of the key is not shown as it is"));
}

}  // namespace
}  // namespace lockstep::replication
