// Any set of tables of a database, with all that cannot be followed among them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <string>
#include <string_view>

#include "consumer/consumer.h"
#include "model/error.h"
#include "model/output_plugin.h"
#include "postgres/relation_reader.h"
#include "tests/consumer/scope_fixture.h"

namespace lockstep::consumer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ConsumerScopeTest : public ScopeFixture {};

INSTANTIATE_TEST_SUITE_P(EachPlugin, ConsumerScopeTest,
                         testing::Values("decoderbufs", "wal2json", "pgoutput", "pgoutput-binary"),
                         PluginTestName);

TEST_P(ConsumerScopeTest, SchemasAndTablesWithOddNamesAreFollowedTogether) {
  Write(
      "INSERT INTO s.t VALUES (1, 'a'); INSERT INTO \"Od.d \"\"one\".\"T.\"\"q\"\" \" "
      "VALUES (1, 'b'); INSERT INTO \"Od.d \"\"one\".other VALUES (7)");
  Follow follow = AttachTo();
  EXPECT_EQ(follow->replica().database().table_count(), 3U);
  EXPECT_EQ(follow->replica().database().row_count(), 3U);
  Write(
      "BEGIN; UPDATE s.t SET id = 2; INSERT INTO \"Od.d \"\"one\".\"T.\"\"q\"\" \" "
      "VALUES (2, 'c'); DELETE FROM \"Od.d \"\"one\".other; "
      "UPDATE \"Od.d \"\"one\".\"T.\"\"q\"\" \" SET \"N \"\"q\" = 'd' WHERE \"I.d\" = 1; COMMIT");
  ExpectEqual(follow);
  EXPECT_EQ(follow.changes(), 4U);
  Must(follow->Detach());
}

TEST_P(ConsumerScopeTest, TablesOutsideThePatternsAreNotFollowed) {
  Follow follow = AttachTo(TableScope::Matching("s, Od*", "t, T*"));
  ASSERT_EQ(follow->replica().database().table_count(), 2U);
  Write(
      "INSERT INTO \"Od.d \"\"one\".other VALUES (1); INSERT INTO s.t VALUES (1, 'a');"
      "CREATE TABLE s.later(id int PRIMARY KEY); INSERT INTO s.later VALUES (1)");
  ExpectEqual(follow);
  EXPECT_EQ(follow.changes(), 1U);
  Must(follow->Detach());
}

TEST_P(ConsumerScopeTest, WhatCannotBeFollowedHasAReasonAndHoldsUpNothing) {
  Connection holds_temporary = Sql();
  Must(holds_temporary.Execute("CREATE TEMPORARY TABLE fleeting(id int PRIMARY KEY)"));
  Write(
      "CREATE UNLOGGED TABLE s.unlogged(id int PRIMARY KEY);"
      "CREATE TABLE s.parts(id int PRIMARY KEY) PARTITION BY RANGE (id);"
      "CREATE TABLE s.part PARTITION OF s.parts FOR VALUES FROM (0) TO (9);"
      "CREATE TABLE s.parent(id int PRIMARY KEY); CREATE TABLE s.child(PRIMARY KEY (id)) INHERITS "
      "(s.parent); CREATE MATERIALIZED VIEW s.mat AS SELECT id FROM s.t;"
      "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER far FOREIGN DATA WRAPPER w;"
      "CREATE FOREIGN TABLE s.far(a int) SERVER far; INSERT INTO s.parts VALUES (1);"
      "INSERT INTO s.parent VALUES (1); INSERT INTO s.child VALUES (2)");
  Follow follow = AttachTo();
  const auto reasons = ReasonsOf(*follow);
  EXPECT_THAT(reasons.at("s.unlogged"), HasSubstr("unlogged"));
  EXPECT_THAT(reasons.at("s.parts"), HasSubstr("partitions"));
  EXPECT_THAT(reasons.at("s.mat"), HasSubstr("materialized view"));
  EXPECT_THAT(reasons.at("s.far"), HasSubstr("foreign"));
  EXPECT_EQ(reasons.size(), 5U);
  EXPECT_EQ(follow->replica().database().row_count(), 3U);
  Must(holds_temporary.Execute("INSERT INTO fleeting VALUES (1)"));
  Write(
      "INSERT INTO s.unlogged VALUES (1); INSERT INTO s.parts VALUES (2);"
      "INSERT INTO s.child VALUES (3); REFRESH MATERIALIZED VIEW s.mat;"
      "UPDATE s.parent SET id = id + 10; DELETE FROM s.parts WHERE id = 1");
  ExpectEqual(follow);
  Must(follow->Detach());
  Write("DROP FOREIGN DATA WRAPPER w CASCADE");
}

