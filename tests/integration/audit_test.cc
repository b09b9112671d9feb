// Audits of a workload that is not ours, judged by their reports.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "launcher/process.h"
#include "tests/integration/audit_fixture.h"
#include "tests/integration/audit_run.h"
#include "tests/integration/footprint.h"

namespace lockstep::integration {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class AuditTest : public AppAuditFixture {};

TEST_F(AuditTest, PgbenchConvergesOnEveryPluginFromAnEmptyServerOn) {
  // pgbench alters what it has filled; the last table is read with them all.
  AuditRun run = Start({"--embedded", "--plugin=all", "--checkpoint=1s"},
                       Shell("pgbench -i -s 1 -q; psql -q -c '" + MakeReadAnew("public", "last") +
                             "'; while [ ! -e " + Path("go_on") +
                             " ]; do sleep 0.1; done; pgbench -n -c 4 -t 500; pgbench -n -N -c 2 "
                             "-t 500"));
  for (const char* plugin : {"decoderbufs", "wal2json", "pgoutput", "pgoutput-binary"})
    WaitUntilReadAnew(run, plugin, "public.last");
  std::ofstream(Path("go_on")).close();
  const AuditEnded ended = run.End();
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.report.at("verdict"), "converged");
  EXPECT_EQ(ended.report.at("command_status"), 0);
  EXPECT_EQ(ended.report.at("tables").size(), 6u);
  for (const auto& table : ended.report.at("tables")) {
    if (table["reason_code"] == "gone") continue;  // under its earlier name
    EXPECT_EQ(table["status"], "equal") << table;
    if (table["table"] != "last") {
      EXPECT_GT(table["changes"], 0) << table;
    }
  }
  EXPECT_EQ(ended.report.at("listeners").size(), 4u);
  for (const auto& listener : ended.report.at("listeners"))
    EXPECT_GE(listener["checkpoints"], 2) << listener["plugin"];
}

// Others go on making and dropping tables while it ends.
TEST_F(AuditTest, ItEndsWhateverOthersGoOnDoing) {
  Execute("CREATE TABLE app.kept(id int PRIMARY KEY); INSERT INTO app.kept VALUES (1)");
  std::ofstream(Path("going_on")).close();
  auto others = postgres::Must(launcher::Process::Start(
      {"sh", "-c",
       "while [ -e " + Path("going_on") +
           " ]; do echo 'CREATE TABLE app.made(id int PRIMARY KEY); INSERT INTO app.made VALUES "
           "(1); DROP TABLE app.made;'; done | psql -q '" +
           Conninfo() + "'"},
      Path("others")));
  const AuditEnded ended = Audit({"--plugin=wal2json"}, Psql("INSERT INTO app.kept VALUES (2)"));
  std::filesystem::remove(Path("going_on"));
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.Status("kept"), "equal");
  WaitUntil("the others have ended", [&] { return others.Poll().has_value(); });
}

TEST_F(AuditTest, EveryTableIsAccountedFor) {
  Execute(
      "CREATE TABLE app.kept(id int PRIMARY KEY, n int); INSERT INTO app.kept VALUES (1, 1);"
      "CREATE UNLOGGED TABLE app.unlogged(id int PRIMARY KEY);"
      "CREATE TABLE app.parted(id int PRIMARY KEY) PARTITION BY RANGE (id);"
      "CREATE TABLE app.part PARTITION OF app.parted FOR VALUES FROM (0) TO (9);"
      "CREATE TABLE app.altered(id int PRIMARY KEY); INSERT INTO app.altered VALUES (1)");
  const AuditEnded ended = Audit(
      {"--plugin=all"},
      Psql(
          "UPDATE app.kept SET n = 2; INSERT INTO app.parted VALUES (5);"
          "CREATE TABLE app.made(id int PRIMARY KEY); INSERT INTO app.made VALUES (1);"
          "ALTER TABLE app.altered ADD note text DEFAULT 'x'; INSERT INTO app.altered VALUES (2)"));
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.Status("kept"), "equal");
  EXPECT_EQ(ended.Status("part"), "equal");
  EXPECT_EQ(ended.Status("made"), "equal");
  EXPECT_EQ(ended.Status("altered"), "equal");
  EXPECT_EQ(ended.Status("unlogged"), "excluded");
  EXPECT_THAT(ended.Reason("unlogged"), HasSubstr("unlogged"));
  EXPECT_EQ(ended.Status("parted"), "excluded");
  EXPECT_EQ(ended.report.at("tables").size(), 6u);
}

