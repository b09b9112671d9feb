#include "postgres/preflight.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "model/output_plugin.h"
#include "postgres/finding.h"
#include "postgres/slot.h"
#include "tests/postgres/await.h"
#include "tests/postgres/cluster_fixture.h"
#include "tests/postgres/plugin_restriction.h"

namespace lockstep::postgres {
namespace {

class PreflightTest : public ClusterFixture {
 protected:
  // "check" for each good finding and note, "check?" for a warning, "check!" for an error.
  static std::string Marks(const std::vector<Finding>& findings) {
    std::string marks;
    for (const Finding& finding : findings) {
      marks += finding.check;
      if (finding.severity == Severity::kWarning) marks += "?";
      if (finding.severity == Severity::kError) marks += "!";
      marks += ", ";
    }
    return marks;
  }
  static std::string TextOf(const std::vector<Finding>& findings, const std::string& check) {
    for (const Finding& finding : findings) {
      if (finding.check == check) return WithRemedy(finding);
    }
    return "(no such finding)";
  }
};

TEST_F(PreflightTest, GoodServerHasNoErrorAndKeepsNoSlot) {
  std::vector<Finding> findings =
      Preflight(cluster().uri(), {.plugin = "decoderbufs", .slots = 3, .commit_order = true});
  EXPECT_EQ(Marks(findings),
            "connection, version, wal_level, slots, senders, encoding, WAL limit, replication "
            "right, plugin, commit order, ");
  EXPECT_FALSE(HasError(findings));
  // The temporary slot goes with its walsender, which is on its way out.
  Connection sql = Sql();
  Await("the walsender is gone",
        [&] { return Must(sql.Scalar("SELECT count(*) FROM pg_stat_replication")) == "0"; });
  EXPECT_EQ(Must(sql.Scalar("SELECT count(*) FROM pg_replication_slots")), "0");
}

TEST_F(PreflightTest, UnusablePluginIsAnErrorWithARemedy) {
  std::vector<Finding> findings = Preflight(cluster().uri(), {.plugin = "wal2jsonx"});
  EXPECT_TRUE(HasError(findings));
  EXPECT_NE(Marks(findings).find("plugin!"), std::string::npos) << Marks(findings);
  const char* remedy = RestrictsPlugins(cluster()) ? "output_plugin_libraries" : "install";
  EXPECT_NE(TextOf(findings, "plugin").find(remedy), std::string::npos)
      << TextOf(findings, "plugin");
}

TEST_F(PreflightTest, OpenTransactionIsOnlyAWarning) {
  Connection sql = Sql();
  Must(sql.Execute("BEGIN; SELECT pg_current_xact_id()"));
  std::vector<Finding> findings = Preflight(cluster().uri());
  EXPECT_FALSE(HasError(findings));
  EXPECT_NE(Marks(findings).find("plugin?"), std::string::npos) << Marks(findings);
}

TEST_F(PreflightTest, TheRemedyStandsByItself) {
  const bool restricts = RestrictsPlugins(cluster());
  const std::string said = restricts ? "may not be used as an output plugin" : "could not access";
  const std::string remedy = restricts ? "the server allows only" : "install the plugin's library";
  for (const Finding& finding : Preflight(cluster().uri(), {.plugin = "wal2jsonx"})) {
    if (finding.check != "plugin") continue;
    EXPECT_NE(finding.text.find(said), std::string::npos) << finding.text;
    EXPECT_EQ(finding.text.find(remedy), std::string::npos) << finding.text;
    EXPECT_TRUE(finding.remedy.starts_with(remedy)) << finding.remedy;
  }
}

TEST_F(PreflightTest, EveryPluginIsTriedOnOneConnectionAndItsVersionProbed) {
  Connection replication = Replication();
  for (const model::OutputPlugin& plugin : model::OutputPlugins()) {
    const PluginCheck check = CheckPlugin(replication, std::string(plugin.name));
    EXPECT_TRUE(check.usable) << check.finding.text;
    EXPECT_EQ(check.version.server, cluster().server_version());
    // Of Debian 12: wal2json 2.5.
    EXPECT_FALSE(check.version.wal2json_numbers_as_strings);
    EXPECT_EQ(check.finding.plugins, std::vector{std::string(plugin.name)});
  }
  EXPECT_FALSE(CheckPlugin(replication, "no_such_plugin").usable);
  EXPECT_EQ(Must(Sql().Scalar("SELECT count(*) FROM pg_replication_slots")), "0");
}

TEST_F(PreflightTest, AnIdleSlotIsNotedWithTheWalItKeeps) {
  Connection sql = Sql();
  Must(sql.Execute("SELECT pg_create_logical_replication_slot('forgotten', 'pgoutput')"));
  const std::vector<Finding> findings = Preflight(cluster().uri());
  EXPECT_EQ(TextOf(findings, "idle slot").find("nobody reads slot forgotten, which keeps "), 0u)
      << TextOf(findings, "idle slot");
  EXPECT_NE(TextOf(findings, "idle slot").find("pg_drop_replication_slot('forgotten')"),
            std::string::npos);
  EXPECT_FALSE(HasError(findings));
  Must(sql.Execute("SELECT pg_drop_replication_slot('forgotten')"));
}

TEST_F(PreflightTest, APreparedTransactionIsNamedThatASlotWouldWaitFor) {
  Connection sql = Sql();
  Must(sql.Execute("CREATE TABLE held(a int)"));
  Must(sql.Execute("BEGIN; INSERT INTO held VALUES (1); PREPARE TRANSACTION 'it''s open'"));
  const std::vector<Finding> findings = Preflight(cluster().uri());
  EXPECT_NE(TextOf(findings, kPreparedTransaction).find("'it''s open'"), std::string::npos)
      << TextOf(findings, kPreparedTransaction);
  EXPECT_NE(TextOf(findings, kPreparedTransaction).find("ROLLBACK PREPARED 'it''s open'"),
            std::string::npos);
  EXPECT_FALSE(HasError(findings));
  Must(sql.Execute("ROLLBACK PREPARED 'it''s open'"));
  Must(sql.Execute("DROP TABLE held"));
}

TEST_F(PreflightTest, AnotherEncodingIsAnErrorAndThePluginIsTriedAllTheSame) {
  Must(Sql().Execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"));
  const std::vector<Finding> findings = Preflight(cluster().uri("latin"));
  EXPECT_NE(Marks(findings).find("encoding!"), std::string::npos) << Marks(findings);
  EXPECT_NE(Marks(findings).find("plugin, "), std::string::npos) << Marks(findings);
  EXPECT_NE(TextOf(findings, "encoding").find("the database is in LATIN1"), std::string::npos);
}

TEST_F(PreflightTest, UserWithoutTheRightIsAnError) {
  Must(Sql().Execute("CREATE ROLE plain LOGIN"));
  std::vector<Finding> findings =
      Preflight("host=" + cluster().directory() + " user=plain dbname=postgres");
  EXPECT_NE(Marks(findings).find("replication right!"), std::string::npos) << Marks(findings);
  EXPECT_NE(TextOf(findings, "replication right").find("ALTER ROLE"), std::string::npos);
}

TEST_F(PreflightTest, UnreachableServerEndsTheChecks) {
  std::vector<Finding> findings = Preflight("host=/nonexistent user=x dbname=y");
  EXPECT_EQ(Marks(findings), "connection!, ");
}

TEST(PreflightOnAnotherServer, MissingSettingsAreErrors) {
  LocalCluster cluster =
      Must(LocalCluster::Start({.settings = {{"wal_level", "replica"}}, .slots_and_senders = 2}));
  std::vector<Finding> findings = Preflight(cluster.uri(), {.slots = 3});
  std::string errors;
  for (const Finding& finding : findings) {
    if (finding.severity == Severity::kError) errors += finding.check + ", ";
  }
  EXPECT_EQ(errors, "wal_level, slots, senders, ");
  EXPECT_EQ(findings.back().check, "replication right");
}

TEST(PreflightOnAnotherServer, ALimitOfKeptWalIsNoted) {
  LocalCluster cluster =
      Must(LocalCluster::Start({.settings = {{"max_slot_wal_keep_size", "10GB"}}}));
  for (const Finding& finding : Preflight(cluster.uri())) {
    if (finding.check != "WAL limit") continue;
    EXPECT_EQ(finding.severity, Severity::kNote);
    EXPECT_EQ(finding.text,
              "max_slot_wal_keep_size is 10GB: a slot that is further behind is lost");
  }
}

}  // namespace
}  // namespace lockstep::postgres
