// Patterns mean the same here and on the server, and every table is accounted for.
#include "postgres/table_scope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <string>
#include <vector>

#include "model/relation.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class TableScopeTest : public ClusterFixture {
 protected:
  // Each test has a database of its own.
  void SetUp() override { Must(Sql().Execute("CREATE DATABASE scope")); }
  void TearDown() override { Must(Sql().Execute("DROP DATABASE scope WITH (FORCE)")); }

  static Connection Scope() {
    return Must(Connection::Open(cluster().uri("scope"), ConnectionKind::kSql));
  }
  static void Write(const std::string& sql) { Must(AsUser(Scope()).Execute(sql)); }
  static ScopeTables Read(const TableScope& scope = {}) {
    Connection sql = Scope();
    return Must(ReadScope(sql, scope));
  }
  static std::vector<std::string> Followed(const TableScope& scope = {}) {
    std::vector<std::string> names;
    for (const model::RelationPtr& relation : Read(scope).followed)
      names.push_back(relation->QualifiedName());
    return names;
  }
  // "schema.table: reason" of each.
  static std::vector<std::string> Excluded(const TableScope& scope = {}) {
    std::vector<std::string> lines;
    for (const ExcludedTable& table : Read(scope).excluded)
      lines.push_back(table.schema + "." + table.name + ": " + table.reason);
    return lines;
  }
};

TEST_F(TableScopeTest, PatternsMatchWholeNames) {
  const auto covers = [](const char* schemas, const char* tables, const char* schema,
                         const char* table) {
    return TableScope::Matching(schemas, tables).Covers(schema, table);
  };
  EXPECT_TRUE(covers("", "", "any", "table"));
  EXPECT_TRUE(covers(" shop , audit*", "", "shop", "t"));
  EXPECT_TRUE(covers("shop,audit*", "", "audit_2026", "t"));
  EXPECT_FALSE(covers("shop,audit*", "", "shopping", "t"));
  EXPECT_TRUE(covers("", "a*b*c", "s", "a_b_b_c"));
  EXPECT_FALSE(covers("", "a*b*c", "s", "a_b_c_"));
  EXPECT_TRUE(covers("", "t?", "s", "tü"));
  EXPECT_FALSE(covers("", "t?", "s", "t"));
  EXPECT_FALSE(covers("", "t?", "s", "tab"));
  EXPECT_TRUE(covers("", "*", "s", "ümlaut"));
  EXPECT_FALSE(covers("", "Shop", "s", "shop"));
  EXPECT_FALSE(covers("*", "", "pg_catalog", "pg_class"));
  EXPECT_FALSE(covers("*", "", "lockstep_0badcafe_ddl", "log"));
  EXPECT_FALSE(covers("information_schema", "", "information_schema", "sql_parts"));
  EXPECT_TRUE(covers("*", "", "pg_temp_3", "t"));
}

TEST_F(TableScopeTest, OneSchemaIsNoPattern) {
  const TableScope scope = TableScope::OneSchema("a*, b");
  EXPECT_TRUE(scope.Covers("a*, b", "t"));
  EXPECT_FALSE(scope.Covers("ab", "t"));
  EXPECT_FALSE(scope.Covers("b", "t"));
  Write(
      "CREATE SCHEMA \"a*, b\"; CREATE TABLE \"a*, b\".t(); CREATE SCHEMA ab; "
      "CREATE TABLE ab.t()");
  EXPECT_THAT(Followed(scope), ElementsAre("\"a*, b\".t"));
  EXPECT_EQ(scope.Describe(), "schema a*, b");
}

TEST_F(TableScopeTest, TheServerTakesPatternsAsWeDo) {
  const std::vector<std::string> names = {"a",   "ab",  "A", "a_b", "a%b", "a\\b", "a.b", "a\"b",
                                          "a'b", "aüb", "ü", "b",   "a*b", "x y",  "aab"};
  std::string sql;
  for (const std::string& schema : names) {
    sql += "CREATE SCHEMA " + model::SqlIdentifier(schema) + ";";
    for (const std::string& table : names) {
      sql += "CREATE TABLE " + model::SqlIdentifier(schema) + "." + model::SqlIdentifier(table) +
             "();";
    }
  }
  Write(sql);
  for (const char* pattern : {"a*b", "a?b", "?", "*", "a_b", "a%b", "a\\b", "*b", "a'b, x y", "a,b",
                              "*a*", "**b", "??", "A", "nothing"}) {
    for (const TableScope& scope :
         {TableScope::Matching(pattern), TableScope::Matching("", pattern),
          TableScope::Matching(pattern, pattern), TableScope::OneSchema(pattern),
          TableScope::Matching("", "", pattern),
          TableScope::Matching("", "", std::string("a.b, *.") + pattern),
          TableScope::Matching(pattern).Narrowed("a*b", "a?b")}) {
      std::vector<std::string> expected;
      for (const model::RelationPtr& relation : Read().followed) {
        if (scope.Covers(relation->schema, relation->name))
          expected.push_back(relation->QualifiedName());
      }
      EXPECT_EQ(Followed(scope), expected) << scope.Describe();
    }
  }
}