// All of it in one go: whatever happens to tables, none is called equal or different wrongly.
TEST_F(AuditTest, AScriptThatMakesAndChangesTablesConvergesOnEveryPlugin) {
  const AuditEnded ended = Audit({"--embedded", "--plugin=all"},
                                 {"psql", "-q", "-f", "tests/integration/audit_script.sql"});
  // It makes every table, and may be over before one of them is followed.
  if (ended.exit_code != 0) {
    EXPECT_EQ(ended.exit_code, 5) << ended.output;
    EXPECT_THAT(ended.output, HasSubstr("changes that arrived is proven"));
  }
  EXPECT_EQ(ended.report.at("command_status"), 0) << ended.output;
  EXPECT_THAT(ended.Reason("events"), HasSubstr("partitioned: its partitions hold the rows"));
  EXPECT_THAT(ended.Reason("scratch"), HasSubstr("unlogged: its changes are not in the WAL"));
  EXPECT_THAT(ended.Reason("seen"), HasSubstr("materialized view"));
  int equal = 0;
  for (const auto& table : ended.report.at("tables")) {
    EXPECT_NE(table["status"], "different") << table;
    if (table["status"] == "equal") ++equal;
    if (table["status"] == "excluded") {
      EXPECT_NE(table["reason"], "") << table;
    }
  }
  EXPECT_GE(equal, 18) << ended.output;
}

// A table that was made, altered, or made again under the same name is read anew by itself; the
// other is followed throughout, from the first change on.
TEST_F(AuditTest, OnlyTheTablesThatChangedAreReadAnew) {
  Execute(
      "CREATE TABLE app.kept(id int PRIMARY KEY, n int); INSERT INTO app.kept VALUES (1, 0);"
      "CREATE TABLE app.again(id int PRIMARY KEY, n int); INSERT INTO app.again VALUES (1, 1), (2, "
      "2); CREATE TABLE app.gone(id int PRIMARY KEY); CREATE TABLE app.rewritten(id int PRIMARY "
      "KEY, n numeric); INSERT INTO app.rewritten VALUES (1, 1.5)");
  const std::string updates =
      "for i in $(seq 1 50); do echo 'UPDATE app.kept SET n = n + 1;'; done";
  const AuditEnded ended =
      Audit({"--plugin=all", "--checkpoint=1000s", "--schema=app"},
            Shell(updates +
                  " | psql -q; psql -q -c 'DROP TABLE app.again, app.gone; CREATE TABLE "
                  "app.again(id int PRIMARY KEY, n int); INSERT INTO app.again VALUES (1, 5), "
                  "(3, 3); UPDATE app.again SET n = 9 WHERE id = 1' -c 'CREATE TABLE "
                  "app.made(id int PRIMARY KEY, t timestamptz DEFAULT clock_timestamp()); "
                  "INSERT INTO app.made VALUES (1); UPDATE app.made SET t = now()' -c 'ALTER "
                  "TABLE app.rewritten ALTER n TYPE numeric USING n + "
                  "random()::numeric'; " +
                  updates + " | psql -q"));
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  for (const auto& auditor : ended.report.at("listeners")) {
    std::map<std::string, std::string> reasons;
    for (const auto& resync : auditor.at("resyncs")) {
      EXPECT_TRUE(resync["copied_at"].is_string()) << resync;
      reasons[resync["table"]] = resync["reason"];
    }
    // It began empty; on pgoutput it was updated before it was published.
    if (reasons.contains("made")) {
      EXPECT_THAT(reasons["made"], HasSubstr("updated or truncated before that could be shown"));
      EXPECT_THAT(auditor["plugin"], StartsWith("pgoutput"));
    }
    EXPECT_EQ(reasons["again"], "was dropped and made again");
    EXPECT_EQ(reasons.count("kept"), 0u);
    EXPECT_EQ(reasons["rewritten"], "was rewritten") << auditor["plugin"];
    for (const auto& table : auditor.at("tables")) {
      if (table["table"] == "kept") {
        EXPECT_EQ(table["followed_from"], auditor["joined"]);
        EXPECT_EQ(table["changes"], 100);
      }
    }
  }
  EXPECT_EQ(ended.Status("kept"), "equal");
  EXPECT_EQ(ended.Status("made"), "equal");
  EXPECT_EQ(ended.Status("again"), "equal");
  EXPECT_EQ(ended.Status("gone"), "excluded");
  EXPECT_THAT(ended.Reason("gone"), HasSubstr("gone since"));
}

