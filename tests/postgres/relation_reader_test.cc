#include "postgres/relation_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "model/relation.h"
#include "model/type_oid.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

using model::Relation;
using model::ReplicaIdentity;
using Key = std::vector<std::uint32_t>;

class RelationReaderTest : public ClusterFixture {
 protected:
  static Relation Read(const std::string& schema, const std::string& name) {
    Connection sql = Ours();
    return *Must(ReadRelations(sql, {{schema, name}})).at(0);
  }
};

TEST_F(RelationReaderTest, ColumnsAreInAttnumOrderWithoutDroppedOnes) {
  Must(Sql().Execute(
      "CREATE SCHEMA columns; CREATE TABLE columns.\"T q\"(z numeric(10,2) NOT NULL, gone int, "
      "\"Order\" text, a int[]); ALTER TABLE columns.\"T q\" DROP COLUMN gone;"
      "ALTER TABLE columns.\"T q\" ADD COLUMN later char(5)"));
  Relation relation = Read("columns", "T q");
  Relation expected{.schema = "columns",
                    .name = "T q",
                    .columns = {{"z", model::type_oid::kNumeric, "numeric(10,2)", true},
                                {"Order", model::type_oid::kText, "text", false},
                                {"a", model::Oid{1007}, "integer[]", false},
                                {"later", model::type_oid::kBpchar, "character(5)", false}},
                    .key = {},
                    .identity = ReplicaIdentity::kDefault};
  EXPECT_EQ(relation, expected);
}

TEST_F(RelationReaderTest, DomainHasItsBaseTypeAndItsOwnName) {
  Must(
      Sql().Execute("CREATE DOMAIN inner_domain AS numeric(8,3); CREATE DOMAIN outer_domain AS "
                    "inner_domain; CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE domains(d "
                    "outer_domain, m mood, n mood[])"));
  Relation relation = Read("public", "domains");
  EXPECT_EQ(relation.columns[0].type, model::type_oid::kNumeric);
  EXPECT_EQ(relation.columns[0].type_name, "outer_domain");
  EXPECT_EQ(relation.columns[1].type_name, "mood");
  EXPECT_EQ(relation.columns[2].type_name, "mood[]");
}

TEST_F(RelationReaderTest, TypesOfOtherSchemasCarryTheirs) {
  Must(Sql().Execute(
      "CREATE SCHEMA \"Ty pes\"; CREATE SCHEMA here; CREATE TYPE \"Ty pes\".\"A b\" AS "
      "ENUM ('ok'); CREATE TYPE here.mood AS ENUM ('ok');"
      "CREATE TABLE \"Ty pes\".t(a \"Ty pes\".\"A b\"[], b here.mood, c int);"
      "CREATE TABLE here.t(a \"Ty pes\".\"A b\"[], b here.mood[])"));
  Relation own = Read("Ty pes", "t");
  EXPECT_EQ(own.columns[0].type_name, "\"A b\"[]");
  EXPECT_EQ(own.columns[1].type_name, "here.mood");
  EXPECT_EQ(own.columns[2].type_name, "integer");
  Relation other = Read("here", "t");
  EXPECT_EQ(other.columns[0].type_name, "\"Ty pes\".\"A b\"[]");
  EXPECT_EQ(other.columns[1].type_name, "mood[]");
}

TEST_F(RelationReaderTest, AGeneratedColumnHasAnExpressionAndADefaultIsNone) {
  Must(
      Sql().Execute("CREATE TABLE generated(a int DEFAULT 7, g int GENERATED ALWAYS AS (a % 5) "
                    "STORED NOT NULL, i int GENERATED ALWAYS AS IDENTITY)"));
  const Relation relation = Read("public", "generated");
  EXPECT_EQ(relation.columns[0].generated, "");
  EXPECT_NE(relation.columns[1].generated, "");
  EXPECT_TRUE(relation.columns[1].not_null);
  EXPECT_EQ(relation.columns[2].generated, "");
  EXPECT_EQ(Read("public", "generated"), relation);
}

