#include "auditor/publishing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "auditor/process_options.h"
#include "consumer/attach_patience.h"
#include "consumer/locked_tables.h"
#include "model/error.h"
#include "postgres/connection.h"
#include "postgres/table_scope.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::auditor {
namespace {

using consumer::AttachWait;
using postgres::Connection;
using postgres::Must;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class PublishingTest : public postgres::ClusterFixture {
 protected:
  PublishingTest() : sql_(Sql()) {
    options_.conninfo = cluster().uri();
    options_.slot = "audit_slot";
    scope_.scope = postgres::TableScope::OneSchema("app");
    scope_.plugin.name = "pgoutput";
  }
  void SetUp() override {
    Must(
        sql_.Execute("CREATE SCHEMA app; CREATE TABLE app.keyed(id int PRIMARY KEY); "
                     "CREATE TABLE app.bare(a int)"));
  }
  void TearDown() override {
    Must(publishing_.Drop());
    EXPECT_EQ(Published(), "");
    Must(sql_.Execute("DROP SCHEMA app CASCADE"));
  }

  // "publication.table ...", by their names; "_inserts" is of all tables.
  std::string Published() {
    return Must(
        sql_.Scalar("SELECT coalesce(string_agg(pubname || '.' || tablename, ' ' ORDER BY pubname, "
                    "tablename), '') FROM pg_publication_tables WHERE schemaname = 'app'"));
  }
  static consumer::OnAttachWait NeverWaits() {
    return [](const AttachWait& wait) {
      return model::Fail(model::ErrorKind::kMisfit, "it waited: " + wait.reason);
    };
  }

  Connection sql_;
  ProcessOptions options_;
  consumer::AttachScope scope_;
  Publishing publishing_{options_};
};

constexpr char kBoth[] = "audit_slot.keyed audit_slot_inserts.bare audit_slot_inserts.keyed";

TEST_F(PublishingTest, TheyAreMadeNamedAndDropped) {
  Must(publishing_.Make(scope_, NeverWaits()));
  EXPECT_THAT(scope_.plugin.publications, ElementsAre("audit_slot", "audit_slot_inserts"));
  EXPECT_EQ(Published(), kBoth);
  // Also over what a killed one left.
  Publishing again(options_);
  Must(again.Make(scope_, NeverWaits()));
  EXPECT_EQ(Published(), kBoth);
}

TEST_F(PublishingTest, TablesThatCameAreAddedAndThoseThatLostTheirIdentityTakenOut) {
  Must(publishing_.Make(scope_, NeverWaits()));
  Must(
      sql_.Execute("CREATE TABLE app.late(id int PRIMARY KEY); "
                   "ALTER TABLE app.keyed DROP CONSTRAINT keyed_pkey"));
  Must(publishing_.Update(scope_));
  EXPECT_EQ(Published(),
            "audit_slot.late audit_slot_inserts.bare audit_slot_inserts.keyed "
            "audit_slot_inserts.late");
}

TEST_F(PublishingTest, ATableThatGotAnIdentityIsBehind) {
  Must(publishing_.Make(scope_, NeverWaits()));
  EXPECT_THAT(Must(publishing_.Behind(scope_, {{"app", "bare"}})), IsEmpty());
  Must(sql_.Execute("ALTER TABLE app.bare ADD PRIMARY KEY (a)"));
  EXPECT_THAT(Must(publishing_.Behind(scope_, {})), IsEmpty());
  EXPECT_THAT(Must(publishing_.Behind(scope_, {{"app", "bare"}})),
              ElementsAre(postgres::TableName{"app", "bare"}));
}

TEST_F(PublishingTest, ATableThatIsBeingAlteredIsWaitedFor) {
  Connection other = Sql();
  Must(other.Execute("BEGIN; LOCK TABLE app.keyed IN SHARE UPDATE EXCLUSIVE MODE"));
  std::vector<std::string> reasons;
  Must(publishing_.Make(scope_, [&](const AttachWait& wait) {
    reasons.push_back(wait.reason);
    if (reasons.size() == 2) Must(other.Execute("COMMIT"));
    return model::Result<void>();
  }));
  EXPECT_THAT(reasons, ElementsAre(HasSubstr("lock timeout"), HasSubstr("lock timeout")));
  EXPECT_EQ(Published(), kBoth);
}

TEST_F(PublishingTest, AWaitThatIsEndedLeavesNothing) {
  Connection other = Sql();
  Must(other.Execute("BEGIN; LOCK TABLE app.keyed IN SHARE UPDATE EXCLUSIVE MODE"));
  EXPECT_THAT(publishing_.Make(scope_, NeverWaits()).error().message, HasSubstr("it waited: "));
  EXPECT_THAT(scope_.plugin.publications, IsEmpty());
  EXPECT_EQ(Published(), "");
}

// A comparison goes on without it.
TEST_F(PublishingTest, ATableThatIsBeingAlteredIsLeftAndTheOthersAreAdded) {
  Must(publishing_.Make(scope_, NeverWaits()));
  Must(
      sql_.Execute("CREATE TABLE app.late(id int PRIMARY KEY); "
                   "CREATE TABLE app.later(id int PRIMARY KEY)"));
  Connection other = Sql();
  Must(other.Execute("BEGIN; LOCK TABLE app.late IN SHARE UPDATE EXCLUSIVE MODE"));
  auto update = Must(publishing_.Update(scope_));
  EXPECT_THAT(update.without_changes, ElementsAre(postgres::TableName{"app", "later"}));
  ASSERT_TRUE(update.left.has_value());
  EXPECT_THAT(update.left->message, HasSubstr("lock timeout"));
  EXPECT_THAT(Published(), AllOf(HasSubstr("audit_slot.later"), Not(HasSubstr("slot.late "))));
  Must(other.Execute("ROLLBACK"));
  update = Must(publishing_.Update(scope_));
  EXPECT_THAT(update.without_changes, ElementsAre(postgres::TableName{"app", "late"}));
  EXPECT_FALSE(update.left.has_value());
  EXPECT_THAT(Published(), HasSubstr("audit_slot.late "));
}

TEST_F(PublishingTest, NothingIsMadeWithTheUsersOwnOrWhereThePluginHasNone) {
  options_.publication = "theirs";
  Must(publishing_.Make(scope_, NeverWaits()));
  options_.publication.clear();
  scope_.plugin.name = "wal2json";
  Must(publishing_.Make(scope_, NeverWaits()));
  EXPECT_THAT(scope_.plugin.publications, IsEmpty());
  Must(publishing_.Update(scope_));
  EXPECT_THAT(Must(publishing_.Behind(scope_, {{"app", "keyed"}})), IsEmpty());
  EXPECT_EQ(Published(), "");
}

}  // namespace
}  // namespace lockstep::auditor