TEST_F(AuditTest, ATableThatIsGoneBeforeItIsReadAnewIsNotWaitedFor) {
  Execute("CREATE TABLE app.kept(id int PRIMARY KEY)");
  const AuditEnded ended =
      Audit({"--plugin=all"},
            Psql("INSERT INTO app.kept VALUES (1); CREATE TABLE app.gone(id int PRIMARY KEY); "
                 "INSERT INTO app.gone VALUES (1); DROP TABLE app.gone"));
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.Status("kept"), "equal");
  EXPECT_THAT(ended.Reason("gone"), HasSubstr("it is gone since"));
  for (const auto& listener : ended.report.at("listeners")) {
    EXPECT_LT(listener["checkpoints"], 5) << listener;
    EXPECT_TRUE(listener["resyncs"].empty()) << listener;
  }
}

TEST_F(AuditTest, ATableThatIsExcludedBeforeItIsReadAnewIsNotWaitedFor) {
  Execute("CREATE TABLE app.kept(id int PRIMARY KEY)");
  const AuditEnded ended =
      Audit({"--plugin=wal2json"},
            Psql("INSERT INTO app.kept VALUES (1); CREATE TABLE app.late(id int PRIMARY KEY); "
                 "INSERT INTO app.late VALUES (1); ALTER TABLE app.late SET UNLOGGED"));
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.Status("kept"), "equal");
  EXPECT_THAT(ended.Reason("late"), HasSubstr("unlogged"));
  EXPECT_LT(ended.report.at("listeners")[0]["checkpoints"], 5);
}

// The stream shows a table that the catalog has no longer when the auditor looks.
TEST_F(AuditTest, ATableThatLooksAsBeforeAgainIsReadAnew) {
  Execute(
      "CREATE TABLE app.again(n int); CREATE TABLE app.altered(id int PRIMARY KEY);"
      "INSERT INTO app.again VALUES (1); INSERT INTO app.altered VALUES (1);"
      "CREATE TABLE app.kept(id int PRIMARY KEY)");
  AuditRun run = Start({"--watch", "--plugin=all"}, {});
  WaitUntilAttached(run);
  for (const char* change :
       {"INSERT INTO app.again VALUES (2)", "INSERT INTO app.altered VALUES (2)",
        "INSERT INTO app.kept VALUES (1)"})
    Execute(change);
  run.Freeze(4);
  for (const char* change :
       {"DROP TABLE app.again", "CREATE TABLE app.again(n int)", "INSERT INTO app.again VALUES (3)",
        "ALTER TABLE app.altered ADD COLUMN n int", "INSERT INTO app.altered VALUES (3, 4)",
        "ALTER TABLE app.altered DROP COLUMN n"})
    Execute(change);
  run.Thaw();
  run.Signal(SIGINT);
  const AuditEnded ended = run.End();
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.Status("again"), "equal") << ended.Reason("again");
  EXPECT_EQ(ended.Status("altered"), "equal") << ended.Reason("altered");
  for (const auto& listener : ended.report.at("listeners")) {
    for (const auto& resync : listener["resyncs"])
      EXPECT_FALSE(resync["copied_at"].is_null()) << resync;
  }
}

// Changes under the other name are those of a table that is not followed; under another identity an
// update says another key.
TEST_F(AuditTest, ATableThatHadAnotherNameOrIdentityIsReadAnew) {
  Execute(
      "CREATE SCHEMA elsewhere; CREATE TABLE app.renamed(id int PRIMARY KEY);"
      "CREATE TABLE app.moved(id int PRIMARY KEY); CREATE TABLE app.kept(id int PRIMARY KEY);"
      "CREATE TABLE app.other(id int PRIMARY KEY, k int NOT NULL, UNIQUE (k, id));"
      "ALTER TABLE app.other REPLICA IDENTITY USING INDEX other_k_id_key;"
      "INSERT INTO app.other VALUES (1, 1), (2, 2)");
  AuditRun run = Start({"--watch", "--plugin=all"}, {});
  WaitUntilAttached(run);
  run.Freeze(4);
  for (const char* change :
       {"ALTER TABLE app.renamed RENAME TO away", "INSERT INTO app.away VALUES (1)",
        "ALTER TABLE app.away RENAME TO renamed", "DELETE FROM app.renamed",
        "ALTER TABLE app.moved SET SCHEMA elsewhere", "INSERT INTO elsewhere.moved VALUES (1)",
        "ALTER TABLE elsewhere.moved SET SCHEMA app", "INSERT INTO app.moved VALUES (2)",
        "ALTER TABLE app.other REPLICA IDENTITY DEFAULT", "UPDATE app.other SET k = k + 5",
        "INSERT INTO app.kept VALUES (1)"})
    Execute(change);
  run.Thaw();
  run.Signal(SIGINT);
  const AuditEnded ended = run.End();
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  for (const char* table : {"renamed", "moved", "other", "kept"})
    EXPECT_EQ(ended.Status(table), "equal") << table << ": " << ended.Reason(table);
  for (const auto& listener : ended.report.at("listeners")) {
    for (const auto& resync : listener["resyncs"])
      EXPECT_NE(resync["table"], "kept") << listener["plugin"];
  }
  Execute("DROP SCHEMA elsewhere");
}

