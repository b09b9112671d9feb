// Audits of databases, tables, users and settings that are out of the ordinary: what cannot be
// followed is named, and nothing is called equal or different wrongly.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "postgres/connection.h"
#include "tests/integration/audit_fixture.h"
#include "tests/integration/audit_run.h"
#include "tests/integration/footprint.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::integration {
namespace {

using postgres::Connection;
using postgres::Must;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Each test has a database of its own, and each kind of user is there once.
class AuditLimitsTest : public AuditFixture {
 protected:
  AuditLimitsTest() : AuditFixture("limits") {}
  void SetUp() override { MakeDatabase("UTF8"); }
  void TearDown() override {
    AuditFixture::TearDown();
    Must(Sql().Execute("DROP DATABASE limits WITH (FORCE)"));
  }

  static void MakeDatabase(const std::string& encoding) {
    Must(Sql().Execute("DROP DATABASE IF EXISTS limits WITH (FORCE)"));
    Must(Sql().Execute("CREATE DATABASE limits LOCALE 'C' TEMPLATE template0 ENCODING '" +
                       encoding + "'"));
  }
  AuditEnded Audit(std::vector<std::string> arguments, const std::string& sql,
                   const std::string& user = "postgres") {
    return AuditFixture::Audit(std::move(arguments), Psql(sql), user);
  }
  // That every table was compared on every plugin, and changed.
  static void ExpectAllEqual(const AuditEnded& ended, std::size_t tables) {
    EXPECT_EQ(ended.exit_code, 0) << ended.output;
    EXPECT_EQ(ended.report.at("command_status"), 0) << ended.output;
    for (const auto& listener : ended.report.at("listeners")) {
      EXPECT_EQ(listener["tables"].size(), tables) << listener;
      for (const auto& table : listener["tables"]) {
        EXPECT_EQ(table["status"], "equal") << listener["plugin"] << table;
        EXPECT_GT(table["changes"], 0) << listener["plugin"] << table;
      }
    }
  }
};

// ---- encodings ----

// Whose tables and values are named with the one letter, in its database's encoding.
std::string TablesNamedWith(const std::string& letter) {
  return fmt::format(
      "CREATE TYPE \"e{0}\" AS ENUM ('plain', 'l{0}bel'); CREATE SCHEMA \"s{0}\";"
      "CREATE TABLE \"s{0}\".\"t{0}\"(\"k{0}\" text PRIMARY KEY, e \"e{0}\", c char(4), j jsonb,"
      " a \"e{0}\"[], x xml, big text);"
      "ALTER TABLE \"s{0}\".\"t{0}\" ALTER big SET STORAGE EXTERNAL;"
      "CREATE TABLE \"f{0}\"(v varchar(9), n name); ALTER TABLE \"f{0}\" REPLICA IDENTITY FULL;"
      "INSERT INTO \"s{0}\".\"t{0}\" VALUES ('{0}', 'l{0}bel', '{0}', '{{\"{0}\": \"{0}\"}}',"
      " '{{l{0}bel}}', '<a/>', repeat('{0}', 9000))",
      letter);
}
std::string ChangesNamedWith(const std::string& letter) {
  return fmt::format(
      "SET client_encoding = 'SQL_ASCII'; INSERT INTO \"s{0}\".\"t{0}\" VALUES ('{0}{0}', "
      "'l{0}bel',"
      " '{0}', '{{\"{0}\": \"{0}\"}}', '{{l{0}bel}}', '<?xml version=\"1.1\"?><a/>', 'x');"
      "UPDATE \"s{0}\".\"t{0}\" SET \"k{0}\" = 'moved {0}' WHERE \"k{0}\" = '{0}{0}';"
      "UPDATE \"s{0}\".\"t{0}\" SET c = '{0}x' WHERE \"k{0}\" = '{0}';"
      "INSERT INTO \"f{0}\" VALUES ('{0}', 'n{0}'), ('{0}', 'n{0}'), ('x', 'y');"
      "UPDATE \"f{0}\" SET v = 'u{0}' WHERE ctid = '(0,1)'; DELETE FROM \"f{0}\" WHERE v = 'x'",
      letter);
}

TEST_F(AuditLimitsTest, TextIsComparedInTheDatabasesOwnEncoding) {
  const std::pair<const char*, const char*> encodings[] = {
      {"LATIN1", "\xe4"}, {"EUC_JP", "\xc6\xfc"}, {"SQL_ASCII", "\xff"}};
  for (const auto& [encoding, letter] : encodings) {
    SCOPED_TRACE(encoding);
    MakeDatabase(encoding);
    Execute(TablesNamedWith(letter));
    ExpectAllEqual(Audit({"--plugin=all"}, ChangesNamedWith(letter)), 2);
  }
}

TEST_F(AuditLimitsTest, ADifferenceIsShownInAnyEncoding) {
  MakeDatabase("LATIN1");
  Execute("CREATE TABLE \"t\xe4\"(id int PRIMARY KEY, v text); CREATE TABLE \"t\xf6\"(id int)");
  for (const char* plugin : {"wal2json", "pgoutput"}) {
    const AuditEnded ended =
        Audit({std::string("--plugin=") + plugin, "--sabotage=drop-change"},
              "DO $$ BEGIN FOR i IN 1..40 LOOP EXECUTE format('INSERT INTO %I VALUES ($1, $2), "
              "(-$1, $2)', "
              "'t' || chr(228)) USING i, 'gr' || chr(246) || chr(223); COMMIT; END LOOP; END $$");
    EXPECT_EQ(ended.exit_code, 2) << ended.output;
    EXPECT_EQ(ended.report.at("first_divergence").at("source").at("v"), "gr\\xf6\\xdf");
    EXPECT_EQ(ended.Status("t\\xe4"), "different");
    EXPECT_EQ(ended.Status("t\\xf6"), "equal");
    EXPECT_THAT(ended.output, Not(HasSubstr("\xe4")));
    Execute("TRUNCATE \"t\xe4\"");
  }
}

TEST_F(AuditLimitsTest, PatternsAreInTheDatabasesEncodingOrRefused) {
  Execute("CREATE TABLE \"tä\"(id int PRIMARY KEY)");
  ExpectAllEqual(Audit({"--tables=tä"}, "INSERT INTO \"tä\" VALUES (1)"), 1);
  MakeDatabase("LATIN1");
  const AuditEnded ended = Audit({"--tables=tä"}, "SELECT");
  EXPECT_EQ(ended.exit_code, 1) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr("the database is in LATIN1; write *"));
}