TEST_P(ConsumerScopeTest, WideAndEmptyTablesAreFollowed) {
  std::string columns;
  for (int i = 1; i < 1600; ++i) columns += ", c" + std::to_string(i) + " bool";
  Write("CREATE TABLE s.wide(id int PRIMARY KEY" + columns + "); INSERT INTO s.wide VALUES (1)");
  Follow follow = AttachTo(TableScope::Matching("s"));
  Write(
      "INSERT INTO s.wide (id, c1599) VALUES (2, true); UPDATE s.wide SET c1 = c1599, id = id + 5");
  ExpectEqual(follow);
  Must(follow->Detach());
}

TEST_P(ConsumerScopeTest, TruncationsAreSeenInEachSchema) {
  ConsumerOptions options = AuditOptions();
  Write(
      "INSERT INTO s.t VALUES (1, 'a'); INSERT INTO \"Od.d \"\"one\".\"T.\"\"q\"\" \" "
      "VALUES (1, 'b')");
  if (Losses().Has(model::Loss::kTruncate)) {
    Follow blind(Must(Consumer::Attach(options)));
    EXPECT_THAT(blind->blind_tables(), ElementsAre(postgres::TableName{"Od.d \"one", "T.\"q\" "},
                                                   postgres::TableName{"Od.d \"one", "other"},
                                                   postgres::TableName{"s", "t"}));
    Must(blind->Detach());
    // It would be sent the log of truncations, which is therefore not written.
    Write("DROP PUBLICATION everything");
  }
  options.install_triggers = true;
  Follow follow(Must(Consumer::Attach(options)));
  EXPECT_THAT(follow->blind_tables(), IsEmpty());
  Write(
      "INSERT INTO s.t VALUES (2, 'a'); TRUNCATE \"Od.d \"\"one\".\"T.\"\"q\"\" \", s.t;"
      "INSERT INTO s.t VALUES (3, 'c')");
  ExpectEqual(follow);
  EXPECT_EQ(follow->replica().database().row_count(), 1U);
  Must(follow->Detach());
}

TEST_P(ConsumerScopeTest, ATableThatIsDroppedWhileItsTriggerIsMadeHoldsUpNothing) {
  if (!Losses().Has(model::Loss::kTruncate)) GTEST_SKIP() << "the plugin needs no triggers";
  Write("CREATE TABLE s.passing(id int PRIMARY KEY); INSERT INTO s.t VALUES (1, 'a')");
  Connection user = Sql();
  Must(user.Execute("BEGIN; DROP TABLE s.passing"));
  ConsumerOptions options = AuditOptions();
  options.install_triggers = true;
  auto attach = std::async([&] { return Consumer::Attach(options); });
  AwaitWaiterFor("s.passing");
  Must(user.Execute("COMMIT"));
  Follow follow(Must(attach.get()));
  EXPECT_THAT(follow->blind_tables(), IsEmpty());
  ExpectEqual(follow);
  Must(follow->Detach());
}

TEST_P(ConsumerScopeTest, AScopeWithoutTablesToFollowIsRefusedWhereARunMadeThem) {
  Write("CREATE UNLOGGED TABLE s.unlogged(id int PRIMARY KEY)");
  ConsumerOptions options = AuditOptions(TableScope::Matching("s", "un*"));
  options.policy = replication::FollowPolicy::kStrict;
  auto consumer = Consumer::Attach(options);
  ASSERT_FALSE(consumer.has_value());
  EXPECT_EQ(consumer.error().kind, model::ErrorKind::kUsage);
  EXPECT_THAT(consumer.error().message, HasSubstr("s.unlogged: unlogged"));
  EXPECT_EQ(Slots(), "");
}

TEST_P(ConsumerScopeTest, AScopeWithoutTablesIsFollowedUntilThereAreSome) {
  Write("CREATE UNLOGGED TABLE s.unlogged(id int PRIMARY KEY)");
  Follow follow = AttachTo(TableScope::Matching("s", "un*"));
  EXPECT_EQ(follow->replica().database().table_count(), 0U);
  EXPECT_EQ(follow->excluded().size(), 1U);
  Write("CREATE TABLE s.unseen(id int PRIMARY KEY); INSERT INTO s.unseen VALUES (1)");
  follow.UntilReceived(InsertLsn());
  ASSERT_EQ(follow->replica().set_aside().size(), 1U);
  EXPECT_EQ(follow->replica().set_aside()[0].name, "unseen");
  Must(follow->Detach());
}

// ---- tables without a key ----