// A right that is taken away excludes the table; the others are followed on.
TEST_F(AuditTest, ATableThatMayNotBeReadAnyLongerIsExcluded) {
  Execute(
      "CREATE ROLE reader LOGIN REPLICATION; GRANT USAGE ON SCHEMA app TO reader;"
      "CREATE TABLE app.kept(id int PRIMARY KEY); CREATE TABLE app.hidden(id int PRIMARY KEY);"
      "GRANT SELECT ON ALL TABLES IN SCHEMA app TO reader");
  const AuditEnded ended =
      Audit({"--database=" + Conninfo("reader"), "--plugin=wal2json"},
            {"psql", "-q", cluster().uri(), "-c",
             "INSERT INTO app.hidden VALUES (1); REVOKE SELECT ON app.hidden FROM reader; INSERT "
             "INTO app.kept VALUES (1)"});
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.Status("kept"), "equal");
  EXPECT_EQ(ended.Status("hidden"), "excluded");
  EXPECT_THAT(ended.Reason("hidden"), HasSubstr("read"));
  Execute("DROP OWNED BY reader; DROP ROLE reader");
}

// Nothing tells what a lost slot would have sent: all tables are read anew, and followed from
// there.
TEST_F(AuditTest, ASlotThatSomebodyDropsIsMadeAgain) {
  Execute("CREATE TABLE app.t(id int PRIMARY KEY); INSERT INTO app.t VALUES (1)");
  AuditRun run = Start({"--watch", "--plugin=wal2json"}, {});
  WaitUntilAttached(run);
  const std::string slot = Scalar("SELECT slot_name FROM pg_replication_slots WHERE NOT temporary");
  WaitUntil("the slot is dropped", [&] {
    Execute("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active");
    return Open().Execute("SELECT pg_drop_replication_slot('" + slot + "')").has_value();
  });
  Execute("INSERT INTO app.t VALUES (2)");
  WaitUntil("all is read anew",
            [&] { return run.output().find("all tables: ") != std::string::npos; });
  Execute("INSERT INTO app.t VALUES (3)");
  run.Signal(SIGINT);
  const AuditEnded ended = run.End();
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.Status("t"), "equal");
  const auto& resyncs = ended.report.at("listeners")[0]["resyncs"];
  ASSERT_EQ(resyncs.size(), 1u) << resyncs;
  EXPECT_TRUE(resyncs[0]["table"].is_null()) << resyncs;
  EXPECT_THAT(std::string(resyncs[0]["reason"]), HasSubstr("is gone"));
  for (const auto& table : ended.report.at("tables")) EXPECT_EQ(table["rows"], 3) << table;
}

// Tables that were there before: every one is changed, and compared.
TEST_F(AuditTest, ChangesOfEveryKindOfTableAndTypeConvergeOnEveryPlugin) {
  const std::string prepare =
      "psql -q -d '" + cluster().uri() + "' -f tests/integration/audit_script.sql 2>&1";
  ASSERT_EQ(std::system(prepare.c_str()), 0);
  const AuditEnded ended = Audit({"--plugin=all", "--install-triggers", "--schema=shop, odd*"},
                                 {"psql", "-q", "-f", "tests/integration/audit_changes.sql"});
  Execute("DROP SCHEMA shop CASCADE; DROP SCHEMA \"odd \"\"s.q\"\"\" CASCADE");
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.report.at("command_status"), 0) << ended.output;
  for (const auto& listener : ended.report.at("listeners")) {
    EXPECT_TRUE(listener["resyncs"].empty()) << listener["resyncs"];
    // Two tables have types whose binary form is not read.
    const bool binary = listener["plugin"] == "pgoutput-binary";
    int equal = 0;
    for (const auto& table : listener["tables"]) {
      EXPECT_NE(table["status"], "different") << table;
      if (table["status"] != "equal") continue;
      EXPECT_GT(table["changes"], 0) << table;
      ++equal;
    }
    EXPECT_EQ(equal, binary ? 19 : 21) << ended.output;
  }
}

