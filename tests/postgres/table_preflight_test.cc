#include "postgres/table_preflight.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "postgres/truncation_trigger.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

const FollowingPlugin kDecoderbufs{"decoderbufs", {.server = 150000}};
const FollowingPlugin kWal2json{"wal2json", {.server = 150000}};
const FollowingPlugin kPgoutput{"pgoutput", {.server = 150000}};
const FollowingPlugin kPgoutputBinary{"pgoutput-binary", {.server = 150000}};

class TablePreflightTest : public ClusterFixture {
 protected:
  void SetUp() override {
    Execute(
        "DROP SCHEMA IF EXISTS shop, other CASCADE; CREATE SCHEMA shop; "
        "SET search_path = shop");
  }
  void TearDown() override { Execute("RESET ROLE; DROP SCHEMA IF EXISTS shop, other CASCADE"); }
  void Execute(const std::string& text) { Must(sql_.Execute(text)); }
  std::vector<Finding> Findings(std::vector<FollowingPlugin> plugins,
                                std::vector<std::string> schemas = {"shop"}) {
    return Must(CheckTables(sql_, {std::move(plugins), std::move(schemas)}));
  }
  // "subject: severity check", without "shop.", each with the plugins that it is about.
  std::string Marks(std::vector<FollowingPlugin> plugins,
                    std::vector<std::string> schemas = {"shop"}) {
    std::string marks;
    for (const Finding& finding : Findings(std::move(plugins), std::move(schemas))) {
      std::string subject = finding.subject;
      if (subject.starts_with("shop.")) subject.erase(0, 5);
      marks += (marks.empty() ? "" : ", ") + subject + ": " +
               std::string(ToString(finding.severity)) + " " + finding.check;
      for (const std::string& plugin : finding.plugins) marks += " " + plugin;
    }
    return marks;
  }
  // Of the only finding of that check.
  Finding Only(const std::string& check, const FollowingPlugin& plugin) {
    const std::vector<Finding> findings = Findings({plugin});
    EXPECT_EQ(std::ranges::count(findings, check, &Finding::check), 1) << check;
    const auto found = std::ranges::find(findings, check, &Finding::check);
    return found == findings.end() ? Finding{} : *found;
  }
  // The remedy, run, leaves nothing of that check but what is ok.
  void RemedyHelps(const std::string& check, const FollowingPlugin& plugin) {
    Execute(Only(check, plugin).remedy);
    for (const Finding& finding : Findings({plugin})) {
      if (finding.check == check) {
        EXPECT_EQ(finding.severity, Severity::kOk) << finding.text;
      }
    }
  }

  Connection sql_ = Sql();
};

TEST_F(TablePreflightTest, AGoodTableIsOkAndOtherRelationsAreNotLookedAt) {
  Execute(
      "CREATE TABLE t (i int, part int, PRIMARY KEY (part, i)); "
      "CREATE VIEW v AS SELECT * FROM t; CREATE MATERIALIZED VIEW m AS SELECT * FROM t; "
      "CREATE TEMP TABLE temporary (i int); CREATE SEQUENCE s");
  EXPECT_EQ(Marks({kPgoutput}), "t: ok identity");
  EXPECT_EQ(Only("identity", kPgoutput).text, "primary key (part, i)");
}

TEST_F(TablePreflightTest, WithoutASchemaAllButTheSystemsAreLookedAt) {
  Execute(
      "CREATE TABLE t (i int PRIMARY KEY); CREATE SCHEMA other; "
      "CREATE TABLE other.\"T q\" (i int PRIMARY KEY)");
  EXPECT_EQ(Marks({kPgoutput}, {}), "other.\"T q\": ok identity, t: ok identity");
  EXPECT_EQ(Marks({kPgoutput}, {"other"}), "other.\"T q\": ok identity");
}

TEST_F(TablePreflightTest, ASchemaWithoutTablesIsAnError) {
  EXPECT_EQ(Marks({kPgoutput}, {"shop", "no"}), "shop: error schema, no: error schema");
  EXPECT_EQ(Marks({kPgoutput}, {}), "server: warning schema");
}

TEST_F(TablePreflightTest, WithoutAnIdentityChangesAreLostOrTheDatabasesOwnFail) {
  Execute("CREATE TABLE t (i int)");
  EXPECT_EQ(Marks({kWal2json, kPgoutput}),
            "t: loss identity wal2json, t: error identity pgoutput, t: error key");
  EXPECT_EQ(Only("identity", kPgoutput).remedy,
            "ALTER TABLE \"shop\".\"t\" ADD PRIMARY KEY (...);");
}

