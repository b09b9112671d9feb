#include "generator/generated_columns.h"

#include <gtest/gtest.h>

#include "generator/table_maker.h"
#include "model/type_oid.h"

namespace lockstep::generator {
namespace {

namespace type_oid = model::type_oid;

const model::Column kNumber{"n \"u", type_oid::kInt8, "bigint", true};
const model::Column kName{"name", type_oid::kVarchar, "character varying(9)", false};

model::Row Generate(Expression expression, const model::Value& base) {
  model::RowBuilder row;
  AddGenerated(expression, base, row);
  return row.Build();
}

TEST(GeneratedColumnsTest, ValuesAreThoseOfTheExpressions) {
  using model::MakeRow;
  EXPECT_EQ(Generate(Expression::kRemainder, INT64_MIN), MakeRow({std::int64_t{-808 * 7 - 3}}));
  EXPECT_EQ(Generate(Expression::kRemainder, INT64_MAX), MakeRow({std::int64_t{807 * 7 - 3}}));
  EXPECT_EQ(Generate(Expression::kLength, model::Text{"\u00e9\U0001f600 x"}),
            MakeRow({std::int64_t{4}}));
  EXPECT_EQ(Generate(Expression::kQuote, model::Text{"it's"}),
            MakeRow({model::Text{"\u00abit's \"\u00bb"}}));
  EXPECT_EQ(Generate(Expression::kLength, model::Null{}), MakeRow({model::Null{}}));
  EXPECT_EQ(Generate(Expression::kIsNull, model::Null{}), MakeRow({true}));
  EXPECT_EQ(Generate(Expression::kIsNull, model::Text{""}), MakeRow({false}));
}

TEST(GeneratedColumnsTest, GenerationIsFoundFromTheRelation) {
  model::Relation relation{.schema = "s", .name = "t", .columns = {}, .key = {}};
  relation.columns = {MakeGeneratedColumn("a", Expression::kLength, kName), kNumber,
                      MakeGeneratedColumn("b", Expression::kRemainder, kNumber), kName};
  EXPECT_FALSE(FindGeneration(relation, 1));
  EXPECT_EQ(FindGeneration(relation, 0)->base, 3u);
  EXPECT_EQ(FindGeneration(relation, 0)->expression, Expression::kLength);
  EXPECT_EQ(FindGeneration(relation, 2)->base, 1u);
  EXPECT_EQ(relation.columns[2].generated, "\"n \"\"u\"::bigint % 1000 * 7 - 3");
  EXPECT_TRUE(relation.columns[2].not_null);
  EXPECT_FALSE(relation.columns[0].not_null);
  EXPECT_TRUE(MakeGeneratedColumn("c", Expression::kIsNull, kName).not_null);
}

// What a key change and an update of the base column carry.
TEST(GeneratedColumnsTest, AssignmentsOfTheBaseCarryTheGeneratedValue) {
  auto relation = std::make_shared<model::Relation>();
  relation->name = "t";
  relation->columns = {MakeGeneratedColumn("of_key", Expression::kRemainder, kNumber), kNumber,
                       kName, MakeGeneratedColumn("of_name", Expression::kIsNull, kName)};
  relation->key = {1};
  TableMaker table(relation, 1, Random(1));
  Random random(2);
  const model::Cell not_sent = model::NotSent{};
  for (int i = 0; i < 100; ++i) EXPECT_EQ(table.PickUpdate(random), ColumnSet{2});
  EXPECT_EQ(table.WithGenerated({2}), (ColumnSet{2, 3}));

  model::Row row = table.MakeRow(random, {1}, 5);
  EXPECT_TRUE(row.IsComplete());
  model::Row update = table.MakeAssignments(random, {1}, 5, {2}, std::nullopt, false);
  EXPECT_EQ(update.At(0), not_sent);
  EXPECT_TRUE(std::holds_alternative<model::Value>(update.At(3)));
  model::Row move = table.MakeAssignments(random, {1}, 5, {}, 8, false);
  EXPECT_EQ(move.At(3), not_sent);
  const auto key = std::get<std::int64_t>(std::get<model::Value>(move.At(1)));
  EXPECT_EQ(move.At(0), model::Cell(model::Value(key % 1000 * 7 - 3)));
}

}  // namespace
}  // namespace lockstep::generator