TEST_F(AuditTest, AnUpdateWithoutIdentityExcludesTheTable) {
  Execute(
      "CREATE TABLE app.t(id int, n int); INSERT INTO app.t VALUES (1, 1), (2, 2);"
      "CREATE TABLE app.other(id int PRIMARY KEY)");
  for (const char* plugin : {"pgoutput", "wal2json", "decoderbufs"}) {
    const AuditEnded ended =
        Audit({std::string("--plugin=") + plugin},
              Psql("UPDATE app.t SET n = n + 1; INSERT INTO app.other SELECT count(*) FROM "
                   "app.other"));
    EXPECT_EQ(ended.exit_code, 0) << ended.output;
    EXPECT_EQ(ended.Status("t"), "excluded") << plugin;
    EXPECT_NE(ended.Reason("t"), "");
    EXPECT_EQ(ended.Status("other"), "equal");
  }
}

TEST_F(AuditTest, ATruncationIsSeenOrExcludesTheTable) {
  Execute("CREATE TABLE app.t(id int PRIMARY KEY); INSERT INTO app.t SELECT generate_series(1, 9)");
  const auto command = Psql("TRUNCATE app.t; INSERT INTO app.t VALUES (1), (20)");
  EXPECT_EQ(Audit({"--plugin=pgoutput"}, command).Status("t"), "equal");
  const AuditEnded unseen = Audit({"--plugin=decoderbufs"}, command);
  EXPECT_EQ(unseen.Status("t"), "excluded") << unseen.output;
  EXPECT_EQ(unseen.exit_code, 5);
  const AuditEnded seen = Audit({"--plugin=decoderbufs", "--install-triggers"}, command);
  EXPECT_EQ(seen.Status("t"), "equal") << seen.output;
}

// A change of it fits nothing that is known of it.
TEST_F(AuditTest, AnExcludedTableStaysSoWhenOthersAreReadAnew) {
  Execute("CREATE TABLE app.t(id int PRIMARY KEY); INSERT INTO app.t SELECT generate_series(1, 9)");
  AuditRun run = Start({"--watch", "--plugin=decoderbufs"}, {});
  WaitUntilAttached(run);
  Execute("TRUNCATE app.t");
  Execute("INSERT INTO app.t VALUES (1)");
  Execute(MakeReadAnew("app", "made"));
  WaitUntilReadAnew(run, "decoderbufs", "app.made");
  Execute("DELETE FROM app.t");
  Execute("INSERT INTO app.made VALUES (2)");
  run.Signal(SIGINT);
  const AuditEnded ended = run.End();
  // A file of its own may also be that of VACUUM FULL: the rows that differ are excused.
  EXPECT_EQ(ended.exit_code, 5) << ended.output;
  EXPECT_EQ(ended.Status("made"), "equal");
  EXPECT_EQ(ended.Status("t"), "excluded");
  const auto& listener = ended.report.at("listeners")[0];
  EXPECT_EQ(listener["resyncs"].size(), 1u) << ended.output;
  ASSERT_EQ(listener["excuses"].size(), 1u) << ended.output;
  EXPECT_EQ(listener["excuses"][0]["table"], "t");
}

TEST_F(AuditTest, NothingComparedIsInconclusive) {
  Execute("CREATE UNLOGGED TABLE app.u(id int PRIMARY KEY)");
  const AuditEnded ended = Audit({}, Psql("INSERT INTO app.u VALUES (1)"));
  EXPECT_EQ(ended.exit_code, 5) << ended.output;
  EXPECT_EQ(ended.report.at("verdict"), "inconclusive");
}

TEST_F(AuditTest, CtrlCEndsAWatchWithAVerdict) {
  Execute("CREATE TABLE app.t(id int PRIMARY KEY)");
  AuditRun run = Start({"--watch", "--plugin=pgoutput,decoderbufs"}, {});
  WaitUntilAttached(run);
  Execute("INSERT INTO app.t VALUES (1)");
  run.Signal(SIGINT);
  const AuditEnded ended = run.End();
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.Status("t"), "equal");
  EXPECT_THAT(ended.output, HasSubstr("it makes, and removes at the end:"));
}

