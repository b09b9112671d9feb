// Tables that are made while an audit looks: followed from their CREATE on, their changes proven.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/integration/audit_fixture.h"
#include "tests/integration/audit_run.h"

namespace lockstep::integration {
namespace {

// Until each table with a key is published wholly, where the audit publishes at all.
constexpr const char* kAwaitPublished = R"(DO $$ BEGIN
  WHILE EXISTS (SELECT FROM pg_publication WHERE pubname LIKE 'lockstep%') AND EXISTS (
      SELECT FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'app'::regnamespace
      AND EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary)
      AND NOT EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
                      WHERE r.prrelid = c.oid AND p.pubupdate))
  LOOP PERFORM pg_sleep(0.01); END LOOP;
END $$;
)";

// Until a comparison has begun and ended: each takes a slot of its own, and so does one that was
// tried in vain.
constexpr const char* kAwaitComparison = R"(DO $$ DECLARE seen text[] := '{}'; BEGIN
  WHILE cardinality(seen) < 5 LOOP
    seen := array(SELECT DISTINCT unnest(seen || array(
      SELECT slot_name::text FROM pg_replication_slots WHERE slot_name LIKE 'lockstep%check%')));
    PERFORM pg_sleep(0.01);
  END LOOP;
END $$;
)";

// What somebody does who builds a schema: tables of several kinds are made and filled, worked on,
// altered and dropped, and others made from them.
std::string BuildSchema() {
  constexpr int kTables = 40;
  std::string sql;
  const auto add = [&](const std::string& statement) { sql += statement + ";\n"; };
  for (int n = 1; n <= kTables; ++n) {
    add(fmt::format("CREATE TABLE app.t{} (id int PRIMARY KEY, v text, w int)", n));
    add(fmt::format("INSERT INTO app.t{} SELECT i, 'v' || i, i FROM generate_series(1, 500) i", n));
    if (n % 4 == 0) {
      add(fmt::format(
          "CREATE TABLE app.p{} (a int, b text, PRIMARY KEY (a)) PARTITION BY RANGE (a)", n));
      add(fmt::format(
          "CREATE TABLE app.p{0}_low PARTITION OF app.p{0} FOR VALUES FROM (0) TO (100)", n));
      add(fmt::format("CREATE TABLE app.p{0}_rest PARTITION OF app.p{0} DEFAULT", n));
      add(fmt::format("INSERT INTO app.p{} SELECT i, 'b' FROM generate_series(1, 200) i", n));
    }
    if (n % 5 == 0) {
      add(fmt::format("CREATE TABLE app.c{0} (extra int) INHERITS (app.t{0})", n));
      add(fmt::format("INSERT INTO app.c{} SELECT i, 'c', i, i FROM generate_series(1, 100) i", n));
      add(fmt::format("CREATE TABLE app.s{0} AS SELECT id, v FROM app.t{0} LIMIT 50", n));
      add(fmt::format("GRANT SELECT ON app.t{} TO pg_monitor", n));
    }
  }
  sql += kAwaitPublished;
  for (int n = 1; n <= kTables; ++n) {
    add(fmt::format("UPDATE ONLY app.t{} SET w = w + 1 WHERE id % 10 = 0", n));
    add(fmt::format("DELETE FROM ONLY app.t{} WHERE id % 50 = 0", n));
    add(fmt::format("CREATE INDEX ON app.t{} (w)", n));
  }
  sql += kAwaitComparison;
  for (int n = 6; n <= kTables; n += 6) add(fmt::format("DROP TABLE app.t{} CASCADE", n));
  for (int n = 31; n <= kTables; ++n) {
    if (n % 6 == 0) continue;
    add(fmt::format("ALTER TABLE app.t{} ADD COLUMN x int DEFAULT 7", n));
    add(fmt::format("INSERT INTO app.t{} VALUES (1000, 'x', 1, 2)", n));
    add(fmt::format("ALTER TABLE app.t{} RENAME COLUMN v TO y", n));
    add(fmt::format("INSERT INTO app.t{} VALUES (1001, 'x', 1, 2)", n));
    add(fmt::format("CREATE TABLE app.t{0}_copy (LIKE app.t{0} INCLUDING ALL)", n));
    add(fmt::format("INSERT INTO app.t{0}_copy SELECT * FROM ONLY app.t{0}", n));
  }
  return sql;
}