// ---- names and columns ----

TEST_F(AuditLimitsTest, NamesMayHoldAnyCharacter) {
  const std::string long_name(63, 'n');
  Execute(
      "CREATE SCHEMA \" a.\"\"b'\\c\"; SET search_path = \" a.\"\"b'\\c\";"
      "CREATE TYPE \"Mood \"\"x\"\".y\" AS ENUM ('it''s', 'a \"b\"', 'c\\d', 'e,f{}', '日本');"
      "CREATE TABLE \"T. \"\"q\"\" 日本 {} %s\"(\"K \"\".,'\\\" \"Mood \"\"x\"\".y\" PRIMARY KEY,"
      " \"line\n\tend\" \"Mood \"\"x\"\".y\"[]);"
      "CREATE TABLE \"" +
      long_name + "\"(\"" + long_name +
      "\" int PRIMARY KEY);"
      "CREATE TABLE \"*\"(\"?\" int, \"%d\" text); ALTER TABLE \"*\" REPLICA IDENTITY FULL");
  const AuditEnded ended = Audit(
      {"--plugin=all", "--install-triggers"},
      "SET search_path = \" a.\"\"b'\\c\";"
      "INSERT INTO \"T. \"\"q\"\" 日本 {} %s\" VALUES ('a \"b\"', '{\"c\\\\d\", \"e,f{}\"}'),"
      " ('日本', '{it''s}');"
      "UPDATE \"T. \"\"q\"\" 日本 {} %s\" SET \"K \"\".,'\\\" = 'c\\d' WHERE "
      "\"K \"\".,'\\\" = 'a \"b\"';"
      "INSERT INTO \"" +
          long_name + "\" VALUES (1), (2); DELETE FROM \"" + long_name + "\" WHERE \"" + long_name +
          "\" = 1;"
          "INSERT INTO \"*\" VALUES (1, '%n'), (1, '%n'); TRUNCATE \"*\";"
          "INSERT INTO \"*\" VALUES (2, '%n'); UPDATE \"*\" SET \"?\" = 3");
  ExpectAllEqual(ended, 3);
}