// One who holds locks may read, though a TRUNCATE waits for him.
TEST_F(RelationReaderTest, NoTableIsLocked) {
  Connection locker = Sql();
  Must(locker.Execute("CREATE TABLE locked(a int, g int GENERATED ALWAYS AS (a % 5) STORED)"));
  Must(locker.Execute("BEGIN; LOCK locked IN ACCESS EXCLUSIVE MODE"));
  Connection reader = Sql();
  Must(reader.Execute("SET lock_timeout = '1ms'"));
  EXPECT_EQ(Must(ReadRelations(reader, {{"public", "locked"}})).at(0)->columns.size(), 2U);
}

TEST_F(RelationReaderTest, KeyFollowsTheIdentity) {
  Must(Sql().Execute(
      "CREATE TABLE keys(a int, b int NOT NULL, c int NOT NULL, d int, PRIMARY KEY (d, a));"
      "CREATE UNIQUE INDEX keys_by ON keys(c, b) INCLUDE (a); CREATE TABLE no_key(a int)"));
  EXPECT_EQ(Read("public", "keys").key, (Key{3, 0}));
  Must(Sql().Execute("ALTER TABLE keys REPLICA IDENTITY USING INDEX keys_by"));
  Relation by_index = Read("public", "keys");
  EXPECT_EQ(by_index.identity, ReplicaIdentity::kIndex);
  EXPECT_EQ(by_index.key, (Key{2, 1}));
  Must(
      Sql().Execute("ALTER TABLE keys REPLICA IDENTITY FULL; ALTER TABLE no_key REPLICA IDENTITY "
                    "FULL"));
  EXPECT_EQ(Read("public", "keys").identity, ReplicaIdentity::kFull);
  EXPECT_EQ(Read("public", "keys").key, (Key{3, 0}));
  EXPECT_EQ(Read("public", "no_key").key, Key{});
  Must(Sql().Execute("ALTER TABLE keys REPLICA IDENTITY NOTHING"));
  EXPECT_EQ(Read("public", "keys").identity, ReplicaIdentity::kNothing);
}

TEST_F(RelationReaderTest, ADeferrablePrimaryKeyIsNoKey) {
  Must(Sql().Execute("CREATE TABLE deferred(a int PRIMARY KEY DEFERRABLE, b int NOT NULL UNIQUE)"));
  EXPECT_EQ(Read("public", "deferred").key, Key{});
  Must(Sql().Execute("ALTER TABLE deferred REPLICA IDENTITY FULL"));
  EXPECT_EQ(Read("public", "deferred").key, Key{});
  Must(Sql().Execute("ALTER TABLE deferred REPLICA IDENTITY USING INDEX deferred_b_key"));
  EXPECT_EQ(Read("public", "deferred").key, Key{1});
}

TEST_F(RelationReaderTest, SchemaHasItsOrdinaryTablesByName) {
  Must(Sql().Execute(
      "CREATE SCHEMA s; CREATE TABLE s.b(a int); CREATE TABLE s.\"A\"(); CREATE VIEW s.v AS SELECT "
      "1; CREATE UNLOGGED TABLE s.u(a int); CREATE TABLE s.p(a int) PARTITION BY LIST (a); CREATE "
      "TABLE s.p1 PARTITION OF s.p FOR VALUES IN (1)"));
  Connection sql = Ours();
  std::string names;
  for (const model::RelationPtr& relation : Must(ReadSchema(sql, "s"))) {
    names += relation->QualifiedName() + " ";
  }
  EXPECT_EQ(names, "s.\"A\" s.b s.p1 ");
  EXPECT_TRUE(Must(ReadSchema(sql, "absent")).empty());
}

TEST_F(RelationReaderTest, ListKeepsItsOrderAndRefusesWhatIsNoTable) {
  Must(
      Sql().Execute("CREATE SCHEMA l; CREATE TABLE l.x(); CREATE TABLE l.a(); CREATE VIEW l.v AS "
                    "SELECT 1"));
  Connection replication = Replication();
  std::vector<model::RelationPtr> relations =
      Must(ReadRelations(replication, {{"l", "x"}, {"l", "a"}}));
  EXPECT_EQ(relations[0]->name, "x");
  EXPECT_EQ(relations[1]->name, "a");
  EXPECT_EQ(ReadRelations(replication, {{"l", "x"}, {"l", "q"}}).error().kind,
            model::ErrorKind::kMisfit);
  EXPECT_EQ(ReadRelations(replication, {{"l", "v"}}).error().kind, model::ErrorKind::kUnsupported);
}

}  // namespace
}  // namespace lockstep::postgres
