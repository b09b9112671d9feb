#include "postgres/parallel_reader.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "postgres/relation_reader.h"
#include "tests/postgres/await.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

// Counts rows, and reads table 1 twice.
class CountingSink : public TableSink {
 public:
  void OnRow(std::uint32_t number, TableRow row) override {
    EXPECT_NE(row.xmin.value, 0u);
    ++rows[number];
  }
  bool OnEnd(std::uint32_t number) override { return ++ends[number] == 1 && number == 1; }

  std::map<std::uint32_t, int> rows;
  std::map<std::uint32_t, int> ends;
};

class ParallelReaderTest : public ClusterFixture {
 protected:
  void SetUp() override {
    Must(
        Sql().Execute("CREATE SCHEMA pr; CREATE TABLE pr.a(n int); CREATE TABLE pr.b(n int);"
                      "CREATE TABLE pr.c(n int); CREATE TABLE pr.none(n int);"
                      "INSERT INTO pr.a SELECT generate_series(1, 5000);"
                      "INSERT INTO pr.b SELECT generate_series(1, 7);"
                      "INSERT INTO pr.c SELECT generate_series(1, 3)"));
    Connection sql = Sql();
    tables_ = Must(ReadRelations(sql, {{"pr", "a"}, {"pr", "b"}, {"pr", "c"}, {"pr", "none"}}));
    Must(exporter_.Execute("BEGIN ISOLATION LEVEL REPEATABLE READ"));
    snapshot_ = Must(exporter_.Scalar("SELECT pg_export_snapshot()"));
    Must(Sql().Execute("INSERT INTO pr.c VALUES (4)"));  // not in the snapshot
  }
  void TearDown() override { Must(Sql().Execute("DROP SCHEMA pr CASCADE")); }

  std::vector<TableReader> Readers(std::size_t connections, std::size_t wanted) {
    std::vector<Connection> open;
    for (std::size_t i = 0; i < connections; ++i) open.push_back(Sql());
    Must(BeginSnapshotAndLock(open.front(), snapshot_, tables_, std::chrono::seconds(1)));
    return Must(StartReaders(std::move(open), snapshot_, tables_, wanted));
  }
  std::vector<TableToRead> ToRead() const {
    std::vector<TableToRead> tables = {
        {tables_[0], 0, 5000}, {tables_[1], 1, 7}, {tables_[2], 2, 3}, {tables_[3], 3, 0}};
    for (TableToRead& table : tables) table.form = RowForm::kWithXmin;
    return tables;
  }

  Connection exporter_ = Sql();
  std::string snapshot_;
  std::vector<model::RelationPtr> tables_;
};

TEST_F(ParallelReaderTest, EveryRowOfTheSnapshotComesOnceOrInAsManyPassesAsAreAskedFor) {
  for (const std::size_t connections : {1u, 3u}) {
    ParallelReader reader(Readers(connections, 4), ToRead());
    EXPECT_EQ(reader.connection_count(), connections);
    CountingSink sink;
    Must(reader.Run(sink));
    EXPECT_TRUE(reader.done());
    EXPECT_EQ(sink.rows, (std::map<std::uint32_t, int>{{0, 5000}, {1, 14}, {2, 3}}));
    EXPECT_EQ(sink.ends, (std::map<std::uint32_t, int>{{0, 1}, {1, 2}, {2, 1}, {3, 1}}));
    for (std::size_t i = 0; i < connections; ++i) EXPECT_EQ(reader.awaited(i).fd, -1);
  }
}

TEST_F(ParallelReaderTest, ThereAreNoMoreReadersThanWanted) { EXPECT_EQ(Readers(4, 2).size(), 2u); }

// A reader that waited for its lock would wait behind a TRUNCATE that waits for the first reader.
TEST_F(ParallelReaderTest, ALockThatIsWaitedForEndsTheSearchForReaders) {
  Connection truncates = Sql();
  const std::string pid = Must(truncates.Scalar("SELECT pg_backend_pid()"));
  std::jthread truncation;  // before what holds it up, which goes first when the test fails
  std::vector<Connection> open;
  for (int i = 0; i < 3; ++i) open.push_back(Sql());
  Must(BeginSnapshotAndLock(open.front(), snapshot_, tables_, std::chrono::seconds(1)));
  truncation = std::jthread([&] { Must(truncates.Execute("TRUNCATE pr.a")); });
  const std::string waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = " + pid;
  Await("the TRUNCATE waits", [&] { return Must(Sql().Scalar(waits)) != "0"; });
  CountingSink sink;
  {
    std::vector<TableReader> readers = Must(StartReaders(std::move(open), snapshot_, tables_, 4));
    EXPECT_EQ(readers.size(), 1u);
    ParallelReader reader(std::move(readers), ToRead());
    Must(reader.Run(sink));
  }  // lets the TRUNCATE go on
  EXPECT_EQ(sink.rows[0], 5000);
}

// A row that cannot be read ends it, with the table's name.
TEST_F(ParallelReaderTest, ALostConnectionIsAnError) {
  ParallelReader reader(Readers(2, 4), ToRead());
  Must(Sql().Execute(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND "
      "pid <> pg_backend_pid() AND backend_type = 'client backend'"));
  CountingSink sink;
  EXPECT_FALSE(reader.Run(sink));
}

}  // namespace
}  // namespace lockstep::postgres