TEST_F(AuditLimitsTest, ManyColumnsAndNone) {
  std::string columns;
  for (int i = 1; i < 1600; ++i) columns += fmt::format(", c{} {}", i, i % 2 == 0 ? "int" : "text");
  Execute("CREATE TABLE wide(id int PRIMARY KEY" + columns +
          ");"
          "CREATE TABLE none(); INSERT INTO none DEFAULT VALUES;"
          "CREATE TABLE none_whole(); ALTER TABLE none_whole REPLICA IDENTITY FULL;"
          "CREATE TABLE made(g int GENERATED ALWAYS AS (1 + 1) STORED);"
          "INSERT INTO made DEFAULT VALUES;"
          "CREATE TABLE lost(a int, id int PRIMARY KEY, b text); INSERT INTO lost VALUES (1, 1);"
          "ALTER TABLE lost DROP a, ADD c int DEFAULT 5;"
          "CREATE TABLE all_lost(a int); INSERT INTO all_lost VALUES (1), (2);"
          "ALTER TABLE all_lost DROP a");
  const AuditEnded ended =
      Audit({"--plugin=all"},
            "INSERT INTO wide(id, c1599) VALUES (1, 'x'), (2, NULL); UPDATE wide SET c2 = 2;"
            "DELETE FROM wide WHERE id = 2; INSERT INTO none DEFAULT VALUES;"
            "INSERT INTO none_whole DEFAULT VALUES; INSERT INTO none_whole DEFAULT VALUES;"
            "DELETE FROM none_whole WHERE ctid = '(0,1)'; INSERT INTO made DEFAULT VALUES;"
            "INSERT INTO lost VALUES (2, 'n'); UPDATE lost SET id = 3 WHERE id = 1;"
            "INSERT INTO all_lost DEFAULT VALUES");
  ExpectAllEqual(ended, 6);
}

TEST_F(AuditLimitsTest, AKeyThatIsNotSentExcludesTheTable) {
  Execute(
      "CREATE TABLE t(a int, g int GENERATED ALWAYS AS (a * 2) STORED PRIMARY KEY);"
      "CREATE TABLE o(id int PRIMARY KEY)");
  const AuditEnded ended = Audit({"--plugin=pgoutput"}, "INSERT INTO t VALUES (1); SELECT");
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.Status("t"), "excluded");
  EXPECT_THAT(ended.Reason("t"), HasSubstr("column g of the key is not shown as it is"));
}

// ---- rights ----

class AuditRightsTest : public AuditLimitsTest {
 protected:
  void SetUp() override {
    AuditLimitsTest::SetUp();
    Execute(
        "CREATE ROLE owner LOGIN REPLICATION; CREATE ROLE reader LOGIN REPLICATION;"
        "CREATE ROLE plain LOGIN; GRANT CREATE ON DATABASE limits TO owner;"
        "GRANT CREATE, USAGE ON SCHEMA public TO owner, reader;"
        "CREATE TABLE others(id int PRIMARY KEY); GRANT SELECT ON others TO owner, reader;"
        "CREATE TABLE secret(id int PRIMARY KEY)");
    Must(Open("owner").Execute(
        "CREATE TABLE mine(id int PRIMARY KEY, n int); CREATE TABLE keyless(n int);"
        "GRANT SELECT ON mine, keyless TO reader"));
  }
  void TearDown() override {
    Execute("DROP OWNED BY owner, reader, plain; DROP ROLE owner, reader, plain");
    AuditLimitsTest::TearDown();
  }
};

