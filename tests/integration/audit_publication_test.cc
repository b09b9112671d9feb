// Audits of what a publication of the user's own sends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/integration/audit_fixture.h"
#include "tests/integration/audit_run.h"
#include "tests/integration/footprint.h"

namespace lockstep::integration {
namespace {

using ::testing::HasSubstr;

class AuditPublicationTest : public AuditFixture {
 protected:
  void SetUp() override {
    Execute(
        "CREATE SCHEMA app; CREATE TABLE app.kept(id int PRIMARY KEY, n int);"
        "CREATE TABLE app.other(id int PRIMARY KEY); CREATE TABLE app.some(id int PRIMARY KEY);"
        "CREATE TABLE app.root(id int PRIMARY KEY, n int) PARTITION BY RANGE (id);"
        "CREATE TABLE app.low PARTITION OF app.root FOR VALUES FROM (0) TO (100);"
        "CREATE TABLE app.high PARTITION OF app.root FOR VALUES FROM (100) TO (200);"
        "INSERT INTO app.root VALUES (1, 1), (101, 1); INSERT INTO app.kept VALUES (1, 1)");
    // A row filter came with 15, the oldest server that the tests start.
    Execute(
        "CREATE PUBLICATION mine FOR TABLE app.kept, app.root, "
        "app.some WHERE (id > 5) WITH (publish_via_partition_root)");
    stays_ = "publication mine";
  }
  void TearDown() override {
    AuditFixture::TearDown();
    Execute("DROP PUBLICATION mine; DROP SCHEMA app CASCADE");
  }
  AuditEnded Audit(std::vector<std::string> arguments, const std::string& sql) {
    return AuditFixture::Audit(std::move(arguments), Psql(sql));
  }
};

constexpr const char* kChanges =
    "UPDATE app.kept SET n = 2; INSERT INTO app.other VALUES (1); INSERT INTO app.some VALUES (1);"
    "INSERT INTO app.root SELECT g, g FROM generate_series(2, 99) g; DELETE FROM app.root WHERE id "
    "= 3; UPDATE app.root SET id = id + 100 WHERE id = 5; UPDATE app.root SET n = -n";

TEST_F(AuditPublicationTest, WhatItSendsIsComparedAndNothingElse) {
  const AuditEnded ended =
      Audit({"--publication=mine", "--plugin=pgoutput,pgoutput-binary"}, kChanges);
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  for (const auto& listener : ended.report.at("listeners"))
    EXPECT_TRUE(listener["resyncs"].empty()) << listener["resyncs"];
  EXPECT_EQ(ended.Status("kept"), "equal");
  EXPECT_EQ(ended.Status("root"), "equal");
  for (const auto& table : ended.report.at("tables")) {
    if (table["table"] == "root") {
      EXPECT_EQ(table["rows"], 99) << table;
    }
    if (table["status"] == "equal") {
      EXPECT_GT(table["changes"], 0) << table;
    }
  }
  EXPECT_THAT(ended.Reason("low"), HasSubstr("published through its root app.root"));
  EXPECT_THAT(ended.Reason("high"), HasSubstr("published through its root app.root"));
  EXPECT_THAT(ended.Reason("other"), HasSubstr("not in the publication"));
  EXPECT_THAT(ended.Reason("some"), HasSubstr("some of its rows only"));
  EXPECT_THAT(ended.output, ::testing::Not(HasSubstr("  publications lockstep_")));
}

// Nothing is made, so nothing but reading is asked for.
TEST_F(AuditPublicationTest, NoRightToCreateIsNeeded) {
  Execute(
      "CREATE ROLE reader LOGIN REPLICATION; GRANT USAGE ON SCHEMA app TO reader;"
      "GRANT SELECT ON ALL TABLES IN SCHEMA app TO reader");
  const AuditEnded ended =
      AuditFixture::Audit({"--publication=mine", "--plugin=pgoutput"},
                          {"psql", "-q", Conninfo(), "-c", kChanges}, "reader");
  Execute("DROP OWNED BY reader; DROP ROLE reader");
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.Status("kept"), "equal");
}

TEST_F(AuditPublicationTest, ALostChangeOfAPartitionIsShownAsTheRoots) {
  const AuditEnded ended =
      Audit({"--publication=mine", "--sabotage=corrupt-value", "--tables=root"},
            "DO $$ BEGIN FOR i IN 2..41 LOOP INSERT INTO app.root VALUES (i, 10), (100 + i, 20); "
            "COMMIT; END LOOP; END $$");
  EXPECT_EQ(ended.exit_code, 2) << ended.output;
  EXPECT_EQ(ended.Status("root"), "different");
}

// Nothing is sent of the rows that come or go with a partition: they are copied anew.
TEST_F(AuditPublicationTest, PartitionsThatComeAndGoAreReadAnew) {
  const AuditEnded ended = Audit(
      {"--publication=mine", "--tables=root"},
      "ALTER TABLE app.root DETACH PARTITION app.high; TRUNCATE app.low;"
      "CREATE TABLE app.more(id int PRIMARY KEY, n int); INSERT INTO app.more VALUES (300, 3);"
      "ALTER TABLE app.root ATTACH PARTITION app.more FOR VALUES FROM (300) TO (400);"
      "INSERT INTO app.root VALUES (4, 4)");
  // Its only change came before it was read anew.
  EXPECT_EQ(ended.exit_code, 5) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr("none of the 1 changes that arrived is proven"));
  EXPECT_EQ(ended.Status("root"), "equal");
}

// The first is sent, the second is not.
TEST_F(AuditPublicationTest, APartitionThatIsTruncatedAfterItsRootIsReadAnew) {
  const AuditEnded ended = Audit({"--publication=mine", "--tables=root"},
                                 "TRUNCATE app.root; INSERT INTO app.root VALUES (4, 4), (104, 4);"
                                 "TRUNCATE app.low");
  // A file of its own may also be that of VACUUM FULL: the rows that differ are excused.
  EXPECT_EQ(ended.exit_code, 5) << ended.output;
  EXPECT_EQ(ended.Status("root"), "equal");
  EXPECT_THAT(ended.Reason("root"), HasSubstr("from"));
}

TEST_F(AuditPublicationTest, APartitionThatWasAwayForAWhileIsReadAnew) {
  const AuditEnded ended =
      Audit({"--publication=mine", "--tables=root"},
            "ALTER TABLE app.root DETACH PARTITION app.high; UPDATE app.high SET n = 7;"
            "ALTER TABLE app.root ATTACH PARTITION app.high FOR VALUES FROM (100) TO (200)");
  EXPECT_EQ(ended.exit_code, 0) << ended.output;
  EXPECT_EQ(ended.Status("root"), "equal");
  EXPECT_THAT(ended.Reason("root"), HasSubstr("from"));
}

TEST_F(AuditPublicationTest, WhatCannotBeAskedForIsAUsageError) {
  EXPECT_EQ(Audit({"--publication=absent"}, kChanges).exit_code, 1);
  EXPECT_EQ(Audit({"--publication=mine", "--plugin=wal2json"}, kChanges).exit_code, 1);
}

}  // namespace
}  // namespace lockstep::integration
