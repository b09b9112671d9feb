// Lists and drops slots on a real server.
#include "launcher/slots.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "launcher/slot_report.h"
#include "postgres/connection.h"
#include "postgres/replication_stream.h"
#include "postgres/slot.h"
#include "postgres/slot_list.h"
#include "tests/applier/proxy.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::launcher {
namespace {

using postgres::Connection;
using postgres::Must;

class SlotsTest : public postgres::ClusterFixture {
 protected:
  void TearDown() override {
    Connection sql = Sql();
    Must(sql.Execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"));
    Must(sql.Execute("DROP SCHEMA IF EXISTS lockstep_0badcafe"));
  }
  static void Execute(const std::string& sql) { Must(Sql().Execute(sql)); }
  static void Make(const std::string& name) {
    Execute("SELECT pg_create_logical_replication_slot('" + name + "', 'pgoutput')");
  }
  // Slot -> what is printed of it.
  static std::map<std::string, std::string> Outcomes(PruneOptions options) {
    options.database = cluster().uri();
    const Pruning pruning = Must(Prune(options));
    EXPECT_EQ(ExitCodeOf(pruning), model::ExitCode::kConverged);
    std::map<std::string, std::string> outcomes;
    const auto printed = nlohmann::json::parse(PruningJson(pruning));
    for (const auto& slot : printed["slots"]) outcomes[slot["name"]] = slot["outcome"];
    return outcomes;
  }
  static std::string Left() {
    return Must(
        Sql().Scalar("SELECT coalesce(string_agg(slot_name, ' ' ORDER BY slot_name), '') "
                     "FROM pg_replication_slots"));
  }
};

TEST_F(SlotsTest, OnlySlotsOfRunsThatAreGoneAreDropped) {
  Execute("CREATE SCHEMA lockstep_0badcafe");
  Make("lockstep_0badcafe_1");
  Make("lockstep_deadbeef_1");
  Make("lockstep_deadbeef_cache");
  Make("lockstep_of_somebody_else");
  Make("theirs");
  const std::map<std::string, std::string> dry = {{"lockstep_0badcafe_1", "kept"},
                                                  {"lockstep_deadbeef_1", "would drop"},
                                                  {"lockstep_deadbeef_cache", "would drop"}};
  EXPECT_EQ(Outcomes({.dry_run = true}), dry);
  EXPECT_EQ(Left(),
            "lockstep_0badcafe_1 lockstep_deadbeef_1 lockstep_deadbeef_cache "
            "lockstep_of_somebody_else theirs");
  EXPECT_EQ(Outcomes({})["lockstep_deadbeef_1"], "dropped");
  EXPECT_EQ(Left(), "lockstep_0badcafe_1 lockstep_of_somebody_else theirs");
  EXPECT_EQ(Outcomes({.rule = {.wal_above_bytes = 1'000'000'000}})["lockstep_0badcafe_1"], "kept");
  EXPECT_EQ(Outcomes({.rule = {.wal_above_bytes = 0}})["lockstep_0badcafe_1"], "dropped");
  EXPECT_EQ(Left(), "lockstep_of_somebody_else theirs");
}

TEST_F(SlotsTest, ASlotThatIsReadStays) {
  Make("lockstep_deadbeef_1");
  Make("anything");
  Execute("CREATE PUBLICATION p");
  const auto read = [](const std::string& slot) {
    return Must(postgres::ReplicationStream::Start(
        Must(Connection::Open(cluster().uri(), postgres::ConnectionKind::kReplication,
                              {.application_name = "lockstep listener-1"})),
        slot, {}, {{"proto_version", "1"}, {"publication_names", "p"}}));
  };
  auto one = read("lockstep_deadbeef_1");
  auto other = read("anything");
  EXPECT_EQ(
      Outcomes({.rule = {.wal_above_bytes = 0}}),
      (std::map<std::string, std::string>{{"lockstep_deadbeef_1", "kept"}, {"anything", "kept"}}));
  // Its reader tells whose it is.
  Connection sql = Sql();
  const postgres::SlotList list = Must(postgres::ListSlots(sql));
  ASSERT_EQ(list.slots.size(), 2U);
  EXPECT_EQ(list.slots[0].owner, (postgres::SlotOwner{"", "listener-1"}));
  EXPECT_FALSE(list.slots[0].named_by_us);
  EXPECT_NE(SlotListText(list, "here").find("lockstep listener-1"), std::string::npos);
  Must(std::move(one).Finish(std::chrono::seconds(10)));
  Must(std::move(other).Finish(std::chrono::seconds(10)));
  Execute("DROP PUBLICATION p");
}

TEST(SlotReport, WhatIsLeftComesWithWhatRemovesIt) {
  const postgres::SlotList list{.database = "shop",
                                .server_version = 150020,
                                .slots = {},
                                .left = {{"schema", "lockstep_1", "DROP SCHEMA lockstep_1;"}},
                                .logs = {{"truncation log", "a.b", "DROP TABLE a.b;"}}};
  const std::string text = SlotListText(list, "here");
  EXPECT_NE(
      text.find("\nLeft in database shop by runs and audits that have no slot (if none is just "
                "starting)\n  schema  lockstep_1\n          DROP SCHEMA lockstep_1;\n"
                "\nMade for TRUNCATE on decoderbufs in database shop (a listener or an audit may "
                "need it)\n  truncation log  a.b\n                  DROP TABLE a.b;\n"),
      std::string::npos)
      << text;
  EXPECT_EQ(SlotListText({}, "here").find("Left in"), std::string::npos);
  const auto json = nlohmann::json::parse(SlotListJson(list, "here"));
  EXPECT_EQ(json["left"][0]["name"], "lockstep_1");
  EXPECT_EQ(json["logs"][0]["removal"], "DROP TABLE a.b;");
}

TEST_F(SlotsTest, WhoMayNotDropIsToldWhy) {
  Make("lockstep_deadbeef_1");
  Execute("CREATE ROLE nobody LOGIN");
  const Pruning pruning = Must(Prune({.database = cluster().uri() + "&user=nobody"}));
  ASSERT_EQ(pruning.slots.size(), 1U);
  EXPECT_NE(pruning.slots[0].error.find("ALTER ROLE"), std::string::npos) << pruning.slots[0].error;
  EXPECT_EQ(ExitCodeOf(pruning), model::ExitCode::kUsage);
  EXPECT_NE(PruningText(pruning).find("failed"), std::string::npos);
  Execute("DROP ROLE nobody");
}

TEST_F(SlotsTest, WhatWasDroppedBeforeTheConnectionBrokeIsTold) {
  for (const char* name : {"lockstep_deadbeef_1", "lockstep_deadbeef_2", "lockstep_deadbeef_3"})
    Make(name);
  const applier::Proxy proxy(cluster().directory(),
                             "pg_drop_replication_slot('lockstep_deadbeef_2')");
  const Pruning pruning = Must(Prune({.database = proxy.conninfo()}));
  EXPECT_TRUE(proxy.happened());
  EXPECT_EQ(Left(), "lockstep_deadbeef_2 lockstep_deadbeef_3");
  EXPECT_EQ(ExitCodeOf(pruning), model::ExitCode::kEnvironment);
  const auto printed = nlohmann::json::parse(PruningJson(pruning));
  EXPECT_EQ(printed["exit_code"], 4);
  EXPECT_EQ(printed["error"], pruning.broken.value().message);
  ASSERT_EQ(printed["slots"].size(), 2U);
  EXPECT_EQ(printed["slots"][0]["name"], "lockstep_deadbeef_1");
  EXPECT_EQ(printed["slots"][0]["outcome"], "dropped");
  EXPECT_EQ(printed["slots"][1]["outcome"], "failed");
  EXPECT_TRUE(PruningText(pruning).starts_with("dropped     lockstep_deadbeef_1"));
}

TEST_F(SlotsTest, AServerThatIsNotThereIsSaid) {
  const auto pruning = Prune({.database = "postgresql://localhost:1/x"});
  ASSERT_FALSE(pruning.has_value());
  EXPECT_EQ(ExitCodeOf(pruning.error()), model::ExitCode::kEnvironment);
}

}  // namespace
}  // namespace lockstep::launcher