TEST_F(AuditRightsTest, AnOwnersTablesAreFollowedAndTheRestIsNamed) {
  const AuditEnded ended =
      Audit({"--plugin=all"},
            "INSERT INTO mine VALUES (1, 1); UPDATE mine SET n = 2; INSERT INTO keyless VALUES (1)",
            "owner");
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.Status("mine"), "equal");
  EXPECT_EQ(ended.Status("keyless"), "equal");
  EXPECT_THAT(ended.Reason("others"), AllOf(HasSubstr("pgoutput, pgoutput-binary: "),
                                            HasSubstr("only the owner of a table")));
  EXPECT_THAT(ended.Reason("secret"), HasSubstr("the user has no right to SELECT"));
}

// The stream of a user who is no superuser does not show it: a comparison does.
TEST_F(AuditRightsTest, ATableMadeMeanwhileIsFollowed) {
  const std::string sql =
      "CREATE TABLE fresh(id int PRIMARY KEY); INSERT INTO fresh VALUES (1);"
      "INSERT INTO mine VALUES (1, 1)";
  for (const char* plugin : {"--plugin=pgoutput", "--plugin=wal2json"}) {
    const AuditEnded ended = Audit({plugin}, sql, "owner");
    EXPECT_EQ(ended.exit_code, 0) << ended.output;
    EXPECT_EQ(ended.Status("fresh"), "equal") << plugin;
    Execute("DROP TABLE fresh; DELETE FROM mine");
  }
}

TEST_F(AuditRightsTest, ATableOfAnotherRoleMadeMeanwhileNeedsNoTrigger) {
  AuditRun run = Start({"--database=" + Conninfo("owner"), "--watch", "--plugin=decoderbufs",
                        "--install-triggers", "--tables=mine, late"},
                       {});
  WaitUntil("it has attached",
            [&] { return run.output().find("lockstep: attached") != std::string::npos; });
  Execute("CREATE TABLE late(id int PRIMARY KEY); GRANT SELECT ON late TO owner");
  Execute("INSERT INTO late VALUES (1); INSERT INTO mine VALUES (1, 1)");
  run.Signal(SIGINT);
  const AuditEnded ended = run.End();
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.Status("mine"), "equal");
  EXPECT_EQ(ended.Status("late"), "equal") << ended.Reason("late");
}

TEST_F(AuditRightsTest, WhatIsMissingIsNamedBeforeAnythingIsMade) {
  const auto expect = [&](const char* user, const char* plugin, const char* what) {
    const AuditEnded ended = Audit({std::string("--plugin=") + plugin}, "SELECT", user);
    EXPECT_EQ(ended.exit_code, 1) << user << plugin << ended.output;
    EXPECT_THAT(ended.output, HasSubstr(what));
    EXPECT_THAT(ended.output, Not(HasSubstr("logs are in")));
  };
  expect("plain", "wal2json", "ALTER ROLE ... REPLICATION");
  expect("reader", "pgoutput", "GRANT CREATE ON DATABASE limits TO reader");
  const AuditEnded triggers =
      Audit({"--plugin=decoderbufs", "--install-triggers"}, "SELECT", "reader");
  EXPECT_EQ(triggers.exit_code, 1) << triggers.output;
  EXPECT_THAT(triggers.output, HasSubstr("the user must own the tables"));
  // Only pgoutput needs that right.
  const AuditEnded ended = Audit({"--plugin=wal2json,decoderbufs"}, "SELECT", "reader");
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.Status("mine"), "equal");
}

// ---- settings ----

