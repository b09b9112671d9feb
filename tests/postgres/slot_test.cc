#include "postgres/slot.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "postgres/replication_stream.h"
#include "tests/postgres/cluster_fixture.h"
#include "tests/postgres/plugin_restriction.h"

namespace lockstep::postgres {
namespace {

using namespace std::chrono_literals;
using model::ErrorKind;

class SlotTest : public ClusterFixture {};

TEST_F(SlotTest, SnapshotShowsTheStateAtTheConsistentPoint) {
  Connection sql = Sql();
  Must(sql.Execute("CREATE TABLE t(a int); INSERT INTO t VALUES (1)"));
  Connection replication = Replication();
  CreatedSlot slot = Must(CreateSlot(replication, {.name = "snapshot", .plugin = "decoderbufs"}));
  EXPECT_EQ(slot.name, "snapshot");
  EXPECT_TRUE(slot.consistent_point.IsValid());
  Must(sql.Execute("INSERT INTO t VALUES (2)"));
  Must(sql.Execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '" +
                   slot.snapshot_name + "'"));
  EXPECT_EQ(Must(sql.Scalar("SELECT string_agg(a::text, ',') FROM t")), "1");
}

TEST_F(SlotTest, InspectTellsWhatWasMade) {
  Connection replication = Replication();
  CreatedSlot slot = Must(CreateSlot(
      replication, {.name = "inspected", .plugin = "pgoutput", .export_snapshot = false}));
  EXPECT_EQ(slot.snapshot_name, "");
  for (ConnectionKind kind : {ConnectionKind::kSql, ConnectionKind::kReplication}) {
    Connection connection = Must(Connection::Open(cluster().uri(), kind));
    SlotInfo info = Must(InspectSlot(connection, "inspected")).value();
    EXPECT_EQ(info.plugin, "pgoutput");
    EXPECT_EQ(info.database, "postgres");
    EXPECT_FALSE(info.active);
    EXPECT_EQ(info.confirmed_flush_lsn, slot.consistent_point);
    EXPECT_LT(info.restart_lsn, info.confirmed_flush_lsn);
    EXPECT_EQ(info.wal_status, "reserved");
    EXPECT_FALSE(Must(InspectSlot(connection, "absent")).has_value());
  }
}

TEST_F(SlotTest, TemporarySlotEndsWithItsConnection) {
  Connection sql = Sql();
  {
    Connection replication = Replication();
    Must(CreateSlot(replication, {.name = "temp", .plugin = "pgoutput", .temporary = true}));
    SlotInfo info = Must(InspectSlot(sql, "temp")).value();
    EXPECT_EQ(info.active_pid, replication.backend_pid());
  }
  Must(DropSlot(sql, "temp"));  // waits for the leaving reader
  EXPECT_FALSE(Must(InspectSlot(sql, "temp")).has_value());
}

TEST_F(SlotTest, DropWaitsForAReaderAndThenNamesIt) {
  Connection replication = Replication();
  Must(CreateSlot(replication, {.name = "busy", .plugin = "test_decoding"}));
  ReplicationStream stream =
      Must(ReplicationStream::Start(std::move(replication), "busy", model::Lsn{}, {}));
  Connection sql = Sql();
  model::Result<void> dropped = DropSlot(sql, "busy", 0ms);
  ASSERT_FALSE(dropped.has_value());
  EXPECT_EQ(dropped.error().sqlstate, "55006");
  EXPECT_NE(dropped.error().message.find(std::to_string(stream.connection().backend_pid())),
            std::string::npos);
  Connection back = Must(std::move(stream).Finish(10s));
  Must(DropSlot(back, "busy"));
  EXPECT_FALSE(Must(InspectSlot(sql, "busy")).has_value());
  Must(DropSlot(sql, "busy"));
}

TEST_F(SlotTest, OnlyIdleSlotsOfThePrefixAreDropped) {
  Connection sql = Sql();
  for (const char* name : {"run_1", "run_2", "runner"}) {
    auto maker = Replication();
    Must(CreateSlot(maker, {.name = name, .plugin = "test_decoding"}));
  }
  auto reader = Replication();
  Must(CreateSlot(reader, {.name = "run_3", .plugin = "test_decoding"}));
  auto stream = Must(ReplicationStream::Start(std::move(reader), "run_3", model::Lsn{}, {}));
  EXPECT_EQ(Must(DropIdleSlots(sql, "run_")), (std::vector<std::string>{"run_1", "run_2"}));
  EXPECT_TRUE(Must(InspectSlot(sql, "runner")));
  EXPECT_TRUE(Must(InspectSlot(sql, "run_3")));
}

TEST_F(SlotTest, OpenTransactionEndsTheWaitByLockTimeout) {
  Connection sql = Sql();
  Must(sql.Execute("BEGIN; SELECT pg_current_xact_id()"));
  Connection replication = Replication();
  model::Result<CreatedSlot> slot =
      CreateSlot(replication, {.name = "waits", .plugin = "pgoutput", .lock_timeout = 50ms});
  ASSERT_FALSE(slot.has_value());
  EXPECT_EQ(slot.error().sqlstate, "55P03");
  EXPECT_NE(slot.error().message.find("pg_prepared_xacts"), std::string::npos);
  EXPECT_TRUE(model::IsWorthRetry(slot.error()));
  Must(sql.Execute("COMMIT"));
  EXPECT_FALSE(Must(InspectSlot(sql, "waits")).has_value());
}

TEST_F(SlotTest, ForbiddenPluginNamesTheSetting) {
  if (!RestrictsPlugins(cluster())) GTEST_SKIP() << "this server takes any plugin";
  Connection replication = Replication();
  model::Result<CreatedSlot> slot =
      CreateSlot(replication, {.name = "forbidden", .plugin = "pgcrypto"});
  ASSERT_FALSE(slot.has_value());
  EXPECT_EQ(slot.error().kind, ErrorKind::kUsage);
  EXPECT_NE(slot.error().message.find("output_plugin_libraries"), std::string::npos)
      << slot.error().message;
}

TEST_F(SlotTest, MissingRightNamesTheRole) {
  Must(Sql().Execute("CREATE ROLE plain LOGIN"));
  model::Result<Connection> connection =
      Connection::Open("host=" + cluster().directory() + " user=plain dbname=postgres",
                       ConnectionKind::kReplication);
  ASSERT_FALSE(connection.has_value());
  EXPECT_EQ(connection.error().kind, ErrorKind::kUsage);
  EXPECT_EQ(connection.error().sqlstate, "42501");
  EXPECT_NE(connection.error().message.find("ALTER ROLE"), std::string::npos)
      << connection.error().message;
}

TEST(SlotOnAnotherServer, MissingPluginNamesThePackage) {
  LocalCluster cluster = Must(LocalCluster::Start(
      {.settings = {{"output_plugin_libraries", "pgoutput, decoderbufs_absent, wal2json"}},
       .slots_and_senders = 1}));
  Connection replication = Must(Connection::Open(cluster.uri(), ConnectionKind::kReplication));
  model::Result<CreatedSlot> slot =
      CreateSlot(replication, {.name = "missing", .plugin = "decoderbufs_absent"});
  ASSERT_FALSE(slot.has_value());
  EXPECT_EQ(slot.error().kind, ErrorKind::kUsage);
  EXPECT_NE(slot.error().message.find("install"), std::string::npos) << slot.error().message;
  Must(CreateSlot(replication, {.name = "only", .plugin = "pgoutput"}));
  slot = CreateSlot(replication, {.name = "more", .plugin = "pgoutput"});
  ASSERT_FALSE(slot.has_value());
  EXPECT_NE(slot.error().message.find("max_replication_slots"), std::string::npos)
      << slot.error().message;
  model::Result<Connection> second = Connection::Open(cluster.uri(), ConnectionKind::kReplication);
  ASSERT_FALSE(second.has_value());
  EXPECT_NE(second.error().message.find("raise max_wal_senders"), std::string::npos)
      << second.error().message;
}

TEST(SlotOnAnotherServer, WalLevelIsNamed) {
  LocalCluster cluster = Must(LocalCluster::Start({.settings = {{"wal_level", "replica"}}}));
  Connection replication = Must(Connection::Open(cluster.uri(), ConnectionKind::kReplication));
  model::Result<CreatedSlot> slot =
      CreateSlot(replication, {.name = "level", .plugin = "pgoutput"});
  ASSERT_FALSE(slot.has_value());
  EXPECT_EQ(slot.error().kind, ErrorKind::kUsage);
  EXPECT_NE(slot.error().message.find("set wal_level = logical"), std::string::npos);
}

}  // namespace
}  // namespace lockstep::postgres
