#include "applier/statements.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/type_oid.h"

namespace lockstep::applier {
namespace {

using model::MakeRow;
using model::Null;
using model::Numeric;
using model::Text;
using Parameters = std::vector<std::optional<std::string_view>>;

// Columns out of key order, names that need quotes.
model::Catalog MakeCatalog() {
  model::Catalog catalog{.schema = "Run 1", .sessions = 2, .tables = {}};
  catalog.tables.push_back(model::MakeSessionRelation("Run 1"));
  catalog.tables.push_back(std::make_shared<const model::Relation>(model::Relation{
      .schema = "Run 1",
      .name = "T\"q",
      .columns = {{"a", model::type_oid::kInt4, "integer", true},
                  {"Order", model::type_oid::kText, "text", true},
                  {"n", model::type_oid::kNumeric, "numeric(10,2)", false},
                  {"m", model::type_oid::kBool, "boolean", false}},
      .key = {1, 0},
  }));
  return catalog;
}

class StatementsTest : public ::testing::Test {
 protected:
  static model::Row ARow() {
    return MakeRow({std::int64_t{7}, Text{"it's"}, Numeric{"1.50"}, Null{}});
  }
  static model::Row AKey() { return MakeRow({Text{"it's"}, std::int64_t{7}}); }
  // Assigns these columns of a row.
  static model::Row Assign(const std::vector<model::Cell>& cells) {
    model::RowBuilder builder;
    for (const model::Cell& cell : cells) builder.Add(cell);
    return builder.Build();
  }
  static model::Cell Is(const model::Value& value) { return value; }