TEST_F(AuditTest, CtrlCEndsTheCommandToo) {
  Execute("CREATE TABLE app.t(id int PRIMARY KEY)");
  AuditRun run = Start(
      {}, {"psql", "-q", "-c", "INSERT INTO app.t VALUES (7)", "-c", "SELECT pg_sleep(1000)"});
  WaitUntil("the row is there", [&] { return Scalar("SELECT count(*) FROM app.t") == "1"; });
  run.Signal(SIGTERM);
  const AuditEnded ended = run.End();
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_TRUE(ended.report.at("command_status").is_null());
}

TEST_F(AuditTest, AnAuditorThatIsKilledLeavesNothing) {
  Execute("CREATE TABLE app.t(id int PRIMARY KEY)");
  AuditRun run = Start({"--plugin=pgoutput"}, {"sleep", "1000"});
  WaitUntilAttached(run);
  ASSERT_EQ(run.Auditors().size(), 1u);
  kill(run.Auditors().front(), SIGKILL);
  const AuditEnded ended = run.End();
  EXPECT_EQ(ended.exit_code, 5) << ended.output;
  EXPECT_THAT(ended.report.at("reason"), HasSubstr("was killed by signal 9"));
}

// Its slot goes at once: it would keep the WAL for as long as the command runs.
TEST_F(AuditTest, AnAuditorThatIsKilledLetsTheOthersAndTheCommandGoOn) {
  Execute("CREATE TABLE app.t(id int PRIMARY KEY)");
  const std::string go_on = Path("killed");
  AuditRun run = Start({"--plugin=wal2json,pgoutput"},
                       Shell("while [ ! -e " + go_on +
                             " ]; do sleep 0.1; done; psql -qc 'INSERT INTO app.t VALUES (1)'"));
  WaitUntilAttached(run);
  ASSERT_EQ(run.Auditors().size(), 2u);
  kill(run.Auditors().front(), SIGKILL);
  WaitUntil("its slot is gone", [&] {
    return Scalar("SELECT count(*) FROM pg_replication_slots WHERE NOT temporary") == "1";
  });
  WaitUntil("it is told", [&] {
    return run.output().find("ended early, and the others go on: was killed by signal 9") !=
           std::string::npos;
  });
  std::ofstream(go_on).close();
  const AuditEnded ended = run.End();
  EXPECT_EQ(ended.exit_code, 5) << ended.output;
  EXPECT_EQ(ended.report.at("verdict"), "inconclusive");
  EXPECT_EQ(ended.report.at("command_status"), 0);
  std::size_t finished = 0;
  for (const auto& listener : ended.report.at("listeners")) {
    if (listener["finished"] == true) {
      ++finished;
      EXPECT_EQ(listener["tables"][0]["status"], "equal") << listener;
      EXPECT_EQ(listener["tables"][0]["changes"], 1) << listener;
    } else {
      EXPECT_THAT(listener["reason"], HasSubstr("was killed by signal 9")) << listener;
    }
  }
  EXPECT_EQ(finished, 1u);
}

TEST_F(AuditTest, ACommandsFailureIsToldAndComparedAllTheSame) {
  Execute("CREATE TABLE app.t(id int PRIMARY KEY)");
  const AuditEnded ended =
      Audit({}, {"sh", "-c", "psql -qc 'INSERT INTO app.t VALUES (1)'; exit 3"});
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.report.at("command_status"), 3);
}

TEST_F(AuditTest, ACommandThatIsNotThereIsAUsageError) {
  const AuditEnded ended = Audit({}, {"/no/such/program"});
  EXPECT_EQ(ended.exit_code, 1) << ended.output;
  EXPECT_THAT(ended.report.at("error").get<std::string>(),
              StartsWith("cannot start /no/such/program"));
}

TEST_F(AuditTest, OpenTransactionsOnlyDelayAComparison) {
  Execute("CREATE TABLE app.t(id int PRIMARY KEY)");
  const AuditEnded ended = Audit(
      {"--checkpoint=1s"}, Psql("BEGIN; INSERT INTO app.t VALUES (1); SELECT pg_sleep(4); COMMIT"));
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.Status("t"), "equal");
}

}  // namespace
}  // namespace lockstep::integration
