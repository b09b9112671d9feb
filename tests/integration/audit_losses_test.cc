// Audits in which one plugin, or one table, is lost: the rest is judged, and the command goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <string>

#include "postgres/connection.h"
#include "tests/integration/audit_fixture.h"
#include "tests/integration/audit_run.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::integration {
namespace {

using postgres::Connection;
using postgres::Must;
using ::testing::HasSubstr;

constexpr const char* kNoBinary = "has no binary output function";

class AuditLossesTest : public AppAuditFixture {
 protected:
  // Of a table, by plugin.
  static std::string StatusOf(const AuditEnded& ended, const std::string& plugin,
                              const std::string& table, const char* field = "status") {
    for (const auto& listener : ended.report.at("listeners")) {
      if (listener["plugin"] != plugin) continue;
      for (const auto& one : listener["tables"]) {
        if (one["table"] == table) return one[field];
      }
    }
    return "";
  }
};

// Every way in which a column can hold a type without binary output; by itself it is sent as text.
TEST_F(AuditLossesTest, TablesThatCannotBeSentInBinaryAreKeptFromThatPlugin) {
  Execute(
      "CREATE TABLE app.fine(id int PRIMARY KEY, alone aclitem);"
      "CREATE TABLE app.granted(id int PRIMARY KEY, who aclitem[]);"
      "CREATE TYPE app.pair AS (a int, who aclitem);"
      "CREATE DOMAIN app.list AS aclitem[];"
      "CREATE TABLE app.composite(id int PRIMARY KEY, p app.pair);"
      "CREATE TABLE app.nested(id int PRIMARY KEY, p app.pair[]);"
      "CREATE TABLE app.domains(id int PRIMARY KEY, l app.list);"
      "CREATE TABLE app.keyless(who aclitem[])");
  const AuditEnded ended = Audit(
      {"--plugin=all"}, Psql("INSERT INTO app.granted VALUES (1, '{postgres=r/postgres}');"
                             "INSERT INTO app.composite VALUES (1, '(1,postgres=r/postgres)');"
                             "INSERT INTO app.nested VALUES (1, '{\"(1,postgres=r/postgres)\"}');"
                             "INSERT INTO app.domains VALUES (1, '{postgres=r/postgres}');"
                             "INSERT INTO app.keyless VALUES ('{postgres=r/postgres}');"
                             "INSERT INTO app.fine VALUES (1, 'postgres=r/postgres')"));
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  for (const char* table : {"granted", "composite", "nested", "domains", "keyless"}) {
    EXPECT_EQ(StatusOf(ended, "pgoutput-binary", table), "excluded") << table;
    EXPECT_THAT(StatusOf(ended, "pgoutput-binary", table, "reason"), HasSubstr(kNoBinary));
    for (const char* plugin : {"pgoutput", "wal2json", "decoderbufs"})
      EXPECT_EQ(StatusOf(ended, plugin, table), "equal") << plugin << table;
  }
  for (const auto& listener : ended.report.at("listeners"))
    EXPECT_EQ(StatusOf(ended, listener["plugin"], "fine"), "equal") << listener["plugin"];
}

// The one publication that it was in sends all changes, which a table without identity must not be
// in; the other one is not of all tables, since there is one that cannot be sent.
TEST_F(AuditLossesTest, ATableThatIsNotPublishedForAWhileIsReadAnew) {
  Execute(
      "CREATE TABLE app.granted(who aclitem[]); CREATE TABLE app.keep(id int PRIMARY KEY);"
      "CREATE TABLE app.t(id int PRIMARY KEY)");
  const AuditEnded ended =
      Audit({"--plugin=pgoutput-binary", "--install-triggers", "--checkpoint=1000s"},
            Psql("INSERT INTO app.keep VALUES (1); ALTER TABLE app.t REPLICA IDENTITY NOTHING;"
                 "INSERT INTO app.t VALUES (1)"));
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.Status("t"), "equal") << ended.output;
  EXPECT_THAT(ended.output, HasSubstr("app.t was not published for a while"));
}

// While its column has a form that is not read the table is not followed; the comparison that finds
// that fails, and the next one finds the table as it was before, but for its rows.
TEST_F(AuditLossesTest, ATableThatAFailedComparisonCouldNotFollowIsReadAnew) {
  Execute(
      "CREATE TABLE app.t(id int PRIMARY KEY); CREATE TABLE app.big(id int PRIMARY KEY, v text);"
      "INSERT INTO app.big SELECT i, repeat('x', 200) FROM generate_series(1, 300000) i");
  AuditRun run = Start({"--watch", "--plugin=pgoutput-binary", "--checkpoint=1"}, {});
  WaitUntilAttached(run);
  Execute("ALTER TABLE app.t ADD x regclass");
  Execute("INSERT INTO app.t VALUES (1)");
  Connection sql = Open();
  const std::string readers =
      " FROM pg_stat_activity WHERE query LIKE 'COPY%big%' AND application_name LIKE 'lockstep%' "
      "AND state = 'active'";
  WaitUntil("it compares", [&] { return Must(sql.Scalar("SELECT count(*)" + readers)) != "0"; });
  // The next comparison waits for this, and so sees what is done meanwhile.
  Must(sql.Execute("BEGIN; SELECT pg_current_xact_id()"));
  Execute("SELECT pg_terminate_backend(pid)" + readers);
  Execute("ALTER TABLE app.t DROP x");
  Execute("INSERT INTO app.t VALUES (2); INSERT INTO app.big VALUES (0)");
  Must(sql.Execute("COMMIT"));
  run.Signal(SIGINT);
  const AuditEnded ended = run.End();
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.Status("t"), "equal") << ended.output;
}