TEST_F(AuditLimitsTest, SettingsOfCommandDatabaseAndRoleDoNotMatter) {
  Execute(
      "CREATE TABLE t(id int PRIMARY KEY, ts timestamptz, iv interval, f8 float8, f4 float4,"
      " b bytea, v text, a timestamptz[], r tstzrange); ALTER TABLE t REPLICA IDENTITY FULL;"
      "INSERT INTO t VALUES (1, '2024-03-04 05:06:07.89+00', '1 mon 2 days 3:04:05.6', 0.1 / 3,"
      " 0.7, '\\x00ff41', 'größe', '{2024-03-04}', '[2024-03-04,2024-05-06)');"
      "ALTER DATABASE limits SET DateStyle = 'German';"
      "ALTER DATABASE limits SET bytea_output = 'escape';"
      "ALTER DATABASE limits SET client_encoding = 'LATIN1';"
      "ALTER ROLE postgres IN DATABASE limits SET TimeZone = 'Asia/Kolkata';"
      "ALTER ROLE postgres IN DATABASE limits SET IntervalStyle = 'sql_standard';"
      "ALTER ROLE postgres IN DATABASE limits SET extra_float_digits = -5;"
      "ALTER ROLE postgres IN DATABASE limits SET standard_conforming_strings = off;"
      "ALTER ROLE postgres IN DATABASE limits SET search_path = nowhere;"
      "ALTER ROLE postgres IN DATABASE limits SET idle_in_transaction_session_timeout = 1;"
      "ALTER ROLE postgres IN DATABASE limits SET idle_session_timeout = 200;"
      "ALTER ROLE postgres IN DATABASE limits SET default_transaction_read_only = on");
  const AuditEnded ended = Audit(
      {"--plugin=all"},
      "SET transaction_read_only = off; SET DateStyle = 'SQL, DMY'; SET bytea_output = escape; SET "
      "TimeZone = 'America/St_Johns';"
      "SET IntervalStyle = iso_8601; SET extra_float_digits = 0; SET client_encoding = LATIN1;"
      "INSERT INTO public.t SELECT 2, ts, iv, f8, f4, b, v || chr(228), a, r FROM public.t;"
      "UPDATE public.t SET ts = ts + '1 hour', iv = iv * 2.5 WHERE id = 1;"
      "DELETE FROM public.t WHERE id = 2; INSERT INTO public.t(id, v) VALUES (3, '\xe4')");
  ExpectAllEqual(ended, 1);
}

// ---- a race ----

// Done also where an expectation throws: the thread that is made before it would be joined for
// ever.
class Finally {
 public:
  explicit Finally(std::function<void()> action) : action_(std::move(action)) {}
  Finally(const Finally&) = delete;
  ~Finally() { action_(); }

 private:
  std::function<void()> action_;
};

// A pooled session keeps its counts for some seconds; until they come it is not known whether the
// rows are gone by an UPDATE that is not sent.
TEST_F(AuditLimitsTest, CountsThatASessionKeepsAreWaitedFor) {
  Execute("CREATE TABLE t(v int)");
  Execute("INSERT INTO t VALUES (1), (2)");
  AuditRun run = Start({"--watch", "--plugin=pgoutput"}, {});
  WaitUntil("it has attached",
            [&] { return run.output().find("lockstep: attached") != std::string::npos; });
  Connection pooled = Open();
  Must(pooled.Execute("SELECT count(*) FROM t"));  // tells its counts at once, and no more so soon
  Must(pooled.Execute("UPDATE t SET v = v + 10"));
  run.Signal(SIGINT);
  const AuditEnded ended = run.End();
  EXPECT_EQ(ended.Status("t"), "excluded") << ended.output;
  EXPECT_THAT(ended.Reason("t"), HasSubstr("rows were updated or deleted"));
}

