// Audits of a stream that lies: what differs is found, and told with all that is known of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstddef>
#include <fstream>
#include <string>

#include "tests/integration/audit_fixture.h"
#include "tests/integration/audit_run.h"
#include "tests/integration/footprint.h"

namespace lockstep::integration {
namespace {

using ::testing::HasSubstr;

class AuditFaultsTest : public AppAuditFixture {};

constexpr const char* kManyInserts =
    "for i in $(seq 1 40); do echo \"INSERT INTO app.t VALUES ($i, 10), (1000 + $i, 20);\"; done "
    "| psql -q";

TEST_F(AuditFaultsTest, ARowThatIsNotAsItWasSentIsShownWithKeyColumnAndTransaction) {
  Execute("CREATE TABLE app.t(id int PRIMARY KEY, n int)");
  const AuditEnded ended = Audit({"--sabotage=corrupt-value"}, Shell(kManyInserts));
  EXPECT_EQ(ended.exit_code, 2) << ended.output;
  EXPECT_EQ(ended.report.at("verdict"), "diverged");
  EXPECT_EQ(ended.Status("t"), "different");
  const auto& first = ended.report.at("first_divergence");
  const std::string id = first["key"]["id"];
  EXPECT_EQ(first["source"]["id"], id);
  EXPECT_EQ(first["source"]["n"], "20");
  EXPECT_EQ(first["replicated"]["n"], "21");
  EXPECT_EQ(first["xid"], std::stoi(Scalar("SELECT xmin FROM app.t WHERE id = " + id)));
  EXPECT_EQ(first["replicated_xid"], first["xid"]);
  EXPECT_THAT(ended.output, HasSubstr("row id = '" + id + "'"));
}

// While the command goes on, and not by the summary at the end.
TEST_F(AuditFaultsTest, WhatIsMadeIsToldBeforeAndADifferenceAtOnce) {
  Execute("CREATE TABLE app.t(id int PRIMARY KEY, n int)");
  AuditRun run = Start({"--sabotage=corrupt-value", "--checkpoint=1s", "--install-triggers"},
                       Shell(std::string(kManyInserts) + "; while [ ! -e " + Path("go_on") +
                             " ]; do sleep 0.1; done"));
  WaitUntil("the difference is told", [&] {
    return run.output().find("pgoutput: the replica is not what the source is:") !=
           std::string::npos;
  });
  const std::string told = run.output();
  EXPECT_EQ(told.find("Verdict"), std::string::npos);
  const std::size_t attached = told.find("lockstep: attached");
  for (const char* object : {"replication slot lockstep_", "publication", "_ddl_rewrite"})
    EXPECT_LT(told.find(object), attached) << object;
  std::ofstream(Path("go_on")).close();
  EXPECT_EQ(run.End().exit_code, 2);
}

TEST_F(AuditFaultsTest, AChangeThatIsLeftOutIsShown) {
  Execute("CREATE TABLE app.t(id int PRIMARY KEY, n int)");
  const AuditEnded ended =
      Audit({"--plugin=wal2json", "--sabotage=drop-change"}, Shell(kManyInserts));
  EXPECT_EQ(ended.exit_code, 2) << ended.output;
  EXPECT_TRUE(ended.report.at("first_divergence").at("replicated").is_null());
}

TEST_F(AuditFaultsTest, ALostCopyOfARowWithoutKeyIsShown) {
  Execute("CREATE TABLE app.t(id int, n int)");
  const AuditEnded ended =
      Audit({"--sabotage=drop-change"},
            Shell("for i in $(seq 1 40); do echo 'INSERT INTO app.t VALUES (0, 0), (1, 1);'; done "
                  "| psql -q"));
  EXPECT_EQ(ended.exit_code, 2) << ended.output;
  EXPECT_EQ(ended.report.at("first_divergence").at("source").at("id"), "1");
}

// The transaction changes one of the same name before it.
TEST_F(AuditFaultsTest, AChangeThatDoesNotFitIsOfItsOwnSchemasTable) {
  Execute(
      "CREATE SCHEMA b; CREATE TABLE app.t(id int PRIMARY KEY, n int); INSERT INTO app.t VALUES "
      "(1, 1); CREATE TABLE b.t(id int PRIMARY KEY)");
  const AuditEnded ended = Audit(
      {"--sabotage=duplicate-transaction"},
      Shell(
          "for i in $(seq 1 40); do echo \"BEGIN; UPDATE app.t SET n = $i; INSERT INTO b.t VALUES "
          "($i); COMMIT;\"; done | psql -q"));
  EXPECT_EQ(ended.exit_code, 2) << ended.output;
  for (const auto& table : ended.report.at("tables"))
    EXPECT_EQ(table["status"], table["schema"] == "b" ? "different" : "equal") << table;
  EXPECT_EQ(ended.report.at("first_divergence")["schema"], "b");
  Execute("DROP SCHEMA b CASCADE");
}

// Whether it was dropped and made again, say, or the stream erred.
TEST_F(AuditFaultsTest, AChangeThatDoesNotFitIsNoReadingAnewWhereNobodyCanLook) {
  Execute(
      "CREATE ROLE reader LOGIN REPLICATION; GRANT USAGE ON SCHEMA app TO reader; CREATE TABLE "
      "app.t(id int PRIMARY KEY); CREATE TABLE app.other(id int PRIMARY KEY); GRANT SELECT ON ALL "
      "TABLES IN SCHEMA app TO reader");
  AuditRun run = Start({"--database=" + Conninfo("reader"), "--plugin=wal2json", "--watch",
                        "--checkpoint=1000s", "--sabotage=duplicate-transaction"},
                       {});
  WaitUntilAttached(run);
  Execute("ALTER ROLE reader CONNECTION LIMIT 1");
  for (int i = 0; i < 40; ++i) Execute("INSERT INTO app.t VALUES (" + std::to_string(i) + ")");
  const std::string end = Scalar("SELECT pg_current_wal_insert_lsn()");
  WaitUntil("all is received", [&] {
    return Scalar("SELECT bool_and(confirmed_flush_lsn >= '" + end +
                  "') FROM pg_replication_slots") == "t";
  });
  Execute("ALTER ROLE reader CONNECTION LIMIT -1");
  run.Signal(SIGINT);
  const AuditEnded ended = run.End();
  EXPECT_EQ(ended.exit_code, 5) << ended.output;
  EXPECT_EQ(ended.Status("t"), "excluded");
  EXPECT_EQ(ended.Status("other"), "equal");
  EXPECT_THAT(ended.report.at("reason"), HasSubstr("could not be read"));
  Execute("DROP OWNED BY reader; DROP ROLE reader");
}

// By its last comparison alone it would be told at the end.
TEST_F(AuditFaultsTest, AChangeThatDoesNotFitIsToldAtOnce) {
  Execute("CREATE TABLE app.t(id int PRIMARY KEY)");
  AuditRun run = Start({"--watch", "--checkpoint=1000s", "--sabotage=duplicate-transaction"}, {});
  WaitUntilAttached(run);
  for (int i = 0; i < 40; ++i) Execute("INSERT INTO app.t VALUES (" + std::to_string(i) + ")");
  WaitUntil("it is told", [&] {
    return run.output().find("the replica has this key already") != std::string::npos;
  });
  run.Signal(SIGINT);
  EXPECT_EQ(run.End().exit_code, 2);
}

// As the plugin shows them: that something was left out is told.
TEST_F(AuditFaultsTest, WhatThePluginCannotShowIsCounted) {
  Execute("CREATE TABLE app.t(id int PRIMARY KEY, n numeric)");
  const AuditEnded ended =
      Audit({"--plugin=wal2json"}, Psql("INSERT INTO app.t VALUES (1, 'NaN'), (2, 'NaN'), (3, 4)"));
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.report.at("listeners")[0]["projected"]["non_finite"], 2);
  EXPECT_THAT(ended.output, HasSubstr("wal2json cannot show, so compared without: 2 non_finite"));
}

TEST_F(AuditFaultsTest, WhatGoesWrongAfterATableWasReadAnewIsFound) {
  AuditRun run = Start({"--sabotage=corrupt-value", "--plugin=pgoutput"},
                       Shell("psql -q -c '" + MakeReadAnew("app", "made") +
                             "'; psql -q -c 'ALTER TABLE app.made ADD n int' -c 'INSERT INTO "
                             "app.made VALUES (2, 0)'; while [ ! -e " +
                             Path("go_on") +
                             " ]; do sleep 0.1; done; for i in $(seq 1 40); do echo \"INSERT INTO "
                             "app.made VALUES ($i, 10), (1000 + $i, 20);\"; done | psql -q"));
  WaitUntilReadAnew(run, "pgoutput", "app.made");
  std::ofstream(Path("go_on")).close();
  const AuditEnded ended = run.End();
  EXPECT_EQ(ended.exit_code, 2) << ended.output;
  EXPECT_EQ(ended.Status("made"), "different");
  EXPECT_EQ(ended.report.at("first_divergence")["replicated_xid"],
            ended.report.at("first_divergence")["xid"]);
}

}  // namespace
}  // namespace lockstep::integration
