// What the server refuses in the middle of a run, and what others do to its slots: counted, named,
// or mended, and never blamed on a listener.
#include <gtest/gtest.h>

#include <string>

#include "tests/integration/lockstep_fixture.h"

namespace lockstep::integration {
namespace {

class RefusalsTest : public DatabaseFixture {
 protected:
  static void SetUpTestSuite() {
    DatabaseFixture::SetUpTestSuite();
    Must(Sql().Execute("CREATE ROLE plain LOGIN REPLICATION"));
    Must(Sql().Execute("GRANT CREATE ON DATABASE postgres TO plain"));
  }
  static std::string Plain() {
    std::string uri = cluster().uri();
    return uri.replace(uri.find("postgres@"), 9, "plain@");
  }
  static void Execute(const std::string& sql) { Must(Sql().Execute(sql)); }
  static std::uint64_t Failed(const Ended& run) {
    return run.report["transactions"]["failed"].get<std::uint64_t>();
  }
};

TEST_F(RefusalsTest, ARunThatLosesItsRightsOnTheTablesDoesNotConverge) {
  LockstepRun run = Start({.transactions = 3000, .database = Plain()});
  WaitForTransaction(run, 50);
  // Others change the tables' entries just then.
  WaitUntil("the rights are gone", [&] {
    return Sql()
        .Execute("REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA " + run.schema() +
                 " FROM plain")
        .has_value();
  });
  const Ended ended = run.End();
  ended.IsInconclusive();
  EXPECT_NE(ended.reason().find("transactions failed, and at most one in 20 may"),
            std::string::npos)
      << ended.reason();
  EXPECT_NE(ended.reason().find("permission denied for table session"), std::string::npos)
      << ended.reason();
  EXPECT_GT(Failed(ended), 1000u);
  EXPECT_EQ(LeftOnServer(), "");
}

TEST_F(RefusalsTest, CancelledStatementsAreCountedAndTheRunConverges) {
  LockstepRun run = Start({.transactions = 6000});
  WaitForTransaction(run, 50);
  // As often as it takes for one to be under way.
  for (int cancelled = 0; cancelled < 5;) {
    if (Scalar("SELECT count(pg_cancel_backend(pid)) FROM (SELECT pid FROM pg_stat_activity WHERE "
               "application_name LIKE 'lockstep applier session%' AND state = 'active' LIMIT 1) "
               "AS a") != "0")
      ++cancelled;
  }
  const Ended ended = run.End();
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.verdict(), "converged") << ended.output;
  ended.LeavesNothing();
  EXPECT_EQ(LeftOnServer(), "");
}

// Raised by a trigger, now and then: the statement fails as on a disk that is full.
TEST_F(RefusalsTest, ADiskThatIsFullIsTheEnvironment) {
  LockstepRun run = Start({.transactions = 3000});
  WaitForTransaction(run, 50);
  const std::string schema = run.schema();
  Execute(
      "CREATE SCHEMA elsewhere; CREATE FUNCTION elsewhere.full() RETURNS trigger LANGUAGE "
      "plpgsql AS $$ BEGIN RAISE 'could not extend file: No space left on device' USING "
      "ERRCODE = '53100'; END $$");
  const std::string table =
      Scalar("SELECT min(tablename) FROM pg_tables WHERE schemaname = '" + schema +
             "' AND tablename NOT IN ('session', 'lockstep_truncation')");
  Execute("CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE OR DELETE ON " + schema + ".\"" +
          table + "\" FOR EACH STATEMENT EXECUTE FUNCTION elsewhere.full()");
  const Ended ended = run.End();
  ended.IsInconclusive();
  EXPECT_NE(ended.reason().find("No space left on device"), std::string::npos) << ended.reason();
  EXPECT_GT(Failed(ended), 0u);
  EXPECT_EQ(LeftOnServer(), "");
  Execute("DROP SCHEMA elsewhere CASCADE");
}

TEST_F(RefusalsTest, ACancelledWalsenderIsConnectedToAnew) {
  LockstepRun run = Start({.transactions = 6000});
  WaitForTransaction(run, 50);
  Execute(
      "SELECT pg_cancel_backend(pid) FROM pg_stat_replication WHERE pid IN (SELECT active_pid "
      "FROM pg_replication_slots WHERE starts_with(slot_name, '" +
      run.schema() + "'))");
  run.End().Converges();
  EXPECT_EQ(LeftOnServer(), "");
}

TEST_F(RefusalsTest, AListenerWhoseSlotIsDroppedJoinsAnew) {
  LockstepRun run = Start({.transactions = 12'000, .listeners = 2});
  WaitForTransaction(run, 300);
  const std::string slot = run.schema() + "_1";
  // Its reader comes back at once: as often as it takes.
  WaitUntil("the slot is dropped", [&] {
    auto sql = Sql();
    (void)sql.Execute(
        "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE "
        "slot_name = '" +
        slot + "'");
    return sql.Execute("SELECT pg_drop_replication_slot('" + slot + "')").has_value();
  });
  const Ended ended = run.End();
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.verdict(), "converged") << ended.output;
  EXPECT_EQ(ended.report["listeners"].size(), 3u) << ended.output;
  EXPECT_EQ(LeftOnServer(), "");
}

// Out of it and into it again: as it was, but what was changed in between was not sent.
TEST_F(RefusalsTest, APublicationThatWasAlteredIsNamedAndNoListenerBlamed) {
  LockstepRun run = Start({.transactions = 6000, .plugin = "pgoutput"});
  WaitForTransaction(run, 200);
  const std::string publication = run.schema();
  Execute("ALTER PUBLICATION " + publication + " SET (publish = 'insert')");
  WaitForTransaction(run, 400);
  Execute("ALTER PUBLICATION " + publication +
          " SET (publish = 'insert, update, delete, truncate')");
  const Ended ended = run.End();
  ended.IsInconclusive();
  EXPECT_NE(ended.reason().find("the publication " + publication + " was altered or dropped"),
            std::string::npos)
      << ended.reason();
  EXPECT_EQ(LeftOnServer(), "");
}

}  // namespace
}  // namespace lockstep::integration