class AuditNewcomersTest : public AppAuditFixture {
 protected:
  AuditEnded Watched(const std::string& sql, std::vector<std::string> arguments) {
    return Audit(std::move(arguments), Shell("psql -q <<'EOF'\n" + sql + "\nEOF\n"));
  }
  static double ProvenShare(const AuditEnded& ended) {
    const auto& listener = ended.report.at("listeners")[0];
    return listener.at("proven").get<double>() / listener.at("changes").get<double>();
  }
};

TEST_F(AuditNewcomersTest, MostChangesOfASchemaThatIsBeingBuiltAreProven) {
  for (const char* plugin : {"--plugin=pgoutput", "--plugin=wal2json", "--plugin=decoderbufs"}) {
    const AuditEnded ended = Watched(BuildSchema(), {plugin, "--checkpoint=1s"});
    EXPECT_EQ(ended.exit_code, 0) << ended.output;
    EXPECT_GT(ProvenShare(ended), 0.9) << ended.output;
    Execute("DROP SCHEMA app CASCADE; CREATE SCHEMA app");
  }
}

// As pgbench -i and pg_restore do. Whether the key is there when the table is looked at, or comes
// later in the stream, its rows are what they were.
TEST_F(AuditNewcomersTest, AKeyThatIsAddedBehindTheRowsLeavesTheirChangesProven) {
  std::string sql;
  for (int n = 1; n <= 20; ++n) {
    sql += fmt::format(
        "CREATE TABLE app.r{0} (id int, v text);"
        "INSERT INTO app.r{0} SELECT i, 'v' FROM generate_series(1, 100) i;\n",
        n);
  }
  for (int n = 1; n <= 20; ++n)
    sql += fmt::format("ALTER TABLE app.r{} ADD PRIMARY KEY (id);\n", n);
  sql += kAwaitPublished;
  for (int n = 1; n <= 20; ++n) sql += fmt::format("UPDATE app.r{} SET v = 'w' WHERE id < 5;\n", n);
  for (const char* plugin : {"--plugin=pgoutput", "--plugin=wal2json", "--plugin=decoderbufs"}) {
    const AuditEnded ended = Watched(sql, {plugin, "--checkpoint=1s"});
    EXPECT_EQ(ended.exit_code, 0) << ended.output;
    EXPECT_GT(ProvenShare(ended), 0.9) << ended.output;
    Execute("DROP SCHEMA app CASCADE; CREATE SCHEMA app");
  }
}

TEST_F(AuditNewcomersTest, ATableThatGetsAKeyOrAnotherIdentityIsNotReadAnew) {
  for (const char* plugin : {"--plugin=pgoutput", "--plugin=wal2json", "--plugin=decoderbufs"}) {
    Execute(
        "CREATE TABLE app.t(id int, v text); CREATE TABLE app.u(id int PRIMARY KEY, v text);"
        "CREATE TABLE app.w(id int PRIMARY KEY, v text); INSERT INTO app.t VALUES (0, 'a')");
    const AuditEnded ended = Watched(
        "INSERT INTO app.t SELECT i, 'v' FROM generate_series(1, 100) i;"
        "ALTER TABLE app.t ADD PRIMARY KEY (id); INSERT INTO app.u VALUES (1, 'a');"
        "ALTER TABLE app.u REPLICA IDENTITY FULL; INSERT INTO app.w VALUES (1, 'a');"
        "ALTER TABLE app.w DROP CONSTRAINT w_pkey; INSERT INTO app.w VALUES (2, 'a')",
        {plugin, "--checkpoint=1000s", "--strict"});
    EXPECT_EQ(ended.exit_code, 0) << ended.output;
    EXPECT_EQ(ProvenShare(ended), 1) << ended.output;
    Execute("DROP TABLE app.t, app.u, app.w");
  }
}

// It began empty in the replica: a change that is lost is a fault from the first one on.
TEST_F(AuditNewcomersTest, ALostChangeOfANewTableIsFound) {
  for (const char* plugin : {"--plugin=pgoutput", "--plugin=wal2json", "--plugin=decoderbufs"}) {
    const AuditEnded ended = Watched(
        "CREATE TABLE app.t(id int PRIMARY KEY, v text);\n"
        "SELECT format('BEGIN; INSERT INTO app.t VALUES (%s, %L); INSERT INTO app.t VALUES (%s, "
        "%L); COMMIT', 2 * n, 'a', 2 * n + 1, 'b') FROM generate_series(0, 39) n \\gexec",
        {plugin, "--sabotage=drop-change"});
    EXPECT_EQ(ended.exit_code, 2) << ended.output;
    EXPECT_EQ(ended.Status("t"), "different") << ended.output;
    Execute("DROP TABLE app.t");
  }
}

