#include "postgres/table_reader.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <set>
#include <string>
#include <vector>

#include "model/row.h"
#include "model/value.h"
#include "postgres/relation_reader.h"
#include "postgres/slot.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

using model::MakeRow;
using model::Row;
using model::Value;

class TableReaderTest : public ClusterFixture {
 protected:
  static model::RelationPtr Relation(const std::string& name) {
    Connection sql = Ours();
    return Must(ReadRelations(sql, {{"public", name}})).at(0);
  }
  static std::vector<TableRow> Drain(TableReader& reader) {
    std::vector<TableRow> rows;
    while (true) {
      std::optional<TableRow> row = Must(reader.Next());
      if (row) {
        rows.push_back(std::move(*row));
      } else if (reader.done()) {
        return rows;
      } else {
        if (reader.WantsWrite()) Must(reader.Flush());
        pollfd waiting{reader.fd(), POLLIN, 0};
        poll(&waiting, 1, -1);
      }
    }
  }
};

TEST_F(TableReaderTest, RowsAreTypedAsInTheRelation) {
  Must(
      Sql().Execute("CREATE TABLE typed(a int, b text, \"C c\" bytea, d numeric(5,2));"
                    "INSERT INTO typed VALUES (1, E'tab\\t\\\\N\\nline', '\\x00ff', 1.5), "
                    "(NULL, '', NULL, 'NaN')"));
  Connection sql = Sql();
  std::vector<Row> rows;
  Must(ReadTable(sql, *Relation("typed"), [&](const TableRow& row) -> model::Result<void> {
    rows.push_back(row.row);
    EXPECT_EQ(row.xmin.value, 0u);
    return {};
  }));
  using namespace std::string_view_literals;
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0], MakeRow({Value(std::int64_t{1}), Value(model::Text{"tab\t\\N\nline"}),
                              Value(model::Bytes{"\0\xff"sv}), Value(model::Numeric{"1.50"})}));
  EXPECT_EQ(rows[1], MakeRow({Value(model::Null{}), Value(model::Text{""}), Value(model::Null{}),
                              Value(model::Numeric{"NaN"})}));
}

TEST_F(TableReaderTest, SnapshotHidesWhatCameLater) {
  Connection sql = Sql();
  Must(
      sql.Execute("CREATE TABLE early(a int); CREATE TABLE early2(a int); INSERT INTO early "
                  "VALUES (1); INSERT INTO early2 VALUES (2)"));
  Connection replication = Replication();
  CreatedSlot slot =
      Must(CreateSlot(replication, {.name = "early", .plugin = "pgoutput", .temporary = true}));
  Must(sql.Execute("UPDATE early SET a = 10; DELETE FROM early2"));

  TableReader reader = Must(TableReader::Start(Sql(), slot.snapshot_name));
  EXPECT_TRUE(reader.done());
  for (const char* name : {"early", "early2"}) {
    Must(reader.Read(Relation(name)));
    EXPECT_EQ(Drain(reader).size(), 1u) << name;
  }
  Must(reader.Read(Relation("early")));
  EXPECT_EQ(Drain(reader).at(0).row, MakeRow({Value(std::int64_t{1})}));
  Connection back = Must(std::move(reader).Finish());
  EXPECT_EQ(Must(back.Scalar("SELECT a FROM early")), "10");

  // The exporter runs another command: the snapshot is gone.
  Must(replication.Execute("SELECT 1"));
  model::Result<TableReader> late = TableReader::Start(Sql(), slot.snapshot_name);
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().kind, model::ErrorKind::kUsage) << late.error().message;
}

TEST_F(TableReaderTest, ManyRowsArriveWithTheirWriter) {
  Connection sql = Sql();
  Must(sql.Execute("CREATE TABLE many(a int, b text)"));
  Must(
      sql.Execute("BEGIN; INSERT INTO many SELECT n, repeat('x', n % 100) FROM generate_series(1, "
                  "50000) n"));
  std::string xid = Must(sql.Scalar("SELECT pg_current_xact_id()"));
  Must(sql.Execute("COMMIT"));
  TableReader reader = Must(TableReader::Start(Sql(), ""));
  Must(reader.Read(Relation("many"), RowForm::kWithXmin));
  std::vector<TableRow> rows = Drain(reader);
  ASSERT_EQ(rows.size(), 50000u);
  std::set<Row> distinct;
  for (TableRow& row : rows) {
    ASSERT_EQ(row.row.CountColumns(), 2u);
    ASSERT_EQ(std::to_string(row.xmin.value), xid);
    distinct.insert(std::move(row.row));
  }
  EXPECT_EQ(distinct.size(), rows.size());
}

