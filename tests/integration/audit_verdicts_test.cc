// Verdicts that were wrong once: what excuses a difference, and what proves a change.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/integration/audit_fixture.h"
#include "tests/integration/audit_run.h"

namespace lockstep::integration {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Ne;

// Two inserts a transaction, of which a sabotage can leave one out; then what is to be tried.
std::string InsertsAnd(const std::string& what) {
  return "SELECT format('BEGIN; INSERT INTO app.t VALUES (%s, %L); INSERT INTO app.t VALUES (%s, "
         "%L); COMMIT', 2 * n, 'a', 2 * n + 1, 'b') FROM generate_series(0, 39) n \\gexec\n" +
         what;
}

class AuditVerdictsTest : public AppAuditFixture {
 protected:
  AuditEnded Watched(const std::string& sql, std::vector<std::string> arguments) {
    return Audit(std::move(arguments), Shell("psql -q <<'EOF'\n" + sql + "\nEOF\n"));
  }
  static std::uint64_t Sum(const AuditEnded& ended, const char* counter) {
    std::uint64_t sum = 0;
    for (const auto& listener : ended.report.at("listeners"))
      sum += listener.at(counter).get<std::uint64_t>();
    return sum;
  }
};

TEST_F(AuditVerdictsTest, AnAlterThatTouchesNoRowHidesNoLoss) {
  Execute("CREATE TABLE app.t(id int PRIMARY KEY, v text)");
  for (const char* plugin : {"--plugin=pgoutput", "--plugin=wal2json", "--plugin=decoderbufs"}) {
    const AuditEnded ended = Watched(
        InsertsAnd("ALTER TABLE app.t ALTER v SET DEFAULT 'q';"
                   "ALTER TABLE app.t ALTER v SET STATISTICS 500;"
                   "CREATE TABLE app.elsewhere(i int); INSERT INTO app.elsewhere VALUES (1);"
                   "GRANT SELECT ON app.t TO pg_monitor"),
        {plugin, "--checkpoint=1000s", "--sabotage=drop-change"});
    EXPECT_EQ(ended.exit_code, 2) << ended.output;
    EXPECT_EQ(ended.Status("t"), "different") << ended.output;
    Execute("DROP TABLE app.elsewhere; TRUNCATE app.t");
  }
}

// Packing keeps the rows, and cannot be told from a rewrite: what differs is shown, and excused.
TEST_F(AuditVerdictsTest, PackingATableLetsNoLossConverge) {
  Execute("CREATE TABLE app.t(id int PRIMARY KEY, v text)");
  const AuditEnded ended =
      Watched(InsertsAnd("VACUUM FULL app.t"),
              {"--plugin=wal2json", "--checkpoint=1000s", "--sabotage=drop-change"});
  EXPECT_EQ(ended.exit_code, 5) << ended.output;
  const auto& excuses = ended.report.at("listeners")[0]["excuses"];
  ASSERT_EQ(excuses.size(), 1u) << ended.output;
  EXPECT_EQ(excuses[0]["rows"], 1);
  EXPECT_THAT(ended.output, HasSubstr("differed at"));
}

TEST_F(AuditVerdictsTest, WhereRewritesAreLoggedPackingExcusesNothing) {
  Execute("CREATE TABLE app.t(id int PRIMARY KEY, v text)");
  const AuditEnded ended = Watched(
      InsertsAnd("VACUUM FULL app.t; GRANT SELECT ON app.t TO pg_monitor"),
      {"--plugin=wal2json", "--checkpoint=1000s", "--sabotage=drop-change", "--install-triggers"});
  EXPECT_EQ(ended.exit_code, 2) << ended.output;
}

// Every sabotage is found, or not called converged.
TEST_F(AuditVerdictsTest, AStreamThatIsFalsifiedNeverConverges) {
  Execute("CREATE TABLE app.t(id int PRIMARY KEY, v text)");
  for (const char* kind : {"swap-commits", "reorder-changes"}) {
    const AuditEnded ended =
        Watched(InsertsAnd(""), {"--plugin=wal2json", std::string("--sabotage=") + kind});
    EXPECT_EQ(ended.exit_code, 5) << ended.output;
    EXPECT_THAT(ended.output, HasSubstr("was to be falsified"));
    Execute("TRUNCATE app.t");
  }
}

TEST_F(AuditVerdictsTest, ChangesThatWereReadAnewAreNotProven) {
  const AuditEnded ended = Watched(
      "SELECT format('CREATE TABLE app.t%s (id int PRIMARY KEY, v int); INSERT INTO app.t%1$s "
      "SELECT i, 0 FROM generate_series(1, 2000) i; UPDATE app.t%1$s SET v = id;', n) "
      "FROM generate_series(1, 10) n \\gexec",
      {"--plugin=pgoutput", "--checkpoint=1000s", "--sabotage=corrupt-value"});
  EXPECT_THAT(ended.exit_code, Ne(0)) << ended.output;
  EXPECT_LT(Sum(ended, "proven"), Sum(ended, "changes")) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr("changes are not proven"));
}