TEST_P(ConsumerScopeTest, TablesWithoutAKeyAreMultisets) {
  Write(
      "CREATE TABLE s.log(a int, b text, f float8, big text, tz timetz); CREATE TABLE s.none();"
      "ALTER TABLE s.log ALTER big SET STORAGE EXTERNAL; ALTER TABLE s.log REPLICA IDENTITY FULL;"
      "ALTER TABLE s.none REPLICA IDENTITY FULL;"
      "INSERT INTO s.log SELECT n % 3, NULL, 'NaN', repeat('0123456789', 1000), '12:00+05:30' "
      "FROM generate_series(1, 30) n; INSERT INTO s.none DEFAULT VALUES;"
      "INSERT INTO s.none DEFAULT VALUES");
  Follow follow = AttachTo(TableScope::Matching("s"));
  EXPECT_EQ(follow->replica().database().row_count(), 32U);
  Write("INSERT INTO s.log SELECT 1, 'new', '-0', '', NULL FROM generate_series(1, 5)");
  Write("INSERT INTO s.none DEFAULT VALUES");
  const char* one = "ctid = (SELECT min(ctid) FROM s.log WHERE a = 1)";
  Write(std::string("UPDATE s.log SET b = 'one' WHERE ") + one);
  Write(std::string("DELETE FROM s.log WHERE ") + one);
  Write("UPDATE s.log SET a = 2, f = -f WHERE a <> 2");
  Write("UPDATE s.log SET b = b");
  Write("UPDATE s.log SET big = big || 'x' WHERE big <> '' AND b IS NULL");
  Write("DELETE FROM s.none WHERE ctid = (SELECT min(ctid) FROM s.none)");
  ExpectEqual(follow);
  Write("BEGIN; DELETE FROM s.log WHERE a = 2; INSERT INTO s.log VALUES (7); COMMIT");
  ExpectEqual(follow);
  EXPECT_EQ(follow->replica().database().row_count(), 3U);
  Must(follow->Detach());
}

// Within a statement two rows have the same key.
TEST_P(ConsumerScopeTest, RowsThatSwapTheirDeferrableKeysAreFollowed) {
  Write(
      "CREATE TABLE s.swapped(id int PRIMARY KEY DEFERRABLE, name text);"
      "ALTER TABLE s.swapped REPLICA IDENTITY FULL;"
      "INSERT INTO s.swapped VALUES (1, 'a'), (2, 'b')");
  Follow follow = AttachTo(TableScope::Matching("s"));
  Write("UPDATE s.swapped SET id = 3 - id");
  ExpectEqual(follow);
  Write("UPDATE s.swapped SET name = name || '!' WHERE id = 1; DELETE FROM s.swapped WHERE id = 2");
  ExpectEqual(follow);
  EXPECT_EQ(follow->replica().database().row_count(), 1U);
  Must(follow->Detach());
}

TEST_P(ConsumerScopeTest, TablesWithoutIdentityAreFollowedWhileTheyGrow) {
  Write(
      "DROP PUBLICATION everything; CREATE PUBLICATION everything FOR ALL TABLES WITH (publish = "
      "'insert, truncate'); CREATE PUBLICATION identified FOR TABLE s.t;"
      "CREATE TABLE s.log(a int); INSERT INTO s.log VALUES (1), (1);"
      "CREATE TABLE s.late(id int PRIMARY KEY DEFERRABLE)");
  ConsumerOptions options = AuditOptions(TableScope::Matching("s"));
  options.publications.push_back("identified");
  Follow follow(Must(Consumer::Attach(options)));
  EXPECT_THAT(follow->insert_only(),
              ElementsAre(postgres::TableName{"s", "late"}, postgres::TableName{"s", "log"}));
  Write(
      "INSERT INTO s.log VALUES (1), (2); INSERT INTO s.t VALUES (1, 'a');"
      "INSERT INTO s.late VALUES (1); UPDATE s.t SET id = 2");
  ExpectEqual(follow);
  EXPECT_EQ(follow->replica().database().row_count(), 6U);
  Must(follow->Detach());
  Write("DROP PUBLICATION identified");
}

TEST_P(ConsumerScopeTest, WhatThePublicationLeavesOutIsExcluded) {
  Write("DROP PUBLICATION everything; CREATE PUBLICATION everything FOR TABLE s.t");
  Follow follow = AttachTo();
  const bool by_publication = std::string_view(GetParam()).starts_with("pgoutput");
  EXPECT_EQ(follow->replica().database().table_count(), by_publication ? 1U : 3U);
  EXPECT_EQ(follow->excluded().size(), by_publication ? 2U : 0U);
  Write("INSERT INTO s.t VALUES (1, 'a'); INSERT INTO \"Od.d \"\"one\".other VALUES (1)");
  ExpectEqual(follow);
  Must(follow->Detach());
}

}  // namespace
}  // namespace lockstep::consumer
