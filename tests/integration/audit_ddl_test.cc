// Audits with a log of schema changes.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "model/lsn.h"
#include "tests/integration/audit_fixture.h"
#include "tests/integration/audit_run.h"
#include "tests/integration/footprint.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::integration {
namespace {

using postgres::Connection;
using postgres::Must;
using ::testing::HasSubstr;
using ::testing::Not;

class AuditDdlTest : public AuditFixture {
 protected:
  void SetUp() override { Execute("CREATE SCHEMA app"); }
  void TearDown() override {
    AuditFixture::TearDown();
    Execute("DROP SCHEMA app CASCADE");
  }

  AuditRun Start(std::vector<std::string> arguments, const std::vector<std::string>& command,
                 const std::string& user = "postgres") {
    arguments.emplace_back("--install-triggers");
    return AuditFixture::Start(std::move(arguments), command, user);
  }
  // What PrintLsn printed.
  static model::Lsn Printed(const AuditEnded& ended, const std::string& word) {
    const std::string mark = "\nlsn " + word + " ";
    const auto at = ended.output.find(mark) + mark.size();
    return Must(model::ParseLsn(ended.output.substr(at, ended.output.find('\n', at) - at)));
  }
};

std::string PrintLsn(const std::string& word) {
  return " -c \"SELECT 'lsn " + word + " ' || pg_current_wal_insert_lsn()\" ";
}

// Nothing but the log has the statement's LSN: the stream shows the end of a transaction, and of a
// rewrite nothing.
TEST_F(AuditDdlTest, ATableIsReadAnewFromTheStatementOnThatChangedIt) {
  Execute(
      "CREATE TABLE app.kept(id int PRIMARY KEY, n int); INSERT INTO app.kept VALUES (1, 0);"
      "CREATE TABLE app.altered(id int PRIMARY KEY); INSERT INTO app.altered VALUES (1);"
      "CREATE TABLE app.rewritten(id int PRIMARY KEY, n numeric);"
      "INSERT INTO app.rewritten VALUES (1, 1.5), (2, 2.5)");
  const AuditEnded ended =
      Start(
          {"--plugin=all", "--checkpoint=1000s"},
          Shell("psql -qAt" + PrintLsn("one") +
                "-c 'ALTER TABLE app.rewritten ALTER n TYPE numeric USING n + random()::numeric'" +
                PrintLsn("two") +
                "-c 'UPDATE app.rewritten SET n = 7 WHERE id = 1; UPDATE app.kept SET n = 1'" +
                PrintLsn("three") + "-c 'CREATE TABLE app.made(id int PRIMARY KEY)'" +
                PrintLsn("four") + "-c 'ALTER TABLE app.altered ADD note text'" + PrintLsn("five") +
                "-c 'INSERT INTO app.made VALUES (1); INSERT INTO app.altered VALUES (2)'"))
          .End();
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  struct Statement {
    std::string reason, before, after;
  };
  const std::map<std::string, Statement> expected = {
      {"rewritten", {"was rewritten by ALTER TABLE", "one", "two"}},
      {"altered", {"was altered by ALTER TABLE", "four", "five"}}};
  for (const auto& auditor : ended.report.at("listeners")) {
    EXPECT_EQ(auditor.at("resyncs").size(), 2u) << auditor.at("resyncs");
    for (const auto& resync : auditor.at("resyncs")) {
      const Statement& statement = expected.at(resync["table"]);
      EXPECT_EQ(resync["reason"], statement.reason) << resync;
      EXPECT_TRUE(resync["copied_at"].is_string()) << resync;
      const model::Lsn lsn = Must(model::ParseLsn(resync["lsn"].get<std::string>()));
      EXPECT_GE(lsn, Printed(ended, statement.before)) << resync;
      EXPECT_LT(lsn, Printed(ended, statement.after)) << resync;
    }
    for (const auto& table : auditor.at("tables")) {
      EXPECT_EQ(table["status"], "equal") << table;
      EXPECT_FALSE(table["schema"].get<std::string>().starts_with("lockstep")) << table;
      if (table["table"] == "kept") {
        EXPECT_EQ(table["followed_from"], auditor["joined"]);
      }
    }
  }
}

// The comparison's snapshot waits for an open transaction, and a table is altered meanwhile.
TEST_F(AuditDdlTest, ATableThatIsAlteredJustThenKeepsNoOtherFromBeingCompared) {
  Execute(
      "CREATE TABLE app.altered(id int PRIMARY KEY); INSERT INTO app.altered VALUES (1);"
      "CREATE TABLE app.t(id int PRIMARY KEY); INSERT INTO app.t VALUES (1)");
  AuditRun run = Start({"--plugin=pgoutput", "--checkpoint=1s", "--keep=" + Path("kept")},
                       Shell("while [ ! -e " + Path("go_on") + " ]; do sleep 0.1; done"));
  const auto log = [&] { return ReadText(Path("kept") + "/logs/audit-pgoutput.log"); };
  WaitUntil("all have attached",
            [&] { return run.output().find("lockstep: attached") != std::string::npos; });
  for (int i = 0; log().find("left 1 tables") == std::string::npos; ++i) {
    Execute(fmt::format("INSERT INTO app.t VALUES ({})", 2 + i));
    Connection open = Open();
    Must(open.Execute("BEGIN; SELECT pg_current_xact_id()"));
    WaitUntil("a comparison waits for it", [&] {
      return Scalar(
                 "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = "
                 "'transactionid'") != "0";
    });
    Execute(fmt::format("ALTER TABLE app.altered ADD a{} int", i));
    const std::string before = log();
    Must(open.Execute("COMMIT"));
    WaitUntil("it has gone on or was given up", [&] {
      const std::string now = log().substr(before.size());
      return now.find("compared") != std::string::npos ||
             now.find("tried again") != std::string::npos;
    });
    ASSERT_LT(i, 20) << log();
  }
  std::ofstream(Path("go_on")).close();
  const AuditEnded ended = run.End();
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_THAT(log(), Not(HasSubstr("altered or dropped while the slot was made")));
}

// Without the log its new file would be taken for that of a rewrite.
TEST_F(AuditDdlTest, ANewFileDoesNotExcuseADifference) {
  Execute("CREATE TABLE app.t(id int PRIMARY KEY, n int)");
  const AuditEnded ended =
      Start({"--sabotage=corrupt-value", "--checkpoint=1000s"},
            Shell("for i in $(seq 1 40); do echo \"INSERT INTO app.t VALUES ($i, 10), (1000 + $i, "
                  "20);\"; done | psql -q; psql -q -c 'VACUUM FULL app.t'"))
          .End();
  EXPECT_EQ(ended.exit_code, 2) << ended.output;
  EXPECT_EQ(ended.Status("t"), "different");
}

TEST_F(AuditDdlTest, ItGoesWhenTheAuditIsInterrupted) {
  Execute("CREATE TABLE app.t(id int PRIMARY KEY)");
  AuditRun run = Start({"--watch"}, {});
  WaitUntil("it has attached",
            [&] { return run.output().find("lockstep: attached") != std::string::npos; });
  EXPECT_THAT(Left(), HasSubstr("_ddl_rewrite"));
  run.Signal(SIGINT);
  EXPECT_EQ(run.End().exit_code, 0);
}

// Each has its own: neither that ends takes what the other needs.
TEST_F(AuditDdlTest, TwoSideBySideLeaveNothingWhicheverEndsFirst) {
  Execute("CREATE TABLE app.t(id int PRIMARY KEY, n int)");
  const auto attached = [](const AuditRun& run) {
    return run.output().find("lockstep: attached") != std::string::npos;
  };
  AuditRun first = Start({"--plugin=all", "--watch"}, {});
  WaitUntil("the first has attached", [&] { return attached(first); });
  AuditRun second = Start({"--plugin=all", "--watch"}, {});
  WaitUntil("the second has attached", [&] { return attached(second); });
  Execute("INSERT INTO app.t VALUES (1, 1); TRUNCATE app.t; INSERT INTO app.t VALUES (1, 2)");
  first.Signal(SIGINT);
  const AuditEnded one = first.End();
  EXPECT_EQ(one.exit_code, 0) << one.output;
  EXPECT_EQ(one.Status("t"), "equal") << one.output;
  Execute("INSERT INTO app.t VALUES (2, 1); TRUNCATE app.t; INSERT INTO app.t VALUES (1, 3)");
  second.Signal(SIGINT);
  const AuditEnded other = second.End();
  EXPECT_EQ(other.exit_code, 0) << other.output;
  EXPECT_EQ(other.Status("t"), "equal") << other.output;
}

// Also a schema is dropped as without us.
TEST_F(AuditDdlTest, ASchemaIsDroppedWhoseTablesWereFollowed) {
  Execute(
      "CREATE SCHEMA mine; CREATE TABLE mine.t(id int PRIMARY KEY); "
      "INSERT INTO mine.t VALUES (1)");
  const AuditEnded ended =
      Start({"--plugin=decoderbufs"},
            Shell("psql -q -v ON_ERROR_STOP=1 -c 'TRUNCATE mine.t' "
                  "-c 'ALTER TABLE mine.t RENAME TO u' -c 'ALTER TABLE mine.u SET SCHEMA app' "
                  "-c 'DROP TABLE app.u' -c 'DROP SCHEMA mine'"))
          .End();
  EXPECT_EQ(ended.exit_code, 5) << ended.output;  // nothing is left to be compared
  EXPECT_EQ(ended.report.at("command_status"), 0) << ended.output;
}

TEST_F(AuditDdlTest, ALogThatSubscribersWouldBeSentIsRefused) {
  Execute("CREATE TABLE app.t(id int PRIMARY KEY); CREATE PUBLICATION everything FOR ALL TABLES");
  const AuditEnded ended = Start({"--plugin=decoderbufs,pgoutput"}, Shell("true")).End();
  EXPECT_EQ(ended.exit_code, 1) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr("publication everything is FOR ALL TABLES"));
  // The log of schema changes is not sent, and TRUNCATE needs none here.
  EXPECT_EQ(Start({"--plugin=pgoutput"}, Shell("psql -q -c 'INSERT INTO app.t VALUES (1)'"))
                .End()
                .exit_code,
            0);
  Execute("DROP PUBLICATION everything");
}

