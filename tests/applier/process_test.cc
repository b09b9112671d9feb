// The applier program on a real server; the test plays the verifier.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "model/verdict.h"
#include "postgres/slot.h"
#include "tests/applier/applier_fixture.h"
#include "tests/postgres/cluster_fixture.h"
#include "tests/wire/played_verifier.h"
#include "wire/message.h"

namespace lockstep::applier {
namespace {

using ::testing::HasSubstr;

class Applier : public wire::PlayedVerifier {
 public:
  explicit Applier(const std::string& database) : PlayedVerifier("applier") {
    Start({"applier/applier", "--listen=ipc://" + directory() + "/applier",
           "--database=" + database});
  }
};

class ApplierProgramTest : public postgres::ClusterFixture {
 protected:
  void SetUp() override {
    Must(
        Sql().Execute("CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS "
                      "$$ BEGIN RAISE 'nobody drops a schema here'; END $$"));
    Must(Sql().Execute("CREATE ROLE plain LOGIN"));
    Must(Sql().Execute("GRANT CREATE ON DATABASE postgres TO plain"));
  }
  void TearDown() override {
    Must(Sql().Execute("DROP EVENT TRIGGER IF EXISTS refuse"));
    Must(Sql().Execute("DROP FUNCTION refuse"));
    Must(Sql().Execute("DROP PUBLICATION IF EXISTS run"));
    Must(Sql().Execute("DROP SCHEMA IF EXISTS run CASCADE"));
    Must(Sql().Execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"));
    Must(Sql().Execute("DROP OWNED BY plain"));
    Must(Sql().Execute("DROP ROLE plain"));
  }
  static void RefuseToDropASchema() {
    Must(
        Sql().Execute("CREATE EVENT TRIGGER refuse ON ddl_command_start "
                      "WHEN TAG IN ('DROP SCHEMA') EXECUTE FUNCTION refuse()"));
  }
  // Up to a listener that was killed and did not come back.
  static void Run(Applier& applier) {
    applier.Send(wire::CatalogMade{MakeCatalog("run"), 7});
    (void)applier.Await<wire::Ready>();
    auto maker = Replication();
    Must(CreateSlot(maker, {.name = "run_listener_1", .plugin = "pgoutput"}));
  }
  static std::string Left() {
    return Must(
        Sql().Scalar("SELECT coalesce(string_agg(name, ' ' ORDER BY name), '') FROM ("
                     "SELECT 'slot ' || slot_name FROM pg_replication_slots UNION ALL "
                     "SELECT 'publication ' || pubname FROM pg_publication UNION ALL "
                     "SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname = 'run') "
                     "AS n(name)"));
  }
};

TEST_F(ApplierProgramTest, AtTheEndNothingIsLeft) {
  Applier applier(cluster().uri());
  Run(applier);
  EXPECT_EQ(Left(), "publication run schema run slot run_listener_1");
  applier.Send(model::Verdict{});
  EXPECT_EQ(applier.AwaitEnd(), 0) << applier.Log();
  EXPECT_EQ(Left(), "");
}

TEST_F(ApplierProgramTest, ASchemaThatCannotBeDroppedKeepsNoSlot) {
  Applier applier(cluster().uri());
  Run(applier);
  RefuseToDropASchema();
  applier.Send(model::Verdict{});
  EXPECT_EQ(applier.AwaitEnd(), 4) << applier.Log();
  EXPECT_EQ(Left(), "publication run schema run");
  EXPECT_THAT(applier.Log(), HasSubstr("dropping the schema run: "));
}

TEST_F(ApplierProgramTest, ASlotThatCannotBeDroppedKeepsNoSchema) {
  std::string uri = cluster().uri();
  Applier applier(uri.replace(uri.find("postgres@"), 9, "plain@"));
  Run(applier);
  applier.Send(model::Verdict{});
  EXPECT_EQ(applier.AwaitEnd(), 1) << applier.Log();
  EXPECT_EQ(Left(), "slot run_listener_1");
  EXPECT_THAT(applier.Log(), HasSubstr("dropping the slots that nobody reads: "));
}

TEST_F(ApplierProgramTest, BothFaultsAreReported) {
  std::string uri = cluster().uri();
  Applier applier(uri.replace(uri.find("postgres@"), 9, "plain@"));
  Run(applier);
  RefuseToDropASchema();
  applier.Send(model::Verdict{});
  EXPECT_EQ(applier.AwaitEnd(), 1) << applier.Log();
  EXPECT_THAT(applier.Log(), HasSubstr("dropping the slots that nobody reads: "));
  EXPECT_THAT(applier.Log(), HasSubstr("; dropping the schema run: "));
}

TEST_F(ApplierProgramTest, TheVerifierIsToldWhyItFails) {
  Must(Sql().Execute("CREATE SCHEMA run"));
  Applier applier(cluster().uri());
  applier.Send(wire::CatalogMade{MakeCatalog("run"), 7});
  const auto failure = applier.Await<wire::Failure>();
  EXPECT_EQ(failure.process, "applier");
  EXPECT_THAT(failure.error.message, HasSubstr("creating the schema run: "));
  EXPECT_EQ(applier.AwaitEnd(), 4) << applier.Log();
}

}  // namespace
}  // namespace lockstep::applier