// As pgbench -i does: nothing was in it behind the TRUNCATE.
TEST_F(AuditNewcomersTest, ALostChangeOfATableThatBeginsByTruncateIsFound) {
  for (const char* plugin : {"--plugin=pgoutput", "--plugin=wal2json"}) {
    const AuditEnded ended = Watched(
        "CREATE TABLE app.t(id int PRIMARY KEY, v text);\n"
        "BEGIN; TRUNCATE app.t; INSERT INTO app.t VALUES (100, 'x'); COMMIT;\n"
        "SELECT format('BEGIN; INSERT INTO app.t VALUES (%s, %L); INSERT INTO app.t VALUES (%s, "
        "%L); COMMIT', 2 * n, 'a', 2 * n + 1, 'b') FROM generate_series(0, 39) n \\gexec",
        {plugin, "--checkpoint=1000s", "--sabotage=drop-change"});
    EXPECT_EQ(ended.exit_code, 2) << ended.output;
    EXPECT_EQ(ended.Status("t"), "different") << ended.output;
    Execute("DROP TABLE app.t");
  }
}

// Where it may not have begun empty, it is compared at once: from then on a lost change is a fault.
TEST_F(AuditNewcomersTest, ALostChangeOfATableThatWasAlteredFirstIsFound) {
  for (const char* plugin : {"pgoutput", "wal2json"}) {
    AuditRun run = Start({"--watch", "--checkpoint=1000s", "--sabotage=drop-change",
                          std::string("--plugin=") + plugin},
                         {});
    WaitUntilAttached(run);
    Execute("CREATE TABLE app.t(id int PRIMARY KEY)");
    Execute("ALTER TABLE app.t ALTER id SET DEFAULT 7");
    Execute("INSERT INTO app.t VALUES (1)");
    WaitUntil("it was compared", [&] { return run.output().contains("1 tables compared"); });
    for (int n = 1; n <= 40; ++n) {
      Execute(fmt::format("INSERT INTO app.t VALUES ({}), ({})", 10 * n, 10 * n + 1));
    }
    run.Signal(SIGINT);
    const AuditEnded ended = run.End();
    EXPECT_EQ(ended.exit_code, 2) << ended.output;
    EXPECT_EQ(ended.Status("t"), "different") << ended.output;
    Execute("DROP TABLE app.t");
  }
}

// What a table had under another name, or before it was logged, no change of it tells.
TEST_F(AuditNewcomersTest, ATableThatDidNotBeginEmptyIsReadAnew) {
  const AuditEnded ended = Watched(
      "BEGIN; CREATE TABLE app.a(id int PRIMARY KEY); INSERT INTO app.a VALUES (1);\n"
      "ALTER TABLE app.a RENAME TO b; INSERT INTO app.b VALUES (2); COMMIT;\n"
      "CREATE UNLOGGED TABLE app.u(id int PRIMARY KEY); INSERT INTO app.u VALUES (1);\n"
      "ALTER TABLE app.u SET LOGGED; UPDATE app.u SET id = 5;\n"
      "CREATE TABLE public.m(id int PRIMARY KEY); INSERT INTO public.m VALUES (1);\n"
      "ALTER TABLE public.m SET SCHEMA app; DELETE FROM app.m; INSERT INTO app.m VALUES (3);\n"
      "CREATE TABLE app.keep(id int PRIMARY KEY); INSERT INTO app.keep VALUES (1);",
      {"--plugin=pgoutput,wal2json,decoderbufs", "--schema=app"});
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  for (const char* table : {"b", "u", "m", "keep"})
    EXPECT_EQ(ended.Status(table), "equal") << table << "\n" << ended.output;
}

// Changes of the first arrive when the second has its name and form: they are not its own.
TEST_F(AuditNewcomersTest, TablesOfOneNameAreToldApart) {
  for (const char* plugin : {"pgoutput", "wal2json", "decoderbufs"}) {
    AuditRun run = Start({"--watch", std::string("--plugin=") + plugin}, {});
    WaitUntilAttached(run);
    kill(run.Auditors().front(), SIGSTOP);
    for (const char* rows : {"generate_series(1, 20)", "generate_series(30, 35)"}) {
      Execute("DROP TABLE IF EXISTS app.t; CREATE TABLE app.t(id int PRIMARY KEY)");
      Execute(std::string("INSERT INTO app.t SELECT * FROM ") + rows);
    }
    Execute("CREATE TABLE app.keep(id int PRIMARY KEY)");
    Execute("INSERT INTO app.keep VALUES (1)");
    kill(run.Auditors().front(), SIGCONT);
    run.Signal(SIGINT);
    const AuditEnded ended = run.End();
    EXPECT_EQ(ended.exit_code, 0) << ended.output;
    EXPECT_EQ(ended.Status("t"), "equal") << ended.output;
    EXPECT_EQ(ended.Status("keep"), "equal") << ended.output;
    Execute("DROP TABLE app.t, app.keep");
  }
}