// One that is made meanwhile: what is truncated from then on is read anew.
TEST_F(AuditDdlTest, ATruncateThatMayNotBeShownIsNoDifference) {
  Execute(
      "CREATE TABLE app.t(id int PRIMARY KEY, n int); INSERT INTO app.t VALUES (1, 1), (2, 2);"
      "CREATE TABLE app.keep(id int PRIMARY KEY)");
  const AuditEnded ended = Start({"--plugin=decoderbufs", "--checkpoint=1000s"},
                                 Shell("psql -q -c 'CREATE PUBLICATION everything FOR ALL TABLES' "
                                       "-c 'TRUNCATE app.t' -c 'INSERT INTO app.t VALUES (1, 2)' "
                                       "-c 'DROP PUBLICATION everything' "
                                       "-c 'INSERT INTO app.keep VALUES (1)'"))
                               .End();
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.Status("t"), "equal");
  EXPECT_THAT(ended.output, HasSubstr("app.t was rewritten by TRUNCATE"));
}

TEST_F(AuditDdlTest, WithoutASuperuserTheRestGoesOn) {
  Execute(
      "CREATE ROLE owner LOGIN REPLICATION; GRANT CREATE, USAGE ON SCHEMA app TO owner;"
      "GRANT CREATE ON DATABASE postgres TO owner;"
      "SET ROLE owner; CREATE TABLE app.t(id int PRIMARY KEY, n numeric); RESET ROLE");
  const AuditEnded ended =
      Start({"--plugin=decoderbufs"},
            Shell("psql -q -c 'INSERT INTO app.t VALUES (1, 1); TRUNCATE app.t'"), "owner")
          .End();
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.Status("t"), "equal");
  EXPECT_THAT(ended.output, HasSubstr("without a log of schema changes"));
  EXPECT_THAT(ended.output, HasSubstr("superuser"));
  Execute("DROP OWNED BY owner; DROP ROLE owner");
}

}  // namespace
}  // namespace lockstep::integration
