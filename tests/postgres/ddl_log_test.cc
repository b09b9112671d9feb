#include "postgres/ddl_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "model/error.h"
#include "model/lsn.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class DdlLogTest : public ClusterFixture {
 protected:
  void SetUp() override {
    Must(sql_.Execute("CREATE SCHEMA app; SET search_path = app"));
    Must(InstallDdlLog(sql_, kLog, "lockstep_00000001_"));
  }
  void TearDown() override {
    Must(RemoveDdlLog(sql_, kLog));
    Must(sql_.Execute("RESET ROLE; DROP SCHEMA app CASCADE"));
  }
  void Execute(const std::string& sql) { Must(sql_.Execute(sql)); }
  std::string Scalar(const std::string& sql) { return Must(sql_.Scalar(sql)); }

  // "ALTER TABLE t (rewrite)" of each.
  static std::vector<std::string> Texts(const DdlLog& log) {
    std::vector<std::string> texts;
    for (const DdlEntry& entry : log.entries) {
      EXPECT_EQ(entry.table.schema, "app");
      texts.push_back(entry.tag + " " + entry.table.name + (entry.is_rewrite ? " (rewrite)" : "") +
                      (entry.is_drop ? " (drop)" : ""));
    }
    return texts;
  }
  // What is logged of the statements, each a transaction.
  std::vector<std::string> Logged(const std::vector<std::string>& statements) {
    for (const std::string& statement : statements) Execute(statement);
    return Texts(Read().value());
  }
  std::optional<DdlLog> Read() { return Must(ReadDdlLog(sql_, kLog)); }

  std::string Schemas() {
    return Scalar("SELECT count(*) FROM pg_namespace WHERE nspname ~ '^lockstep_'");
  }

  static constexpr const char* kLog = "lockstep_00000001_ddl";
  Connection sql_ = Sql();
};

TEST_F(DdlLogTest, TablesThatAreMadeAlteredRenamedAndDroppedAreLogged) {
  EXPECT_THAT(Logged({"CREATE TABLE t (id int PRIMARY KEY)", "ALTER TABLE t ADD n int DEFAULT 5",
                      "ALTER TABLE t RENAME COLUMN n TO m", "ALTER TABLE t RENAME TO u",
                      "CREATE TABLE c AS SELECT 1 AS one", "SELECT 2 AS two INTO d", "DROP TABLE u",
                      "DROP TABLE c"}),
              ElementsAre("CREATE TABLE t", "ALTER TABLE t", "ALTER TABLE t", "ALTER TABLE u",
                          "CREATE TABLE AS c", "SELECT INTO d", "DROP TABLE u (drop)",
                          "DROP TABLE c (drop)"));
}

TEST_F(DdlLogTest, ARewriteIsLoggedAtItsStatement) {
  Execute("CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 1)");
  const model::Lsn before = Must(sql_.ScalarLsn("SELECT pg_current_wal_insert_lsn()"));
  Execute("ALTER TABLE t ALTER n TYPE bigint USING n + 1");
  const model::Lsn after = Must(sql_.ScalarLsn("SELECT pg_current_wal_insert_lsn()"));
  Execute("ALTER TABLE t ADD at timestamptz DEFAULT clock_timestamp()");
  const DdlLog log = Read().value();
  EXPECT_THAT(Texts(log), ElementsAre("CREATE TABLE t", "ALTER TABLE t (rewrite)", "ALTER TABLE t",
                                      "ALTER TABLE t (rewrite)", "ALTER TABLE t"));
  EXPECT_LT(log.since, before);
  EXPECT_LE(before, log.entries[1].lsn);
  EXPECT_LT(log.entries[1].lsn, after);
  EXPECT_LE(after, log.entries[3].lsn);
}

TEST_F(DdlLogTest, WhatKeepsRowsAsTheyAreIsNoRewrite) {
  Execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  EXPECT_THAT(Logged({"VACUUM FULL t", "CLUSTER t USING t_pkey", "TRUNCATE t",
                      "CREATE INDEX ON t (id)", "COMMENT ON TABLE t IS 'x'"}),
              ElementsAre("CREATE TABLE t"));
}

