// A script from outside is executed only when every operation of it fits the catalog.
#include "model/fits.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/type_oid.h"

namespace lockstep::model {
namespace {

constexpr std::uint32_t kParts = 1;  // (site text, number int8, note text null, weight float8)
constexpr std::uint32_t kKinds = 2;  // one column of each kind behind an id

Catalog MakeCatalog() {
  Catalog catalog{.schema = "s", .sessions = 2, .tables = {MakeSessionRelation("s")}};
  catalog.tables.push_back(std::make_shared<const Relation>(
      Relation{.schema = "s",
               .name = "parts",
               .columns = {{"site", type_oid::kText, "text", true},
                           {"number", type_oid::kInt8, "bigint", true},
                           {"note", type_oid::kText, "text"},
                           {"weight", type_oid::kFloat8, "double precision", true}},
               .key = {1, 0}}));
  Relation kinds{.schema = "s", .name = "kinds", .key = {0}};
  kinds.columns.push_back({"id", type_oid::kInt4, "integer", true});
  using namespace type_oid;
  for (Oid type : {kBool, kInt2, kInt4, kInt8, kFloat4, kFloat8, kNumeric, kText, kVarchar, kUuid,
                   kBytea, kDate, kTime, kTimestamp, kTimestamptz, kJsonb}) {
    kinds.columns.push_back({"c" + std::to_string(type.value), type, "jsonb"});
  }
  catalog.tables.push_back(std::make_shared<const Relation>(std::move(kinds)));
  return catalog;
}

Row Cells(const std::vector<Cell>& cells) {
  RowBuilder builder;
  for (const Cell& cell : cells) builder.Add(cell);
  return builder.Build();
}

const Value kNull = Null{};
const Cell kNotSent = NotSent{};
Row Part(std::int64_t number) { return MakeRow({Text{"a"}, number, Text{"n"}, 1.5}); }
Row PartKey(std::int64_t number) { return MakeRow({number, Text{"a"}}); }
UpdateRow Update(const std::vector<Cell>& cells) { return {kParts, PartKey(1), Cells(cells)}; }

std::vector<Value> OneOfEachKind() {
  constexpr std::int64_t kOne = 1;
  return {kOne,
          true,
          kOne,
          kOne,
          kOne,
          1.0,
          1.0,
          Numeric{"1"},
          Text{"a"},
          Text{},
          Uuid{},
          Bytes{},
          Date{},
          Time{},
          Timestamp{},
          Timestamp{},
          Other{"jsonb", "{}"}};
}

class FitsTest : public testing::Test {
 protected:
  bool Fit(std::vector<Operation> operations, SessionId session = {1}) {
    return Fits(Script{{7}, session, std::move(operations)}, catalog_);
  }
  const Catalog catalog_ = MakeCatalog();
};

TEST_F(FitsTest, WhatTheGeneratorMakesFits) {
  EXPECT_TRUE(Fit({}));
  EXPECT_TRUE(Fit(
      {InsertRow{kParts, Part(1)}, UpsertRow{kParts, Part(2), {2, 3}},
       Update({kNotSent, kNotSent, Cell(kNull), Cell(Value(2.5))}), DeleteRow{kParts, PartKey(1)}},
      {2}));
}

TEST_F(FitsTest, TheSessionIsOneOfTheCatalogs) {
  EXPECT_FALSE(Fit({}, {0}));
  EXPECT_FALSE(Fit({}, {3}));
}

TEST_F(FitsTest, TheTableIsOneOfTheCatalogsAndNotTheSessionTable) {
  for (std::uint32_t table : {kSessionTable, std::uint32_t{3}, UINT32_MAX}) {
    EXPECT_FALSE(Fit({InsertRow{table, Part(1)}}));
    EXPECT_FALSE(Fit({UpsertRow{table, Part(1), {2}}}));
    EXPECT_FALSE(Fit({UpdateRow{table, PartKey(1), Part(1)}}));
    EXPECT_FALSE(Fit({DeleteRow{table, PartKey(1)}}));
  }
  EXPECT_FALSE(Fit({DeleteRow{kSessionTable, MakeRow({std::int64_t{1}})}}));
}

TEST_F(FitsTest, ARowHasAsManyColumnsAsItsTable) {
  const Row narrow = MakeRow({Text{"a"}, std::int64_t{1}, Text{"n"}});
  const Row wide = MakeRow({Text{"a"}, std::int64_t{1}, Text{"n"}, 1.5, true});
  for (const Row& row : {Row(), narrow, wide}) {
    EXPECT_FALSE(Fit({InsertRow{kParts, row}}));
    EXPECT_FALSE(Fit({UpsertRow{kParts, row, {2}}}));
    EXPECT_FALSE(Fit({UpdateRow{kParts, PartKey(1), row}}));
  }
}

TEST_F(FitsTest, EachTypeTakesItsKindAndNoOther) {
  const std::vector<Value> right = OneOfEachKind();
  ASSERT_TRUE(Fit({InsertRow{kKinds, MakeRow(right)}}));
  for (std::size_t column = 0; column < right.size(); ++column) {
    for (const Value& value : right) {
      std::vector<Value> row = right;
      row[column] = value;
      EXPECT_EQ(Fit({InsertRow{kKinds, MakeRow(row)}}), value.index() == right[column].index())
          << "column " << column << ", kind " << value.index();
    }
  }
}

TEST_F(FitsTest, NullStandsOnlyWhereTheColumnAllowsIt) {
  EXPECT_TRUE(Fit({InsertRow{kParts, MakeRow({Text{"a"}, std::int64_t{1}, kNull, 1.5})}}));
  EXPECT_FALSE(Fit({InsertRow{kParts, MakeRow({Text{"a"}, std::int64_t{1}, kNull, kNull})}}));
  EXPECT_FALSE(Fit({InsertRow{kParts, MakeRow({kNull, std::int64_t{1}, kNull, 1.5})}}));
  EXPECT_FALSE(Fit({Update({kNotSent, kNotSent, kNotSent, Cell(kNull)})}));
}

TEST_F(FitsTest, OnlyAssignmentsLeaveColumnsOut) {
  EXPECT_TRUE(Fit({Update({kNotSent, kNotSent, kNotSent, kNotSent})}));
  EXPECT_FALSE(Fit({Update({kNotSent, kNotSent, kNotSent, Cell(Unchanged{})})}));
  EXPECT_FALSE(Fit({Update({kNotSent, kNotSent, kNotSent, Cell(NotInIdentity{})})}));
  const Row holes = Cells({Value(Text{"a"}), Value(std::int64_t{1}), kNotSent, Value(1.5)});
  EXPECT_FALSE(Fit({InsertRow{kParts, holes}}));
  EXPECT_FALSE(Fit({UpsertRow{kParts, holes, {2}}}));
}

TEST_F(FitsTest, AKeyHasTheKeyColumnsInKeyOrder) {
  constexpr std::int64_t kOne = 1;
  for (const Row& key :
       {Row(), MakeRow({kOne}), MakeRow({Text{"a"}, kOne}), MakeRow({kOne, Text{"a"}, kOne}),
        MakeRow({kOne, kNull}), Cells({Value(kOne), kNotSent})}) {
    EXPECT_FALSE(Fit({DeleteRow{kParts, key}}));
    EXPECT_FALSE(Fit({UpdateRow{kParts, key, Part(1)}}));
  }
}

TEST_F(FitsTest, UpdatedColumnsAreAscendingInRangeAndNotOfTheKey) {
  for (const std::vector<std::uint32_t>& columns : std::vector<std::vector<std::uint32_t>>{
           {}, {3, 2}, {2, 2}, {2, 4}, {UINT32_MAX}, {0, 2}, {1}}) {
    EXPECT_FALSE(Fit({UpsertRow{kParts, Part(1), columns}})) << testing::PrintToString(columns);
  }
  EXPECT_TRUE(Fit({UpsertRow{kParts, Part(1), {3}}}));
}

TEST_F(FitsTest, RollbackToAndReleaseComeInsideASavepoint) {
  const Operation open = Savepoint{}, back = RollbackToSavepoint{}, release = ReleaseSavepoint{};
  EXPECT_TRUE(Fit({open, open, back, release, back}));  // an open one commits with its script
  EXPECT_FALSE(Fit({back}));
  EXPECT_FALSE(Fit({release}));
  EXPECT_FALSE(Fit({open, release, back}));
  EXPECT_FALSE(Fit({open, release, release, open}));
}

TEST_F(FitsTest, OneOperationThatDoesNotFitIsEnough) {
  EXPECT_FALSE(Fit({InsertRow{kParts, Part(1)}, DeleteRow{kParts, Row()}}));
}

}  // namespace
}  // namespace lockstep::model
