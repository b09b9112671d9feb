#include "postgres/partition_roots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "model/relation.h"
#include "postgres/connection.h"
#include "postgres/table_scope.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

using testing::HasSubstr;

// s.root over s.low and, a level deeper, s.high.
class PartitionRootsTest : public ClusterFixture {
 protected:
  void SetUp() override {
    Must(sql_.Execute(
        "CREATE SCHEMA s; CREATE TABLE s.root(id int PRIMARY KEY) PARTITION BY RANGE (id);"
        "CREATE TABLE s.low PARTITION OF s.root FOR VALUES FROM (0) TO (10);"
        "CREATE TABLE s.middle PARTITION OF s.root FOR VALUES FROM (10) TO (20) "
        "PARTITION BY RANGE (id);"
        "CREATE TABLE s.high PARTITION OF s.middle FOR VALUES FROM (10) TO (20);"
        "CREATE TABLE s.alone(id int PRIMARY KEY)"));
  }
  void TearDown() override { Must(sql_.Execute("DROP SCHEMA s CASCADE")); }
  ScopeTables Followed(const std::vector<TableName>& roots) {
    ScopeTables tables = Must(ReadScope(sql_, TableScope::OneSchema("s")));
    Must(FollowRoots(sql_, roots, tables));
    return tables;
  }
  static std::string Names(const ScopeTables& tables) {
    std::string names;
    for (const model::RelationPtr& table : tables.followed) names += table->name + " ";
    return names;
  }
  static std::string Reason(const ScopeTables& tables, const std::string& name) {
    for (const ExcludedTable& table : tables.excluded) {
      if (table.name == name) return table.reason;
    }
    return "";
  }

  Connection sql_ = Sql();
};

TEST_F(PartitionRootsTest, ARootTakesThePlaceOfItsPartitionsOfAnyLevel) {
  EXPECT_EQ(Names(Followed({})), "alone high low ");
  const ScopeTables tables = Followed({{"s", "root"}});
  EXPECT_EQ(Names(tables), "alone root ");
  EXPECT_TRUE(tables.followed.back()->is_partitioned);
  EXPECT_EQ(tables.followed.back()->key, (std::vector<std::uint32_t>{0}));
  EXPECT_THAT(Reason(tables, "low"), HasSubstr("published through its root s.root"));
  EXPECT_THAT(Reason(tables, "high"), HasSubstr("published through its root s.root"));
  EXPECT_THAT(Reason(tables, "middle"), HasSubstr("partitioned"));
}

TEST_F(PartitionRootsTest, ARootWhosePartitionsAreNotAllSentAlikeIsExcludedWithThem) {
  Must(sql_.Execute("ALTER TABLE s.high REPLICA IDENTITY FULL"));
  ScopeTables tables = Followed({{"s", "root"}});
  EXPECT_EQ(Names(tables), "alone ");
  EXPECT_THAT(Reason(tables, "root"), HasSubstr("another replica identity"));
  EXPECT_THAT(Reason(tables, "low"), HasSubstr("through its root"));
  Must(sql_.Execute(
      "ALTER TABLE s.high REPLICA IDENTITY DEFAULT;"
      "CREATE UNLOGGED TABLE s.fast PARTITION OF s.root FOR VALUES FROM (30) TO (40)"));
  tables = Followed({{"s", "root"}});
  EXPECT_EQ(Names(tables), "alone ");
  EXPECT_THAT(Reason(tables, "root"), HasSubstr("unlogged"));
}

TEST_F(PartitionRootsTest, ARootThatIsNotInTheScopeIsNotFollowed) {
  ScopeTables tables = Must(ReadScope(sql_, TableScope::Matching("s", "low, alone")));
  Must(FollowRoots(sql_, {{"s", "root"}}, tables));
  EXPECT_EQ(Names(tables), "alone ");
}

}  // namespace
}  // namespace lockstep::postgres