TEST_F(TableScopeTest, EveryTableIsFollowedOrHasAReason) {
  Connection holds_temporary = Scope();
  Must(holds_temporary.Execute("CREATE TEMPORARY TABLE fleeting(a int)"));
  Write(
      "CREATE SCHEMA s; CREATE TABLE s.t(id int PRIMARY KEY); CREATE TABLE s.keyless(a int);"
      "CREATE TABLE s.\"T.q\"\"\"(); CREATE UNLOGGED TABLE s.unlogged(id int PRIMARY KEY);"
      "CREATE TABLE s.parts(id int PRIMARY KEY) PARTITION BY RANGE (id);"
      "CREATE TABLE s.part PARTITION OF s.parts FOR VALUES FROM (0) TO (9);"
      "CREATE TABLE s.child() INHERITS (s.t); CREATE MATERIALIZED VIEW s.mat AS SELECT 1 AS a;"
      "CREATE VIEW s.v AS SELECT 1; CREATE SEQUENCE s.q; CREATE TYPE s.pair AS (a int);"
      "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER far FOREIGN DATA WRAPPER w;"
      "CREATE FOREIGN TABLE s.far(a int) SERVER far;"
      "CREATE TABLE s.lockstep_truncation(id int PRIMARY KEY); CREATE TABLE public.t(a int)");
  EXPECT_THAT(Followed(),
              ElementsAre("public.t", "s.\"T.q\"\"\"", "s.child", "s.keyless", "s.part", "s.t"));
  EXPECT_THAT(
      Excluded(),
      ElementsAre(testing::MatchesRegex("pg_temp_[0-9]+.fleeting: temporary: .*"),
                  HasSubstr("s.far: foreign"), HasSubstr("s.lockstep_truncation: Lockstep's own"),
                  HasSubstr("s.mat: materialized view"), HasSubstr("s.parts: partitioned"),
                  HasSubstr("s.unlogged: unlogged")));
  const ScopeTables tables = Read();
  // A run's, whose tables are all in its schema.
  EXPECT_TRUE(tables.truncation_logs.empty());
  ASSERT_EQ(Read(TableScope::OneSchema("s")).truncation_logs.size(), 1U);
  for (const ExcludedTable& table : tables.excluded) EXPECT_FALSE(table.is_ordinary) << table.name;
}

// It would be one of which nobody asked whether it has an identity.
TEST_F(TableScopeTest, ATableThatIsMadeBetweenTheQuestionsIsNotThereYet) {
  Write("CREATE TABLE t(id int PRIMARY KEY)");
  Connection maker = Scope();
  // The second question is about columns' defaults, the first is not.
  Must(maker.Execute("BEGIN; LOCK TABLE pg_catalog.pg_attrdef IN ACCESS EXCLUSIVE MODE"));
  auto reading = std::async([] { return Read(); });
  Connection observer = Scope();
  Await("the second question waits", [&] {
    return Must(observer.Scalar("SELECT count(*) FROM pg_locks WHERE NOT granted "
                                "AND relation = 'pg_attrdef'::regclass")) != "0";
  });
  Must(maker.Execute("CREATE TABLE public.fresh(a int); COMMIT"));
  const ScopeTables tables = reading.get();
  ASSERT_EQ(tables.followed.size(), 1U);
  EXPECT_EQ(tables.followed[0]->name, "t");
  Connection sql = Scope();
  EXPECT_EQ(Must(ReadScope(sql, {})).insert_only.size(), 1U);
}

TEST_F(TableScopeTest, WhatTheUserMayNotReadIsExcluded) {
  Write(
      "DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN; CREATE TABLE t(a int); "
      "CREATE TABLE secret(a int); CREATE TABLE veiled(a int); CREATE SCHEMA hidden; "
      "CREATE TABLE hidden.t(a int); GRANT SELECT ON t, veiled, hidden.t TO reader;"
      "ALTER TABLE veiled ENABLE ROW LEVEL SECURITY; GRANT USAGE ON SCHEMA public TO reader");
  Connection sql = Scope();
  Must(sql.Execute("SET ROLE reader"));
  const ScopeTables tables = Must(ReadScope(sql, {}));
  ASSERT_EQ(tables.followed.size(), 1U);
  EXPECT_EQ(tables.followed[0]->name, "t");
  ASSERT_EQ(tables.excluded.size(), 3U);
  EXPECT_EQ(tables.excluded[0].schema, "hidden");
  EXPECT_THAT(tables.excluded[1].reason, HasSubstr("no right to SELECT"));
  EXPECT_THAT(tables.excluded[2].reason, HasSubstr("row security"));
  for (const ExcludedTable& table : tables.excluded) EXPECT_TRUE(table.is_ordinary) << table.name;
  Must(sql.Execute("RESET ROLE; DROP OWNED BY reader; DROP ROLE reader"));
}

TEST_F(TableScopeTest, AnEmptyScopeHasNothing) {
  EXPECT_THAT(Followed(), IsEmpty());
  EXPECT_THAT(Excluded(TableScope::OneSchema("absent")), IsEmpty());
}

}  // namespace
}  // namespace lockstep::postgres