TEST_F(DdlLogTest, ARewriteOfAPartitionIsOneOfItsRootsToo) {
  Execute(
      "CREATE TABLE root (id int, n int) PARTITION BY RANGE (id); CREATE TABLE middle PARTITION OF "
      "root FOR VALUES FROM (0) TO (9) PARTITION BY RANGE (id); CREATE TABLE leaf PARTITION OF "
      "middle FOR VALUES FROM (0) TO (9)");
  Execute("ALTER TABLE root ALTER n TYPE bigint");
  const DdlLog log = Read().value();
  std::vector<std::string> rewritten;
  for (const DdlEntry& entry : log.entries) {
    if (entry.is_rewrite) rewritten.push_back(entry.table.name);
  }
  EXPECT_THAT(rewritten, ::testing::UnorderedElementsAre("root", "middle", "leaf"));
}

TEST_F(DdlLogTest, TemporaryTablesViewsAndRolledBackStatementsAreNot) {
  EXPECT_THAT(Logged({"CREATE TEMP TABLE t (id int)", "ALTER TABLE t ADD x float DEFAULT random()",
                      "DROP TABLE t", "CREATE VIEW v AS SELECT 1", "DROP VIEW v",
                      "CREATE MATERIALIZED VIEW m AS SELECT 1 AS one",
                      "BEGIN; CREATE TABLE gone (id int); ROLLBACK"}),
              IsEmpty());
}

TEST_F(DdlLogTest, WhatLockstepDoesToTablesIsNot) {
  Execute("CREATE TABLE t (id int)");
  EXPECT_THAT(
      Logged({"SET application_name = 'lockstep audit-x'", "ALTER TABLE t ENABLE TRIGGER ALL"}),
      ElementsAre("CREATE TABLE t"));
}

TEST_F(DdlLogTest, WhoeverMayAlterFiresItAndMayNotWriteToIt) {
  Execute("CREATE ROLE maker; GRANT CREATE, USAGE ON SCHEMA app TO maker; SET ROLE maker");
  Execute("CREATE TABLE t (id int); ALTER TABLE t ADD x float DEFAULT random()");
  EXPECT_FALSE(Read());
  EXPECT_FALSE(sql_.Execute("DELETE FROM lockstep_00000001_ddl.log"));
  EXPECT_FALSE(
      sql_.Execute("CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION "
                   "lockstep_00000001_ddl.on_drop()"));
  Execute("RESET ROLE");
  EXPECT_THAT(Logged({}),
              ElementsAre("CREATE TABLE t", "ALTER TABLE t (rewrite)", "ALTER TABLE t"));
  Execute("DROP OWNED BY maker; DROP ROLE maker");
}

TEST_F(DdlLogTest, NoStatementFailsForIt) {
  Execute("ALTER TABLE lockstep_00000001_ddl.log ADD CHECK (tag = 'installed')");
  EXPECT_THAT(Logged({"CREATE TABLE t (id int)", "ALTER TABLE t ADD x float DEFAULT random()",
                      "DROP TABLE t"}),
              IsEmpty());
}

TEST_F(DdlLogTest, ASubscriptionsStatementsAreLogged) {
  EXPECT_THAT(Logged({"SET session_replication_role = replica", "CREATE TABLE t (id int)"}),
              ElementsAre("CREATE TABLE t"));
}