// The walsender fails at its first change, again and again: behind it all is read anew.
TEST_F(AuditLossesTest, ATableThatCannotBeSentAndIsMadeMeanwhileIsLeftBehind) {
  Execute("CREATE TABLE app.fine(id int PRIMARY KEY)");
  AuditRun run = Start({"--watch", "--plugin=pgoutput-binary,pgoutput"}, {});
  WaitUntilAttached(run);
  Execute(
      "CREATE TABLE app.granted(id int PRIMARY KEY, who aclitem[]);"
      "INSERT INTO app.granted VALUES (1, '{postgres=r/postgres}');"
      "INSERT INTO app.fine VALUES (1)");
  WaitUntil("it has attached anew", [&] {
    return run.output().find("pgoutput-binary: all tables: ") != std::string::npos;
  });
  Execute("INSERT INTO app.granted VALUES (2, '{postgres=r/postgres}')");
  Execute("INSERT INTO app.fine VALUES (2)");
  run.Signal(SIGINT);
  const AuditEnded ended = run.End();
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(StatusOf(ended, "pgoutput-binary", "granted"), "excluded");
  EXPECT_THAT(StatusOf(ended, "pgoutput-binary", "granted", "reason"), HasSubstr(kNoBinary));
  EXPECT_EQ(StatusOf(ended, "pgoutput-binary", "fine"), "equal");
  EXPECT_EQ(StatusOf(ended, "pgoutput", "granted"), "equal");
  EXPECT_EQ(StatusOf(ended, "pgoutput", "fine"), "equal");
}

// Whose enum has lost a label: no output function of the server can say it.
TEST_F(AuditLossesTest, ATableThatCannotBeReadIsExcludedAndTheOthersGoOn) {
  Execute(
      "CREATE TYPE app.mood AS ENUM ('sad', 'ok');"
      "CREATE TABLE app.broken(id int PRIMARY KEY, m app.mood);"
      "INSERT INTO app.broken VALUES (1, 'sad'); CREATE TABLE app.fine(id int PRIMARY KEY);"
      "CREATE TABLE app.later(id int PRIMARY KEY, m app.mood)");
  Execute("DELETE FROM pg_enum WHERE enumlabel = 'sad'");
  AuditRun run = Start({"--watch", "--plugin=all"}, {});
  WaitUntilAttached(run);
  Execute("INSERT INTO app.later VALUES (1, 'ok'); INSERT INTO app.fine VALUES (1)");
  Execute("DELETE FROM pg_enum WHERE enumlabel = 'ok'");
  run.Signal(SIGINT);
  const AuditEnded ended = run.End();
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  for (const auto& listener : ended.report.at("listeners")) {
    const std::string plugin = listener["plugin"];
    EXPECT_EQ(StatusOf(ended, plugin, "fine"), "equal") << plugin;
    for (const char* table : {"broken", "later"}) {
      EXPECT_EQ(StatusOf(ended, plugin, table), "excluded") << plugin << table;
      EXPECT_THAT(StatusOf(ended, plugin, table, "reason"), HasSubstr("its rows cannot be read"));
    }
  }
}

// The stream tells of it with the next change only, and there is none.
TEST_F(AuditLossesTest, APublicationThatIsDroppedWhileNothingHappensIsMadeAgain) {
  Execute("CREATE TABLE app.t(id int PRIMARY KEY); INSERT INTO app.t VALUES (1)");
  AuditRun run = Start({"--watch", "--plugin=pgoutput", "--checkpoint=1000s"}, {});
  WaitUntilAttached(run);
  Execute("INSERT INTO app.t VALUES (2)");
  const std::string whole =
      Scalar("SELECT pubname FROM pg_publication WHERE pubname LIKE 'lockstep%' AND pubupdate");
  Execute("DROP PUBLICATION " + whole);
  run.Signal(SIGINT);
  const AuditEnded ended = run.End();
  EXPECT_THAT(ended.output, HasSubstr("all tables: "));
  EXPECT_EQ(ended.Status("t"), "equal") << ended.output;
  // Its only change came before it was read anew.
  EXPECT_EQ(ended.exit_code, 5) << ended.output;
}

}  // namespace
}  // namespace lockstep::integration