TEST_F(TablePreflightTest, AnIndexThatCouldIdentifyIsProposed) {
  Execute(
      "CREATE TABLE t (i int NOT NULL, n int); CREATE UNIQUE INDEX nullable ON t (n); "
      "CREATE UNIQUE INDEX partial ON t (i) WHERE i > 0; CREATE UNIQUE INDEX plus ON t ((i+1)); "
      "CREATE UNIQUE INDEX \"the one\" ON t (i)");
  EXPECT_EQ(Only("identity", kPgoutput).remedy,
            "ALTER TABLE \"shop\".\"t\" REPLICA IDENTITY USING INDEX \"the one\";");
  RemedyHelps("identity", kPgoutput);
  EXPECT_EQ(Marks({kPgoutput}), "t: ok identity");
  EXPECT_EQ(Only("identity", kPgoutput).text, "index (i)");
  // And when it is gone again:
  Execute("DROP INDEX \"the one\"");
  EXPECT_EQ(Marks({kDecoderbufs}).substr(0, 80),
            "lockstep_truncation: note truncation log decoderbufs, t: loss identity decoderbu");
  EXPECT_NE(Only("identity", kPgoutput).text.find("is gone"), std::string::npos);
}

TEST_F(TablePreflightTest, NothingIsNoIdentityAndTheRemedyHelps) {
  Execute("CREATE TABLE t (i int PRIMARY KEY); ALTER TABLE t REPLICA IDENTITY NOTHING");
  EXPECT_EQ(Marks({kWal2json, kPgoutput}), "t: loss identity wal2json, t: error identity pgoutput");
  RemedyHelps("identity", kPgoutput);
}

TEST_F(TablePreflightTest, ADeferrablePrimaryKeyIsNoIdentityAndNoKey) {
  Execute("CREATE TABLE t (i int PRIMARY KEY DEFERRABLE)");
  EXPECT_EQ(Marks({kPgoutput}), "t: error identity pgoutput, t: error key");
  // The server agrees.
  Execute("CREATE PUBLICATION p FOR TABLE t; INSERT INTO t VALUES (1)");
  EXPECT_EQ(sql_.Execute("DELETE FROM t").error().sqlstate, "55000");
  Execute(Only("identity", kPgoutput).remedy);
  Execute("DELETE FROM t");
  EXPECT_EQ(Marks({kPgoutput}), "t: note identity, t: error key");
  EXPECT_EQ(Only("key", kPgoutput).remedy,
            "ALTER TABLE \"shop\".\"t\" DROP CONSTRAINT ..., ADD PRIMARY KEY (i);");
  Execute("ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (i)");
  EXPECT_EQ(Marks({kPgoutput}), "t: note identity");
  Execute("DROP PUBLICATION p");
}

TEST_F(TablePreflightTest, FullIsCostlyAndNoKey) {
  Execute(
      "CREATE TABLE a (i int PRIMARY KEY); ALTER TABLE a REPLICA IDENTITY FULL; "
      "CREATE TABLE b (i int); ALTER TABLE b REPLICA IDENTITY FULL");
  EXPECT_EQ(Marks({kWal2json}), "a: note identity, b: note identity, b: error key");
}

TEST_F(TablePreflightTest, RightsAreTheUsers) {
  Execute(
      "CREATE TABLE t (i int PRIMARY KEY); CREATE ROLE \"Reader\" LOGIN; "
      "SET ROLE \"Reader\"");
  EXPECT_EQ(Marks({kPgoutput}), "t: ok identity, t: error right, t: error right");
  const std::vector<Finding> findings = Findings({kPgoutput});
  EXPECT_EQ(findings[2].remedy, "GRANT SELECT ON \"shop\".\"t\" TO \"Reader\";");
  Execute("RESET ROLE; " + findings[1].remedy + findings[2].remedy + "SET ROLE \"Reader\"");
  EXPECT_EQ(Marks({kPgoutput}), "t: ok identity");
  Execute("RESET ROLE; ALTER TABLE t ENABLE ROW LEVEL SECURITY; SET ROLE \"Reader\"");
  EXPECT_EQ(Marks({kPgoutput}), "t: ok identity, t: loss row security");
  Execute("RESET ROLE; " + Only("row security", kPgoutput).remedy + "SET ROLE \"Reader\"");
}

TEST_F(TablePreflightTest, RowSecurityEndsWithTheRightToBypassIt) {
  Execute(
      "CREATE TABLE t (i int PRIMARY KEY); ALTER TABLE t ENABLE ROW LEVEL SECURITY; "
      "CREATE ROLE bypasser BYPASSRLS; GRANT USAGE ON SCHEMA shop TO bypasser; "
      "GRANT SELECT ON t TO bypasser; SET ROLE bypasser");
  EXPECT_EQ(Marks({kPgoutput}), "t: ok identity");
}

TEST_F(TablePreflightTest, UnloggedIsAllThatMatters) {
  Execute("CREATE UNLOGGED TABLE t (i timetz)");
  EXPECT_EQ(Marks({kDecoderbufs}), "t: loss unlogged");
  Execute(Only("unlogged", kDecoderbufs).remedy);
  EXPECT_NE(Marks({kDecoderbufs}).find("loss type decoderbufs"), std::string::npos);
}

TEST_F(TablePreflightTest, PartitionsAreTablesAndTheirParentIsNot) {
  Execute(
      "CREATE TABLE t (i int PRIMARY KEY) PARTITION BY RANGE (i); "
      "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10)");
  EXPECT_EQ(Marks({kPgoutput}), "t: note partitioned, t1: ok identity");
}