TEST_F(AuditVerdictsTest, AnUpdateThatStatisticsForgotIsNoDifference) {
  Execute(
      "CREATE TABLE app.k(a int, b text); CREATE TABLE app.keep(id int PRIMARY KEY);"
      "INSERT INTO app.k VALUES (1, 'a'), (2, 'b')");
  const AuditEnded ended = Watched(
      "UPDATE app.k SET b = 'x' WHERE a = 1;\nSELECT pg_stat_force_next_flush();\n"
      "SELECT pg_stat_reset();\nINSERT INTO app.keep VALUES (1);",
      {"--plugin=pgoutput,wal2json,decoderbufs"});
  EXPECT_EQ(ended.exit_code, 5) << ended.output;
  EXPECT_EQ(ended.Status("k"), "excluded") << ended.output;
  EXPECT_EQ(ended.Status("keep"), "equal");
}

// No change is decoded and no table altered, and all values of the label are others.
TEST_F(AuditVerdictsTest, ALabelThatIsRenamedIsNoDifference) {
  Execute(
      "CREATE TYPE app.mood AS ENUM ('sad', 'ok'); CREATE TABLE app.keep(id int PRIMARY KEY);"
      "CREATE TABLE app.e(id int PRIMARY KEY, m app.mood); INSERT INTO app.e VALUES (1, 'sad');"
      "CREATE TABLE app.l(id int PRIMARY KEY, m app.mood[]); INSERT INTO app.l VALUES (1, "
      "'{sad,ok}')");
  const AuditEnded ended = Watched(
      "INSERT INTO app.e VALUES (3, 'sad');\nINSERT INTO app.keep VALUES (1);\n"
      "ALTER TYPE app.mood RENAME VALUE 'sad' TO 'blue';\n"
      "INSERT INTO app.e VALUES (4, 'blue');",
      {"--plugin=all"});
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.Status("e"), "equal") << ended.output;
  EXPECT_THAT(ended.Status("l"), AnyOf("equal", "excluded")) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr("a type that was altered"));
}

TEST_F(AuditVerdictsTest, AnIdentityThereAndBackIsReadAnew) {
  Execute(
      "CREATE TABLE app.t(id int PRIMARY KEY, u int NOT NULL UNIQUE);"
      "CREATE TABLE app.keep(id int PRIMARY KEY); INSERT INTO app.t VALUES (1, 1)");
  const AuditEnded ended = Watched(
      "ALTER TABLE app.t REPLICA IDENTITY USING INDEX t_u_key;\n"
      "UPDATE app.t SET u = 5;\nALTER TABLE app.t REPLICA IDENTITY DEFAULT;\n"
      "INSERT INTO app.keep VALUES (1);",
      {"--plugin=all"});
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.Status("t"), "equal") << ended.output;
}

// As a slot that is dropped: made again, and all tables are read anew.
TEST_F(AuditVerdictsTest, APublicationThatSomebodyDropsIsMadeAgain) {
  Execute("CREATE TABLE app.t(id int PRIMARY KEY)");
  AuditRun run = Start({"--watch", "--plugin=pgoutput,wal2json"}, {});
  WaitUntilAttached(run);
  for (const std::string name : {"", "_inserts"}) {
    Execute("DROP PUBLICATION " +
            Scalar("SELECT pubname FROM pg_publication WHERE pubname LIKE 'lockstep%pgoutput" +
                   name + "'"));
  }
  Execute("INSERT INTO app.t VALUES (2)");
  WaitUntil("all is read anew",
            [&] { return run.output().find("all tables: ") != std::string::npos; });
  Execute("INSERT INTO app.t VALUES (3)");
  run.Signal(SIGINT);
  const AuditEnded ended = run.End();
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.Status("t"), "equal") << ended.output;
}

}  // namespace
}  // namespace lockstep::integration
