#include "launcher/doctor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "postgres/connection.h"
#include "postgres/finding.h"
#include "postgres/local_cluster.h"
#include "tests/postgres/cluster_fixture.h"
#include "tests/postgres/plugin_restriction.h"

namespace lockstep::launcher {
namespace {

using postgres::LocalCluster;
using postgres::Must;
using postgres::Severity;

class DoctorTest : public postgres::ClusterFixture {
 protected:
  void SetUp() override { Execute("CREATE SCHEMA shop; CREATE TABLE shop.t (i int PRIMARY KEY)"); }
  void TearDown() override { Execute("DROP SCHEMA shop CASCADE"); }
  static void Execute(const std::string& sql) { Must(Sql().Execute(sql)); }
  static Diagnosis Look(const std::string& plugin = "") {
    return Must(Diagnose({.database = cluster().uri(), .plugin = plugin}));
  }
  // Plugins that follow everything.
  static std::string Good(const Diagnosis& diagnosis) {
    std::string names;
    for (const DiagnosedPlugin& plugin : diagnosis.plugins) {
      if (FollowsEverything(diagnosis, plugin)) names += plugin.name + " ";
    }
    return names;
  }
};

TEST_F(DoctorTest, EveryPluginOfTheServerIsLookedAt) {
  const Diagnosis diagnosis = Look();
  EXPECT_EQ(Good(diagnosis), "wal2json pgoutput pgoutput-binary ");
  EXPECT_EQ(ExitCodeOf(diagnosis), model::ExitCode::kConverged);
  EXPECT_EQ(diagnosis.plugins.front(), (DiagnosedPlugin{"decoderbufs", true}));
  // What no table tells.
  const auto messages =
      std::ranges::find(diagnosis.of_plugins, "messages", &postgres::Finding::check);
  ASSERT_NE(messages, diagnosis.of_plugins.end());
  EXPECT_EQ(messages->plugins, std::vector<std::string>{"decoderbufs"});
  EXPECT_EQ(Must(Sql().Scalar("SELECT count(*) FROM pg_replication_slots")), "0");
}

TEST_F(DoctorTest, ThePluginThatIsAskedForCounts) {
  EXPECT_EQ(ExitCodeOf(Look("decoderbufs")), model::ExitCode::kUsage);
  EXPECT_EQ(ExitCodeOf(Look("pgoutput")), model::ExitCode::kConverged);
  Execute("CREATE TABLE shop.u (i tsvector PRIMARY KEY)");
  EXPECT_EQ(ExitCodeOf(Look("pgoutput")), model::ExitCode::kConverged);
  EXPECT_EQ(ExitCodeOf(Look("pgoutput-binary")), model::ExitCode::kUsage);
}

TEST_F(DoctorTest, OnlyTheSchemasThatAreAskedForCount) {
  Execute("CREATE TABLE shop.u (i int)");
  EXPECT_EQ(Good(Look()), "");
  const Diagnosis diagnosis =
      Must(Diagnose({.database = cluster().uri(), .schemas = {"information_schema"}}));
  for (const auto& finding : diagnosis.of_tables) EXPECT_NE(finding.subject, "shop.u");
}

TEST_F(DoctorTest, UserWithoutTheRightGetsTheTablesAllTheSame) {
  Execute("CREATE ROLE plain LOGIN; CREATE TABLE shop.u (i int)");
  const Diagnosis diagnosis =
      Must(Diagnose({.database = "host=" + cluster().directory() + " user=plain dbname=postgres"}));
  EXPECT_EQ(ExitCodeOf(diagnosis), model::ExitCode::kUsage);
  EXPECT_TRUE(HasError(diagnosis.server));
  EXPECT_NE(std::ranges::find(diagnosis.of_tables, "key", &postgres::Finding::check),
            diagnosis.of_tables.end());
  EXPECT_NE(std::ranges::find(diagnosis.of_tables, "truncation", &postgres::Finding::check),
            diagnosis.of_tables.end());
  Execute("DROP ROLE plain");
}

TEST_F(DoctorTest, AnUnreachableDatabaseIsExitFour) {
  const auto diagnosis = Diagnose({.database = "postgresql://nobody@127.0.0.1:1/none"});
  ASSERT_FALSE(diagnosis.has_value());
  EXPECT_TRUE(diagnosis.error().message.starts_with("--database: "));
  EXPECT_EQ(Doctor({.database = "postgresql://nobody@127.0.0.1:1/none"}),
            model::ExitCode::kEnvironment);
}

TEST(DoctorOnAnotherServer, APluginThatIsNotAllowedIsAnErrorOnlyWhenItIsAskedFor) {
  const LocalCluster cluster =
      Must(LocalCluster::Start({.settings = {{"output_plugin_libraries", "pgoutput"}}}));
  if (!postgres::RestrictsPlugins(cluster)) GTEST_SKIP() << "this server takes any plugin";
  auto sql = Must(postgres::Connection::Open(cluster.uri(), postgres::ConnectionKind::kSql));
  Must(sql.Execute("CREATE TABLE public.t (i int PRIMARY KEY, z timetz)"));
  Diagnosis diagnosis = Must(Diagnose({.database = cluster.uri()}));
  EXPECT_EQ(ExitCodeOf(diagnosis), model::ExitCode::kConverged);
  // What it would lose does not matter then.
  for (const auto& finding : diagnosis.of_tables) EXPECT_FALSE(Hinders(finding, "decoderbufs"));
  EXPECT_EQ(diagnosis.plugins.front(), (DiagnosedPlugin{"decoderbufs", false}));
  EXPECT_EQ(diagnosis.of_plugins.front().severity, Severity::kNote);
  diagnosis = Must(Diagnose({.database = cluster.uri(), .plugin = "decoderbufs"}));
  EXPECT_EQ(ExitCodeOf(diagnosis), model::ExitCode::kUsage);
  EXPECT_EQ(diagnosis.of_plugins.front().severity, Severity::kError);
  EXPECT_NE(diagnosis.of_plugins.front().remedy.find("output_plugin_libraries"), std::string::npos);
}

}  // namespace
}  // namespace lockstep::launcher