// The first change of the transaction that made the table is one of another table's.
TEST_F(AuditNewcomersTest, TablesOfOneNameInOneTransactionAreToldApart) {
  for (const char* plugin : {"pgoutput", "wal2json", "decoderbufs"}) {
    AuditRun run = Start({"--watch", std::string("--plugin=") + plugin}, {});
    WaitUntilAttached(run);
    Execute("CREATE TABLE app.t(id int PRIMARY KEY)");
    Execute(
        "BEGIN; INSERT INTO app.t VALUES (1); DROP TABLE app.t; CREATE TABLE app.t(id int PRIMARY "
        "KEY); INSERT INTO app.t VALUES (2); COMMIT");
    Execute("CREATE TABLE app.keep(id int PRIMARY KEY)");
    Execute("INSERT INTO app.keep VALUES (1)");
    run.Signal(SIGINT);
    const AuditEnded ended = run.End();
    EXPECT_EQ(ended.exit_code, 0) << ended.output;
    EXPECT_EQ(ended.Status("t"), "equal") << ended.output;
    Execute("DROP TABLE app.t, app.keep");
  }
}

// Inserts of the second fit the first, and only its UPDATE tells that it is another one: by then
// its rows were taken for the first one's.
TEST_F(AuditNewcomersTest, ATableThatWasTakenForAnEarlierOneIsReadAnew) {
  for (const char* plugin : {"--plugin=pgoutput", "--plugin=wal2json", "--plugin=decoderbufs"}) {
    Execute(
        "CREATE TABLE app.t(id int, v text); ALTER TABLE app.t REPLICA IDENTITY FULL;"
        "CREATE TABLE app.keep(id int PRIMARY KEY)");
    const AuditEnded ended = Watched(
        "INSERT INTO app.t VALUES (1, 'a');\nDROP TABLE app.t;\n"
        "CREATE TABLE app.t(id int PRIMARY KEY, v text);\nINSERT INTO app.t VALUES (10, 'a');\n"
        "UPDATE app.t SET v = 'b';\nINSERT INTO app.keep VALUES (1)",
        {plugin, "--checkpoint=1000s"});
    EXPECT_EQ(ended.exit_code, 0) << ended.output;
    EXPECT_EQ(ended.Status("t"), "equal") << ended.output;
    Execute("DROP TABLE app.t, app.keep");
  }
}

// pgoutput describes it again when it is in the other publication, too.
TEST_F(AuditNewcomersTest, ATableDroppedAndMadeAgainIsTheSameWhenItIsDescribedAgain) {
  Execute("CREATE TABLE app.t(id int PRIMARY KEY)");
  const AuditEnded ended = Watched(
      "INSERT INTO app.t VALUES (1);\nDROP TABLE app.t;\n"
      "CREATE TABLE app.t(id int PRIMARY KEY);\nINSERT INTO app.t VALUES (2);\n" +
          std::string(kAwaitPublished) + "INSERT INTO app.t VALUES (3)",
      {"--plugin=pgoutput", "--checkpoint=1000s"});
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.Status("t"), "equal") << ended.output;
  EXPECT_EQ(ended.output.find("read anew"), std::string::npos) << ended.output;
}

// Each is compared before the next one is made, and its changes are proven.
TEST_F(AuditNewcomersTest, ATableDroppedAndMadeAgainIsFollowedAnew) {
  std::string sql;
  for (const char* column : {"a int", "b text"}) {
    sql += fmt::format("DROP TABLE IF EXISTS app.t; CREATE TABLE app.t(id int PRIMARY KEY, {});\n",
                       column);
    sql += "INSERT INTO app.t SELECT i FROM generate_series(1, 20) i;\n";
    sql += kAwaitComparison;
  }
  for (const char* plugin : {"--plugin=pgoutput", "--plugin=wal2json", "--plugin=decoderbufs"}) {
    const AuditEnded ended = Watched(sql, {plugin, "--checkpoint=1s", "--strict"});
    EXPECT_EQ(ended.exit_code, 0) << ended.output;
    EXPECT_EQ(ended.Status("t"), "equal") << ended.output;
    EXPECT_EQ(ProvenShare(ended), 1) << ended.output;
    Execute("DROP TABLE app.t");
  }
}

}  // namespace
}  // namespace lockstep::integration
