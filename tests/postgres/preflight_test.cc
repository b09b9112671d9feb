#include "postgres/preflight.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "postgres/slot.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

class PreflightTest : public ClusterFixture {
 protected:
  // "check" for each good finding, "check?" for a warning, "check!" for an error.
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
      if (finding.check == check) return finding.text;
    }
    return "(no such finding)";
  }
};

TEST_F(PreflightTest, GoodServerHasNoErrorAndKeepsNoSlot) {
  std::vector<Finding> findings =
      Preflight(cluster().uri(), {.plugin = "decoderbufs", .slots = 3, .commit_order = true});
  EXPECT_EQ(Marks(findings),
            "connection, version, wal_level, slots, senders, replication right, plugin, commit "
            "order, ");
  EXPECT_FALSE(HasError(findings));
  // The temporary slot goes with its walsender, which is on its way out.
  Connection sql = Sql();
  while (Must(sql.Scalar("SELECT count(*) FROM pg_stat_replication")) != "0") {
  }
  EXPECT_EQ(Must(sql.Scalar("SELECT count(*) FROM pg_replication_slots")), "0");
}

TEST_F(PreflightTest, UnusablePluginIsAnErrorWithARemedy) {
  std::vector<Finding> findings = Preflight(cluster().uri(), {.plugin = "wal2jsonx"});
  EXPECT_TRUE(HasError(findings));
  EXPECT_NE(Marks(findings).find("plugin!"), std::string::npos) << Marks(findings);
  EXPECT_NE(TextOf(findings, "plugin").find("output_plugin_libraries"), std::string::npos)
      << TextOf(findings, "plugin");
}

TEST_F(PreflightTest, OpenTransactionIsOnlyAWarning) {
  Connection sql = Sql();
  Must(sql.Execute("BEGIN; SELECT pg_current_xact_id()"));
  std::vector<Finding> findings = Preflight(cluster().uri());
  EXPECT_FALSE(HasError(findings));
  EXPECT_NE(Marks(findings).find("plugin?"), std::string::npos) << Marks(findings);
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
}

}  // namespace
}  // namespace lockstep::postgres