  model::Catalog catalog_ = MakeCatalog();
  StatementMaker maker_{catalog_};
};

TEST_F(StatementsTest, TableHasColumnsNotNullAndKeyInKeyOrder) {
  EXPECT_EQ(CreateTableSql(*catalog_.tables[1]),
            "CREATE TABLE \"Run 1\".\"T\"\"q\" (\n"
            "  \"a\" integer NOT NULL,\n"
            "  \"Order\" text NOT NULL,\n"
            "  \"n\" numeric(10,2),\n"
            "  \"m\" boolean,\n"
            "  PRIMARY KEY (\"Order\", \"a\")\n"
            ")");
}

TEST_F(StatementsTest, TableHasItsReplicaIdentity) {
  model::Relation relation = *catalog_.tables[1];
  relation.identity = model::ReplicaIdentity::kFull;
  EXPECT_TRUE(
      CreateTableSql(relation).ends_with("PRIMARY KEY (\"Order\", \"a\")\n);\n"
                                         "ALTER TABLE \"Run 1\".\"T\"\"q\" REPLICA IDENTITY FULL"));
  relation.identity = model::ReplicaIdentity::kIndex;
  const std::string index =
      "\n);\nCREATE UNIQUE INDEX \"T\"\"q identity\" ON \"Run 1\".\"T\"\"q\" (\"Order\", \"a\");\n"
      "ALTER TABLE \"Run 1\".\"T\"\"q\" REPLICA IDENTITY USING INDEX \"T\"\"q identity\"";
  EXPECT_TRUE(CreateTableSql(relation).ends_with("  \"m\" boolean" + index));
  relation.columns[3].not_null = true;
  EXPECT_TRUE(CreateTableSql(relation).ends_with(
      "\"m\" boolean NOT NULL,\n  PRIMARY KEY (\"Order\", \"a\", \"m\")" + index));
}

TEST_F(StatementsTest, TypesStandInTheSchemaAndOnlyTheFirstBracesAreTheName) {
  EXPECT_EQ(CreateTypeSql("Run 1", {"mood", "TYPE {} AS ENUM ('a', '{}')"}),
            "CREATE TYPE \"Run 1\".\"mood\" AS ENUM ('a', '{}')");
}

TEST_F(StatementsTest, GeneratedColumnsAreMadeByTheServer) {
  model::Relation relation = *catalog_.tables[1];
  relation.columns[2].generated = "a + 1";
  relation.columns[2].not_null = true;
  catalog_.tables[1] = std::make_shared<const model::Relation>(relation);
  EXPECT_NE(CreateTableSql(relation).find(
                "\"n\" numeric(10,2) GENERATED ALWAYS AS (a + 1) STORED NOT NULL,"),
            std::string::npos);

  const std::string insert =
      "INSERT INTO \"Run 1\".\"T\"\"q\" (\"a\", \"Order\", \"m\") VALUES ($1, $2, $3)";
  EXPECT_EQ(maker_.Make(model::InsertRow{1, ARow()}).parameters,
            (Parameters{"7", "it's", std::nullopt}));
  EXPECT_EQ(maker_.Sql(), insert + " RETURNING xmin");
  EXPECT_EQ(maker_.Make(model::UpsertRow{1, ARow(), {2, 3}}).name, "c1_3");
  EXPECT_EQ(maker_.Sql(), insert +
                              " ON CONFLICT (\"Order\", \"a\") DO UPDATE SET \"m\" = "
                              "EXCLUDED.\"m\" RETURNING xmin");
  const model::Row assignments =
      Assign({Is(std::int64_t{8}), model::NotSent{}, Is(Numeric{"9.00"}), model::NotSent{}});
  const Statement& update = maker_.Make(model::UpdateRow{1, AKey(), assignments});
  EXPECT_EQ(update.name, "u1_0");
  EXPECT_EQ(update.parameters, (Parameters{"8", "it's", "7"}));
  EXPECT_EQ(maker_.Sql(),
            "UPDATE \"Run 1\".\"T\"\"q\" SET \"a\" = $1 WHERE \"Order\" = $2 AND \"a\" = $3 "
            "RETURNING xmin");
}

TEST_F(StatementsTest, SessionUpdateReturnsTheTransactionsXid) {
  const Statement& statement = maker_.SessionUpdate(model::SessionId{2}, model::TransactionId{99});
  EXPECT_EQ(maker_.Sql(),
            "UPDATE \"Run 1\".\"session\" SET transaction_id = $1 WHERE session = $2 "
            "RETURNING pg_catalog.pg_current_xact_id()");
  EXPECT_EQ(statement.parameters, (Parameters{"99", "2"}));
}

TEST_F(StatementsTest, InsertGivesEveryColumnInItsOrder) {
  const Statement& statement = maker_.Make(model::InsertRow{1, ARow()});
  EXPECT_EQ(maker_.Sql(),
            "INSERT INTO \"Run 1\".\"T\"\"q\" (\"a\", \"Order\", \"n\", \"m\") "
            "VALUES ($1, $2, $3, $4) RETURNING xmin");
  EXPECT_EQ(statement.parameters, (Parameters{"7", "it's", "1.50", std::nullopt}));
}

TEST_F(StatementsTest, UpsertConflictsOnTheKeyAndSetsTheNamedColumns) {
  const Statement& statement = maker_.Make(model::UpsertRow{1, ARow(), {2, 3}});
  EXPECT_EQ(maker_.Sql(),
            "INSERT INTO \"Run 1\".\"T\"\"q\" (\"a\", \"Order\", \"n\", \"m\") "
            "VALUES ($1, $2, $3, $4) ON CONFLICT (\"Order\", \"a\") DO UPDATE SET "
            "\"n\" = EXCLUDED.\"n\", \"m\" = EXCLUDED.\"m\" RETURNING xmin");
  EXPECT_EQ(statement.parameters, (Parameters{"7", "it's", "1.50", std::nullopt}));
}

TEST_F(StatementsTest, UpdateBindsAssignmentsAndThenTheKey) {
  const model::Row assignments =
      Assign({Is(std::int64_t{8}), model::NotSent{}, Is(Null{}), model::NotSent{}});
  const Statement& statement = maker_.Make(model::UpdateRow{1, AKey(), assignments});
  EXPECT_EQ(maker_.Sql(),
            "UPDATE \"Run 1\".\"T\"\"q\" SET \"a\" = $1, \"n\" = $2 "
            "WHERE \"Order\" = $3 AND \"a\" = $4 RETURNING xmin");
  EXPECT_EQ(statement.parameters, (Parameters{"8", std::nullopt, "it's", "7"}));
}

TEST_F(StatementsTest, DeleteBindsTheKeyInKeyOrder) {
  const Statement& statement = maker_.Make(model::DeleteRow{1, AKey()});
  EXPECT_EQ(maker_.Sql(), "DELETE FROM \"Run 1\".\"T\"\"q\" WHERE \"Order\" = $1 AND \"a\" = $2");
  EXPECT_EQ(statement.parameters, (Parameters{"it's", "7"}));
}

TEST_F(StatementsTest, TruncateNamesOneTable) {
  EXPECT_EQ(TruncateSql(*catalog_.tables[1]), "TRUNCATE \"Run 1\".\"T\"\"q\"");
}

TEST_F(StatementsTest, MessageBindsPrefixAndContent) {
  const Statement& statement = maker_.Make(model::EmitMessage{"it's", ""});
  EXPECT_EQ(maker_.Sql(),
            "SELECT 0 FROM pg_catalog.pg_logical_emit_message(true, $1, $2::pg_catalog.text)");
  EXPECT_EQ(statement.parameters, (Parameters{"it's", ""}));
}

TEST_F(StatementsTest, EqualShapesShareAName) {
  const std::string insert = maker_.Make(model::InsertRow{1, ARow()}).name;
  const model::Row other = MakeRow({std::int64_t{1}, Text{""}, Null{}, true});
  EXPECT_EQ(maker_.Make(model::InsertRow{1, other}).name, insert);
  const std::string update =
      maker_
          .Make(model::UpdateRow{
              1, AKey(), Assign({model::NotSent{}, model::NotSent{}, Is(Null{}), Is(true)})})
          .name;
  EXPECT_EQ(maker_
                .Make(model::UpdateRow{
                    1, AKey(),
                    Assign({model::NotSent{}, model::NotSent{}, Is(Numeric{"0.00"}), Is(Null{})})})
                .name,
            update);
}

// Two SQL texts under one name would run the wrong one.
TEST_F(StatementsTest, DifferentShapesHaveDifferentNames) {
  model::Catalog catalog = MakeCatalog();
  // Numbers that would run together without a separator: table 1 column 12, table 11 column 2.
  model::Relation wide = *catalog.tables[1];
  while (wide.columns.size() < 13) {
    wide.columns.push_back(
        {"c" + std::to_string(wide.columns.size()), model::type_oid::kInt4, "integer", false});
  }
  catalog.tables.assign(12, std::make_shared<const model::Relation>(wide));
  StatementMaker maker(catalog);
  std::vector<std::string> names;
  std::vector<std::string> texts;
  const auto add = [&](const Statement& statement) {
    names.push_back(statement.name);
    texts.push_back(maker.Sql());
  };
  const model::Row row = MakeRow({std::int64_t{7}, Text{"k"}, Null{}, Null{}, Null{}, Null{},
                                  Null{}, Null{}, Null{}, Null{}, Null{}, Null{}, Null{}});
  const auto assign = [&](const std::vector<std::size_t>& columns) {
    std::vector<model::Cell> cells(13, model::NotSent{});
    for (std::size_t column : columns) cells[column] = Is(Null{});
    return Assign(cells);
  };
  for (std::uint32_t table : {1U, 11U}) {
    add(maker.Make(model::InsertRow{table, row}));
    add(maker.Make(model::DeleteRow{table, AKey()}));
    for (std::uint32_t column : {2U, 12U}) {
      add(maker.Make(model::UpsertRow{table, row, {column}}));
      add(maker.Make(model::UpdateRow{table, AKey(), assign({column})}));
    }
    add(maker.Make(model::UpdateRow{table, AKey(), assign({2, 12})}));
    add(maker.Make(model::UpsertRow{table, row, {2, 12}}));
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(names[i], names[j]) << texts[i] << texts[j];
  }
}

TEST_F(StatementsTest, EmptyTextIsNotNull) {
  const Statement& statement =
      maker_.Make(model::InsertRow{1, MakeRow({std::int64_t{0}, Text{""}, Null{}, false})});
  EXPECT_EQ(statement.parameters, (Parameters{"0", "", std::nullopt, "f"}));
}

// A shorter statement after a longer one: nothing of the first is left in the second.
TEST_F(StatementsTest, NothingStaysOfTheStatementBefore) {
  (void)maker_.Make(model::UpsertRow{1, ARow(), {2, 3}});
  const Statement& statement = maker_.Make(model::DeleteRow{1, AKey()});
  EXPECT_EQ(statement.parameters.size(), 2U);
  EXPECT_EQ(statement.name, "d1");
}

}  // namespace
}  // namespace lockstep::applier