TEST_F(DdlLogTest, ASnapshotHasWhatItsTransactionsDid) {
  Connection reader = Sql();
  Must(reader.Execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1"));
  Execute("CREATE TABLE t (id int)");
  EXPECT_THAT(Texts(Must(ReadDdlLog(reader, kLog)).value()), IsEmpty());
  EXPECT_THAT(Texts(Read().value()), ElementsAre("CREATE TABLE t"));
}

TEST_F(DdlLogTest, ALogThatMayLackSomethingIsNone) {
  EXPECT_TRUE(Read());
  Execute("ALTER EVENT TRIGGER lockstep_00000001_ddl_rewrite DISABLE");
  EXPECT_FALSE(Read());
}

TEST_F(DdlLogTest, WhoIsNoSuperuserIsTold) {
  Must(RemoveDdlLog(sql_, kLog));
  Execute("CREATE ROLE maker; GRANT CREATE ON DATABASE postgres TO maker; SET ROLE maker");
  const auto installed = InstallDdlLog(sql_, kLog, "lockstep_00000001_");
  Execute("RESET ROLE");
  ASSERT_FALSE(installed);
  EXPECT_EQ(installed.error().kind, model::ErrorKind::kUsage);
  EXPECT_THAT(installed.error().message, ::testing::HasSubstr("superuser"));
  EXPECT_EQ(Schemas(), "0");
  Execute("DROP OWNED BY maker; DROP ROLE maker");
}

TEST_F(DdlLogTest, RemovingLeavesNothingAlsoASecondTime) {
  EXPECT_EQ(Schemas(), "1");
  Must(RemoveDdlLog(sql_, kLog));
  EXPECT_EQ(Schemas(), "0");
  EXPECT_FALSE(Read());
  EXPECT_EQ(Scalar("SELECT count(*) FROM pg_event_trigger"), "0");
  EXPECT_EQ(Scalar("SELECT count(*) FROM pg_proc WHERE proname IN ('on_end', 'on_rewrite', "
                   "'on_drop')"),
            "0");
  Must(RemoveDdlLog(sql_, kLog));
}

// A subscriber of all tables would stop for a table that it does not have.
TEST_F(DdlLogTest, NobodysPublicationSendsIt) {
  Execute("CREATE PUBLICATION everything FOR ALL TABLES; CREATE TABLE t (id int)");
  EXPECT_EQ(Scalar("SELECT string_agg(tablename, ' ') FROM pg_publication_tables"), "t");
  Execute("DROP PUBLICATION everything");
}

TEST_F(DdlLogTest, OneThatACrashEmptiedIsNone) {
  Execute("CREATE TABLE t (id int)");
  Must(cluster().Crash());
  Must(cluster().StartAgain());
  sql_ = Sql();
  EXPECT_FALSE(Read());
  Execute("SET search_path = app; CREATE TABLE u (id int)");
  EXPECT_FALSE(Read());
}

// Postgres refuses an UPDATE of a published table without identity, also in the transaction that
// takes it away.
TEST_F(DdlLogTest, ATableThatLosesItsIdentityIsPublishedNoLongerAtOnce) {
  Execute(
      "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY, i int NOT NULL);"
      "CREATE UNIQUE INDEX by_i ON u (i); ALTER TABLE u REPLICA IDENTITY USING INDEX by_i;"
      "CREATE TABLE kept (id int PRIMARY KEY); INSERT INTO t VALUES (1); "
      "INSERT INTO u VALUES (1, 1);"
      "CREATE PUBLICATION lockstep_00000001_pgoutput FOR TABLE t, u, kept;"
      "CREATE PUBLICATION theirs FOR TABLE kept");
  Execute("BEGIN; ALTER TABLE t DROP CONSTRAINT t_pkey; UPDATE t SET id = 2; COMMIT");
  Execute("BEGIN; DROP INDEX by_i; UPDATE u SET i = 2; COMMIT");
  EXPECT_EQ(Scalar("SELECT string_agg(tablename, ' ') FROM pg_publication_tables "
                   "WHERE pubname = 'lockstep_00000001_pgoutput'"),
            "kept");
  // What others publish is theirs.
  Execute("ALTER TABLE kept REPLICA IDENTITY NOTHING");
  EXPECT_EQ(Scalar("SELECT count(*) FROM pg_publication_tables"), "1");
  Execute("DROP PUBLICATION lockstep_00000001_pgoutput, theirs");
}

TEST_F(DdlLogTest, TwoOfThemAreNotInEachOthersWay) {
  Must(InstallDdlLog(sql_, "lockstep_00000002_ddl", "lockstep_00000002_"));
  Must(RemoveDdlLog(sql_, kLog));
  Execute("CREATE TABLE t (id int)");
  EXPECT_THAT(Texts(Must(ReadDdlLog(sql_, "lockstep_00000002_ddl")).value()),
              ElementsAre("CREATE TABLE t"));
  Must(RemoveDdlLog(sql_, "lockstep_00000002_ddl"));
}

}  // namespace
}  // namespace lockstep::postgres