// One that was begun while tables were copied, and so waited for the auditor's locks.
TEST_F(AuditLimitsTest, ATruncationThatWaitedForTheCopyExcludesTheTable) {
  Execute(
      "CREATE TABLE o(id int PRIMARY KEY); CREATE TABLE t(id int PRIMARY KEY, v text);"
      "INSERT INTO t SELECT g, repeat('x', 300) FROM generate_series(1, 200000) g");
  AuditRun run = Start({"--watch", "--plugin=decoderbufs"}, {});
  Connection sql = Open();
  const auto locks = [&](const char* of) {
    return Must(sql.Scalar(std::string("SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a "
                                       "USING (pid) WHERE l.relation = 't'::regclass AND ") +
                           of));
  };
  constexpr const char* kCopy =
      "l.granted AND l.mode = 'AccessShareLock' AND a.application_name = 'lockstep "
      "audit-decoderbufs' AND query LIKE 'COPY%'";
  WaitUntil("it copies", [&] { return locks(kCopy) != "0"; });
  run.Freeze(1);
  ASSERT_NE(locks(kCopy), "0") << "the table is too small";
  std::jthread truncating(
      [this] { Execute("TRUNCATE t; INSERT INTO t VALUES (1, 'new'), (2, 'new')"); });
  const Finally thaw([&] { run.Thaw(); });
  WaitUntil("TRUNCATE waits", [&] { return locks("NOT l.granted") != "0"; });
  run.Thaw();
  truncating.join();
  WaitUntil("it has attached",
            [&] { return run.output().find("lockstep: attached") != std::string::npos; });
  Execute("INSERT INTO t VALUES (3, 'new'); INSERT INTO o VALUES (1)");
  run.Signal(SIGINT);
  const AuditEnded ended = run.End();
  // A file of its own may also be that of VACUUM FULL: the rows that differ are excused.
  EXPECT_EQ(ended.exit_code, 5) << ended.output;
  EXPECT_EQ(ended.Status("t"), "excluded") << ended.output;
  EXPECT_THAT(ended.Reason("t"), HasSubstr("it was truncated or rewritten"));
  EXPECT_EQ(ended.Status("o"), "equal");
}

// A commit that waits for a synchronous standby is in the stream before anybody can see it.
TEST_F(AuditLimitsTest, ATruncationThatNobodySeesYetExcludesTheTable) {
  Execute("CREATE TABLE t(id int PRIMARY KEY); INSERT INTO t VALUES (1)");
  AuditRun run = Start({"--watch", "--plugin=decoderbufs"}, {});
  WaitUntil("it has attached",
            [&] { return run.output().find("lockstep: attached") != std::string::npos; });
  Execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
  Execute("SELECT pg_reload_conf()");
  WaitUntil("commits wait",
            [&] { return Must(Sql().Scalar("SHOW synchronous_standby_names")) == "nobody"; });
  std::jthread truncating(
      [this] { Execute("SET synchronous_commit = on; TRUNCATE t; INSERT INTO t VALUES (1)"); });
  const auto let_commit = [this] {
    Execute("ALTER SYSTEM RESET synchronous_standby_names");
    Execute("SELECT pg_reload_conf()");
  };
  const Finally finally(let_commit);
  WaitUntil("it is in the stream", [&] {
    return Must(Sql().Scalar(
               "SELECT count(*) FROM pg_stat_activity a, pg_stat_replication r WHERE a.wait_event "
               "= 'SyncRep' AND r.sent_lsn >= pg_current_wal_insert_lsn()")) != "0";
  });
  WaitUntil("the auditor waits for the others to see it", [&] {
    return Must(Sql().Scalar("SELECT count(*) FROM pg_stat_activity WHERE application_name = "
                             "'lockstep audit-decoderbufs' AND query LIKE "
                             "'%locktype = ''transactionid''%'")) != "0";
  });
  let_commit();
  truncating.join();
  run.Signal(SIGINT);
  const AuditEnded ended = run.End();
  EXPECT_EQ(ended.Status("t"), "excluded") << ended.output;
  EXPECT_THAT(ended.Reason("t"), HasSubstr("it was truncated or rewritten"));
}

}  // namespace
}  // namespace lockstep::integration
