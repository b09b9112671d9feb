// `lockstep run --database`: on a server with a life of its own, which is left as it was.
#include <gtest/gtest.h>

#include <string>

#include "postgres/slot.h"
#include "tests/integration/lockstep_fixture.h"
#include "tests/postgres/plugin_restriction.h"

namespace lockstep::integration {
namespace {

class DatabaseTest : public DatabaseFixture {
 protected:
  static void Execute(const std::string& sql) { Must(Sql().Execute(sql)); }
  // The suite's server as another user.
  static std::string UriOf(const std::string& user) {
    std::string uri = cluster().uri();
    uri.replace(uri.find("postgres@"), 9, user + "@");
    return uri;
  }
  static bool SlotIsActive(const std::string& schema) {
    return Scalar(
               "SELECT count(*) FROM pg_replication_slots WHERE active AND starts_with(slot_name, "
               "'" +
               schema + "')") != "0";
  }
};

TEST_F(DatabaseTest, ARunLeavesTheDatabaseAsItWas) {
  Run({.listeners = 2}).Converges();
  EXPECT_EQ(LeftOnServer(), "");
}

TEST_F(DatabaseTest, TwoRunsAtOnceCountEachOthersCommitsAndDoNotJudgeThem) {
  LockstepRun first = Start({.seed = 1, .transactions = 2000});
  LockstepRun second = Start({.seed = 2, .transactions = 2000});
  WaitForTransaction(first, 1);
  WaitForTransaction(second, 1);
  const Ended first_end = first.End();
  const Ended second_end = second.End();
  first_end.Converges();
  second_end.Converges();
  const auto foreign = [](const Ended& run) {
    return run.report["listeners"][0]["foreign"].get<int>();
  };
  EXPECT_GT(foreign(first_end) + foreign(second_end), 0);
  EXPECT_EQ(LeftOnServer(), "");
}

TEST_F(DatabaseTest, ForeignTrafficIsCountedAndNotJudged) {
  Execute("CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.t (a int PRIMARY KEY, b text)");
  LockstepRun run = Start({.transactions = 1500});
  WaitForTransaction(run, 1);
  constexpr int kForeign = 50;
  auto sql = Sql();
  for (int i = 0; i < kForeign; ++i) {
    Must(sql.Execute("INSERT INTO elsewhere.t VALUES (" + std::to_string(i) + ", 'x')"));
  }
  const Ended ended = run.End();
  ended.Converges();
  const Json& listener = ended.report["listeners"][0];
  EXPECT_GE(listener["foreign"], kForeign);
  EXPECT_EQ(listener["transactions"].get<int>(),
            listener["foreign"].get<int>() + listener["commits_checked"].get<int>());
  EXPECT_EQ(Scalar("SELECT count(*) FROM elsewhere.t"), std::to_string(kForeign));
  Execute("DROP SCHEMA elsewhere CASCADE");
}

TEST_F(DatabaseTest, AWriterBehindTheRunsBackIsCaughtWithTheRow) {
  LockstepRun run = Start({.transactions = 5000});
  const std::string schema = run.schema();
  WaitForTransaction(run, 100);
  // A row that no script writes: of a session there is not.
  Execute("INSERT INTO " + schema + ".session VALUES (99, 12345)");
  const Ended ended = run.End();
  EXPECT_EQ(ended.exit_code, 2) << ended.output;
  EXPECT_EQ(ended.verdict(), "diverged");
  EXPECT_TRUE(ended.divergence()["commit"].is_null()) << ended.divergence();
  EXPECT_EQ(ended.divergence()["table"], "session");
  ASSERT_EQ(ended.divergence()["rows"].size(), 1u) << ended.divergence();
  const Json& row = ended.divergence()["rows"][0];
  EXPECT_EQ(row["key"], (Json{{"session", "99"}}));
  EXPECT_TRUE(row["expected"].is_null());
  EXPECT_EQ(row["source"], (Json{{"session", "99"}, {"transaction_id", "12345"}}));
  EXPECT_EQ(row["replicated"], row["source"]);
  ended.LeavesNothing();
  EXPECT_EQ(LeftOnServer(), "");
}

// ---- Postgres goes away and comes back ----

TEST_F(DatabaseTest, AServerStoppedAndStartedInTheMiddleConverges) {
  LockstepRun run = Start({.transactions = 6000, .listeners = 2, .checkpoint = 3000});
  WaitForTransaction(run, 300);
  Must(cluster().Stop(postgres::StopMode::kFast));
  Must(cluster().StartAgain());
  run.End().Converges();
  EXPECT_EQ(LeftOnServer(), "");
}

TEST_F(DatabaseTest, AServerCrashedAndStartedInTheMiddleConverges) {
  LockstepRun run = Start({.transactions = 6000, .listeners = 2, .checkpoint = 3000});
  for (const int id : {300, 2000}) {
    WaitForTransaction(run, id);
    Must(cluster().Crash());
    Must(cluster().StartAgain());
  }
  run.End().Converges();
  EXPECT_EQ(LeftOnServer(), "");
}

// ---- what is wrong is told once, with what to do ----

TEST_F(DatabaseTest, AnUnreachableServerIsTold) {
  Run({.database = "postgresql://nobody@127.0.0.1:1/none"}).Fails(4, "--database: ");
}

TEST_F(DatabaseTest, AUriThatIsNoneIsTold) {
  Run({.database = "postgresql://[broken"}).Fails(1, "--database: ");
}

TEST_F(DatabaseTest, ADatabaseThatIsNotThereIsTold) {
  Run({.database = cluster().uri("no_such_database")}).Fails(1, "\"no_such_database\"");
}

TEST_F(DatabaseTest, APluginWithoutADecoderIsToldBeforeAnythingIsMade) {
  const Ended run = Run({.plugin = "no_such_plugin", .database = cluster().uri()});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_NE(run.output.find("there is no decoder for \"no_such_plugin\""), run.output.npos)
      << run.output;
  EXPECT_EQ(LeftOnServer(), "");
}

TEST_F(DatabaseTest, NoReplicationRightIsToldWithTheRemedy) {
  Execute("CREATE USER plain; GRANT CREATE ON DATABASE postgres TO plain");
  Run({.database = UriOf("plain")}).Fails(1, "ALTER ROLE ... REPLICATION");
  EXPECT_EQ(LeftOnServer(), "");
}

TEST_F(DatabaseTest, ASlotThatIsTakenIsTold) {
  LockstepRun run = Start({.transactions = 300});
  // Before its listener can: no listener runs while the launcher's checks do.
  auto replication = Replication();
  Must(postgres::CreateSlot(replication, {.name = run.schema() + "_1", .plugin = "decoderbufs"}));
  run.End().Fails(1, "_1");
  // The slot was not the run's, but has its name: it is cleaned up with the rest.
  EXPECT_EQ(LeftOnServer(), "");
}

class OtherServers : public LockstepFixture {};

TEST_F(OtherServers, WalLevelReplicaIsToldWithTheRemedy) {
  auto cluster = Must(postgres::LocalCluster::Start({.settings = {{"wal_level", "replica"}}}));
  Run({.database = cluster.uri()}).Fails(1, "set wal_level = logical in postgresql.conf");
}

TEST_F(OtherServers, APluginThatIsNotAllowedIsToldWithTheRemedy) {
  auto cluster =
      Must(postgres::LocalCluster::Start({.settings = {{"output_plugin_libraries", "pgoutput"}}}));
  if (!postgres::RestrictsPlugins(cluster)) GTEST_SKIP() << "this server takes any plugin";
  Run({.database = cluster.uri()}).Fails(1, "add decoderbufs to output_plugin_libraries");
}

TEST_F(OtherServers, TooFewSlotsAreToldWithTheRemedy) {
  auto cluster = Must(postgres::LocalCluster::Start({.slots_and_senders = 2}));
  Run({.listeners = 3, .database = cluster.uri()}).Fails(1, "raise max_replication_slots");
}

}  // namespace
}  // namespace lockstep::integration