TEST_F(TablePreflightTest, InheritanceIsNotedOnBothSides) {
  Execute("CREATE TABLE a (i int PRIMARY KEY); CREATE TABLE b (PRIMARY KEY (i)) INHERITS (a)");
  EXPECT_EQ(Marks({kPgoutput}),
            "a: ok identity, a: note inheritance, b: ok identity, b: note inheritance");
}

TEST_F(TablePreflightTest, LongValuesAreNotedWhereThereCanBeAny) {
  Execute(
      "CREATE TABLE t (i int PRIMARY KEY, a text, \"B\" jsonb, p text, n numeric); "
      "ALTER TABLE t ALTER p SET STORAGE plain; "
      "CREATE TABLE u (i int PRIMARY KEY, short varchar(10))");
  EXPECT_EQ(Marks({kPgoutput}), "t: ok identity, t: note out of line, u: ok identity");
  EXPECT_NE(Only("out of line", kPgoutput).text.find("columns a, \"B\": "), std::string::npos);
}

TEST_F(TablePreflightTest, TypesThatDecoderbufsChanges) {
  Execute(
      "CREATE DOMAIN zoned AS timetz; CREATE TABLE t (i int PRIMARY KEY, a timetz, "
      "b timestamp, c timestamptz, d zoned, e timetz[], f numeric)");
  EXPECT_EQ(Marks({kWal2json}).find("t.a"), std::string::npos);
  Must(InstallTruncationTriggers(sql_, "lockstep_truncation", {{"shop", "t"}},
                                 std::chrono::seconds(10)));
  EXPECT_EQ(Marks({kDecoderbufs}),
            "t: ok identity, t: note out of line, t.a: loss type decoderbufs, "
            "t.b: note type decoderbufs, t.c: note type decoderbufs");
}

TEST_F(TablePreflightTest, NumbersThatAreNoneOnWal2json) {
  Execute("CREATE TABLE t (i int PRIMARY KEY, a numeric(5,2), b real, c float8, d int8)");
  EXPECT_EQ(Marks({kWal2json, kPgoutput}),
            "t: ok identity, t.a: warning type wal2json, t.b: warning type wal2json, "
            "t.c: warning type wal2json");
  EXPECT_EQ(Marks({{"wal2json", {.server = 170000, .wal2json_numbers_as_strings = true}}}),
            "t: ok identity");
  EXPECT_EQ(Findings({kWal2json})[1].text, "numeric(5,2) NaN and infinities arrive as null");
}

TEST_F(TablePreflightTest, GeneratedColumnsThatPgoutputLeavesOut) {
  Execute("CREATE TABLE t (i int PRIMARY KEY, g int GENERATED ALWAYS AS (i + 1) STORED)");
  EXPECT_EQ(Marks({kPgoutput, kWal2json}), "t: ok identity, t.g: loss generated pgoutput");
  EXPECT_EQ(Marks({{"pgoutput", {.server = 180000}}}), "t: ok identity");
}

TEST_F(TablePreflightTest, BinaryFormsThatAreNotRead) {
  Execute(
      "CREATE TYPE mood AS ENUM ('ok'); CREATE DOMAIN address AS inet; "
      "CREATE DOMAIN amount AS numeric; "
      "CREATE TABLE t (i int PRIMARY KEY, a inet, b tsvector, c mood, d address, e amount, "
      "f uuid, g tsvector[], h int4range)");
  EXPECT_EQ(Marks({kPgoutput, kPgoutputBinary}),
            "t: ok identity, t: note out of line, t.b: error type pgoutput-binary, "
            "t.g: error type pgoutput-binary");
}

TEST_F(TablePreflightTest, TruncationIsLostOnDecoderbufsUntilTheTriggersAreThere) {
  Execute("CREATE TABLE a (i int PRIMARY KEY); CREATE TABLE b (i int PRIMARY KEY)");
  EXPECT_EQ(Marks({kDecoderbufs, kPgoutput}),
            "lockstep_truncation: note truncation log decoderbufs, a: ok identity, "
            "a: loss truncation decoderbufs, b: ok identity, b: loss truncation decoderbufs");
  // In the order in which they are printed.
  const std::vector<Finding> findings = Findings({kDecoderbufs});
  Execute(findings[0].remedy);
  Execute(findings[2].remedy);
  EXPECT_EQ(Marks({kDecoderbufs}),
            "lockstep_truncation: note truncation log decoderbufs, a: ok identity, b: ok identity, "
            "b: loss truncation decoderbufs");
  Execute(findings[4].remedy);
  EXPECT_EQ(Marks({kDecoderbufs}), "a: ok identity, b: ok identity");
}

TEST_F(TablePreflightTest, TheSearchPathOfTheUserDoesNotMatterAndStays) {
  Execute(
      "CREATE TABLE t (i int PRIMARY KEY); CREATE TABLE pg_class (i int PRIMARY KEY); "
      "SET search_path = shop, pg_catalog");
  EXPECT_EQ(Marks({kPgoutput}), "pg_class: ok identity, t: ok identity");
  EXPECT_EQ(Must(sql_.Scalar("SHOW search_path")), "shop, pg_catalog");
}

}  // namespace
}  // namespace lockstep::postgres
