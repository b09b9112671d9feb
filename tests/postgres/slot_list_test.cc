#include "postgres/slot_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "postgres/ddl_log.h"
#include "postgres/truncation_trigger.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

TEST(SlotOwner, OnlyLockstepsOwnNamesAreRecognised) {
  EXPECT_EQ(OwnerByName("lockstep_0badcafe_1"), (SlotOwner{"lockstep_0badcafe", "1"}));
  EXPECT_EQ(OwnerByName("lockstep_0badcafe_listener_1"),
            (SlotOwner{"lockstep_0badcafe", "listener_1"}));
  EXPECT_EQ(OwnerByName("lockstep_preflight_12_345"), (SlotOwner{"", "preflight"}));
  EXPECT_EQ(OwnerByName("lockstep_probe_345"), (SlotOwner{"", "probe"}));
  for (const char* other : {"", "lockstep", "lockstep_", "lockstep_0badcafe", "lockstep_0badcafe_",
                            "lockstep_0badcafg_1", "lockstep_0badcaf_1", "lockstep_0badcafe1_1",
                            "lockstep_0BADCAFE_1", "xlockstep_0badcafe_1", "lockstep_probe",
                            "lockstep_probe_", "lockstep_probe_of_mine", "lockstep_reporting"}) {
    EXPECT_EQ(OwnerByName(other), std::nullopt) << other;
  }
}

class SlotListTest : public ClusterFixture {};

TEST_F(SlotListTest, SlotsAndWhatRunsLeftAreListed) {
  Connection sql = Sql();
  Must(
      sql.Execute("CREATE SCHEMA lockstep_0badcafe; CREATE SCHEMA lockstep_11111111;"
                  "CREATE PUBLICATION lockstep_22222222; CREATE SCHEMA lockstep_mine;"
                  "CREATE PUBLICATION lockstep_22222222_pgoutput_inserts;"
                  // An audit that still has its slot, and one of somebody else's.
                  "CREATE PUBLICATION lockstep_deadbeef_pgoutput;"
                  "CREATE PUBLICATION lockstep_reporting"));
  Must(sql.Scalar("SELECT pg_create_logical_replication_slot('lockstep_0badcafe_1', 'pgoutput')"));
  Must(sql.Scalar("SELECT pg_create_logical_replication_slot('lockstep_deadbeef_2', 'wal2json')"));
  Must(sql.Scalar("SELECT pg_create_physical_replication_slot('lockstep_deadbeef_3')"));
  Must(sql.Execute("CREATE TABLE t AS SELECT generate_series(1, 1000)"));

  const SlotList list = Must(ListSlots(sql));
  EXPECT_EQ(list.database, "postgres");
  ASSERT_EQ(list.slots.size(), 3U);
  const ListedSlot& first = list.slots[0];
  EXPECT_EQ(first.name, "lockstep_0badcafe_1");
  EXPECT_EQ(first.owner, (SlotOwner{"lockstep_0badcafe", "1"}));
  EXPECT_EQ(first.plugin, "pgoutput");
  EXPECT_EQ(first.database, "postgres");
  EXPECT_FALSE(first.active);
  EXPECT_EQ(first.run_exists, true);
  EXPECT_GT(first.lag_bytes.value(), 1000);
  EXPECT_GE(first.held_wal_bytes.value(), first.lag_bytes.value());
  EXPECT_EQ(first.wal_status, "reserved");
  EXPECT_EQ(list.slots[1].run_exists, false);
  // Physical: never ours.
  EXPECT_EQ(list.slots[2].owner, std::nullopt);
  EXPECT_EQ(list.slots[2].held_wal_bytes, std::nullopt);
  EXPECT_EQ(list.left,
            (std::vector<LeftObject>{
                {"schema", "lockstep_11111111", "DROP SCHEMA lockstep_11111111 CASCADE;"},
                {"publication", "lockstep_22222222", "DROP PUBLICATION lockstep_22222222;"},
                {"publication", "lockstep_22222222_pgoutput_inserts",
                 "DROP PUBLICATION lockstep_22222222_pgoutput_inserts;"}}));

  // From another database it is not known whether the run is there.
  Must(sql.Execute("CREATE DATABASE other"));
  Connection other = Must(Connection::Open(cluster().uri("other"), ConnectionKind::kSql));
  const SlotList elsewhere = Must(ListSlots(other));
  EXPECT_EQ(elsewhere.slots[0].run_exists, std::nullopt);
  EXPECT_TRUE(elsewhere.left.empty());
}

// What an audit leaves whose processes were all killed: the SQL that is shown removes it.
TEST_F(SlotListTest, LogsOfTriggersAreListedWithWhatRemovesThem) {
  Must(Sql().Execute("CREATE DATABASE logs"));
  Connection sql = Must(Connection::Open(cluster().uri("logs"), ConnectionKind::kSql));
  Must(
      sql.Execute("CREATE SCHEMA \"it's\"; CREATE TABLE \"it's\".t (id int PRIMARY KEY);"
                  "CREATE SCHEMA lockstep_33333333; CREATE TABLE lockstep_33333333.t (id int)"));
  const auto install = [&](const std::string& log, const std::string& schema) {
    Must(InstallTruncationTriggers(sql, log, {{schema, "t"}}, std::chrono::seconds(1)));
  };
  install("lockstep_truncation", "it's");
  install("lockstep_22222222_truncation", "it's");
  install("lockstep_33333333", "lockstep_33333333");
  Must(InstallDdlLog(sql, "lockstep_22222222_ddl", "lockstep_22222222_"));

  const SlotList list = Must(ListSlots(sql));
  ASSERT_EQ(list.logs.size(), 1U);
  EXPECT_EQ(list.logs[0].kind, "truncation log");
  EXPECT_EQ(list.logs[0].name, "lockstep_truncation");
  // A run's goes with its schema.
  ASSERT_EQ(list.left.size(), 3U);
  EXPECT_EQ(list.left[0].name, "lockstep_22222222_ddl");
  EXPECT_EQ(list.left[1].name, "lockstep_22222222_truncation");
  EXPECT_EQ(list.left[2].name, "lockstep_33333333");

  for (const auto* objects : {&list.logs, &list.left}) {
    for (const LeftObject& object : *objects) Must(sql.Execute(object.removal));
  }
  const SlotList after = Must(ListSlots(sql));
  EXPECT_TRUE(after.logs.empty() && after.left.empty());
  EXPECT_EQ(Must(sql.Scalar("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal")), "0");
  EXPECT_EQ(Must(sql.Scalar("SELECT count(*) FROM pg_event_trigger")), "0");
  EXPECT_EQ(Must(sql.Scalar("SELECT count(*) FROM pg_proc WHERE proname LIKE 'lockstep%'")), "0");
}

}  // namespace
}  // namespace lockstep::postgres
