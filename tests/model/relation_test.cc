#include "model/relation.h"

#include <gtest/gtest.h>

#include "model/type_oid.h"

namespace lockstep::model {
namespace {

// Three columns a, b, c with this key.
Relation WithKey(std::vector<std::uint32_t> key) {
  return {.schema = "public",
          .name = "t",
          .columns = {{"a", type_oid::kText, "text"},
                      {"b", type_oid::kText, "text"},
                      {"c", type_oid::kText, "text"}},
          .key = std::move(key)};
}

const Row& RowOfThree() {
  static const Row kRow = MakeRow({Text{"A"}, Text{"B"}, Text{"C"}});
  return kRow;
}

TEST(RelationTest, KeyComesInKeyOrder) {
  EXPECT_EQ(WithKey({1}).KeyOf(RowOfThree()), MakeRow({Text{"B"}}));
  EXPECT_EQ(WithKey({2, 0}).KeyOf(RowOfThree()), MakeRow({Text{"C"}, Text{"A"}}));
}

TEST(RelationTest, WithoutIdentityTheKeyIsEmpty) {
  EXPECT_EQ(WithKey({}).KeyOf(RowOfThree()), Row());
}

TEST(RelationTest, CellsThatAreNoValuesStayInTheKey) {
  RowBuilder builder;
  builder.Add(Cell(Unchanged{}));
  builder.Add(Cell(NotInIdentity{}));
  builder.Add(Cell(NotSent{}));
  const Row key = WithKey({2, 0}).KeyOf(builder.Build());
  EXPECT_EQ(key.At(0), Cell(NotSent{}));
  EXPECT_EQ(key.At(1), Cell(Unchanged{}));
}

TEST(RelationTest, KnowsItsVirtualColumns) {
  Relation relation = WithKey({});
  EXPECT_FALSE(relation.IsVirtualColumn("a"));
  relation.virtual_columns = {"v"};
  EXPECT_TRUE(relation.IsVirtualColumn("v"));
  EXPECT_FALSE(relation.IsVirtualColumn("a"));
}

TEST(RelationTest, KnowsItsKeyColumns) {
  const Relation relation = WithKey({2, 0});
  EXPECT_TRUE(relation.IsKeyColumn(0));
  EXPECT_FALSE(relation.IsKeyColumn(1));
  EXPECT_TRUE(relation.IsKeyColumn(2));
}

TEST(RelationTest, QuotesNamesOnlyWherePostgresWould) {
  EXPECT_EQ(QuoteIfNeeded("t_1"), "t_1");
  EXPECT_EQ(QuoteIfNeeded("_"), "_");
  EXPECT_EQ(QuoteIfNeeded("Order"), "\"Order\"");
  EXPECT_EQ(QuoteIfNeeded("1st"), "\"1st\"");
  EXPECT_EQ(QuoteIfNeeded("a b"), "\"a b\"");
  EXPECT_EQ(QuoteIfNeeded("k\xc3\xa4se"), "\"k\xc3\xa4se\"");
  EXPECT_EQ(QuoteIfNeeded(""), "\"\"");
  EXPECT_EQ((Relation{.schema = "public", .name = "T q"}.QualifiedName()), "public.\"T q\"");
}

TEST(RelationTest, QuotesInsideAreDoubled) {
  EXPECT_EQ(SqlIdentifier("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(SqlLiteral("it's"), "'it''s'");
  EXPECT_EQ(SqlLiteral(""), "''");
}

}  // namespace
}  // namespace lockstep::model