TEST_F(TableReaderTest, ChildrensRowsAreTheirOwn) {
  Must(
      Sql().Execute("CREATE TABLE parent(a int); CREATE TABLE child() INHERITS (parent); INSERT "
                    "INTO parent VALUES (1); INSERT INTO child VALUES (2)"));
  TableReader reader = Must(TableReader::Start(Sql(), ""));
  Must(reader.Read(Relation("parent")));
  EXPECT_EQ(Drain(reader).size(), 1u);
}

// A root is read partition by partition, each as the snapshot has it, its columns in the root's
// order.
TEST_F(TableReaderTest, ARootIsReadThroughItsPartitions) {
  Must(Sql().Execute(
      "CREATE TABLE root(a int, b text) PARTITION BY RANGE (a);"
      "CREATE TABLE first PARTITION OF root FOR VALUES FROM (0) TO (10);"
      "CREATE TABLE branch PARTITION OF root FOR VALUES FROM (10) TO (20) PARTITION BY LIST (a);"
      "CREATE TABLE \"Le.af\"(gone int, b text, a int);"
      "ALTER TABLE \"Le.af\" DROP gone; ALTER TABLE branch ATTACH PARTITION \"Le.af\" FOR VALUES "
      "IN (10); CREATE TABLE empty PARTITION OF branch FOR VALUES IN (11);"
      "INSERT INTO root VALUES (1, 'one'), (2, 'two'), (10, 'ten')"));
  Connection ours = Ours();
  const auto root =
      Must(ReadRelationsWhere(ours, "c.relname = 'root' AND n.nspname = 'public'")).at(0);
  ASSERT_TRUE(root->is_partitioned);
  for (const RowForm form : {RowForm::kStored, RowForm::kWithXmin}) {
    TableReader reader = Must(TableReader::Start(Ours(), ""));
    Must(reader.Read(root, form));
    std::set<std::int64_t> keys;
    for (const TableRow& row : Drain(reader)) {
      keys.insert(std::get<std::int64_t>(std::get<Value>(*row.row.begin())));
      EXPECT_EQ(row.xmin.IsValid(), form == RowForm::kWithXmin);
    }
    EXPECT_EQ(keys, (std::set<std::int64_t>{1, 2, 10}));
    // What is made of it meanwhile is not read.
    Must(
        Sql().Execute("CREATE TABLE late PARTITION OF root FOR VALUES FROM (20) TO (30); "
                      "INSERT INTO late VALUES (20, 'late')"));
    Must(reader.Read(root, form));
    EXPECT_EQ(Drain(reader).size(), 3u);
    Must(reader.Read(Relation("first")));
    EXPECT_EQ(Drain(reader).size(), 2u);
    Must(std::move(reader).Finish());
    Must(Sql().Execute("DROP TABLE late"));
  }
  int rows = 0;
  Must(ReadTable(ours, *root, [&](const TableRow&) -> model::Result<void> {
    ++rows;
    return {};
  }));
  EXPECT_EQ(rows, 3);
}

TEST_F(TableReaderTest, ConsumersErrorEndsTheReading) {
  Must(Sql().Execute("CREATE TABLE ended AS SELECT generate_series(1, 100000) AS a"));
  Connection sql = Sql();
  int given = 0;
  model::Result<void> read =
      ReadTable(sql, *Relation("ended"), [&](const TableRow&) -> model::Result<void> {
        if (++given == 3) return model::Fail(model::ErrorKind::kMisfit, "enough");
        return {};
      });
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().message, "enough");
  EXPECT_EQ(given, 3);
  EXPECT_EQ(Must(sql.Scalar("SELECT 1")), "1");
}

TEST_F(TableReaderTest, AlteredTableIsAnErrorNotAGuess) {
  Must(Sql().Execute("CREATE TABLE altered(a int, b int); INSERT INTO altered VALUES (1, 2)"));
  model::RelationPtr before = Relation("altered");
  Must(Sql().Execute("ALTER TABLE altered RENAME b TO c"));
  TableReader reader = Must(TableReader::Start(Sql(), ""));
  Must(reader.Read(before));
  model::Result<std::optional<TableRow>> row = reader.Next();
  while (row && !row->has_value() && !reader.done()) {
    pollfd waiting{reader.fd(), POLLIN, 0};
    poll(&waiting, 1, -1);
    row = reader.Next();
  }
  ASSERT_FALSE(row.has_value());
  EXPECT_EQ(row.error().sqlstate, "42703");
  Must(
      Sql().Execute("ALTER TABLE altered RENAME c TO b; ALTER TABLE altered ALTER b TYPE text; "
                    "UPDATE altered SET b = 'x'"));
  Connection sql = Sql();
  model::Result<void> read =
      ReadTable(sql, *before, [](const TableRow&) -> model::Result<void> { return {}; });
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().kind, model::ErrorKind::kMalformed);
  EXPECT_NE(read.error().message.find("public.altered, column b"), std::string::npos)
      << read.error().message;
}

}  // namespace
}  // namespace lockstep::postgres
