#include "postgres/table_activity.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "postgres/relation_reader.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

class TableActivityTest : public ClusterFixture {
 protected:
  static TableActivity Of(const model::RelationPtr& table) {
    Connection sql = Sql();
    return Must(ReadTableActivity(sql, {table})).at(0);
  }
};

TEST_F(TableActivityTest, TellsNewFilesAndUnidentifiedChanges) {
  Connection sql = Sql();
  Must(sql.Execute("CREATE TABLE t(i int); INSERT INTO t VALUES (1), (2), (3)"));
  const model::RelationPtr table = Must(ReadRelations(sql, {{"public", "t"}})).at(0);
  const TableActivity first = Of(table);
  EXPECT_NE(first.file, 0u);
  {
    Connection writer = Sql();
    Must(writer.Execute("UPDATE t SET i = i + 1 WHERE i < 3"));
    Must(writer.Execute("DELETE FROM t WHERE i = 3"));
    // Its statistics are written before the answer.
    Must(writer.Execute("SELECT pg_stat_force_next_flush()"));
  }
  EXPECT_EQ(Of(table).file, first.file);
  EXPECT_EQ(Of(table).updated_or_deleted - first.updated_or_deleted, 4u);
  Must(sql.Execute("TRUNCATE t"));
  EXPECT_NE(Of(table).file, first.file);
  EXPECT_EQ(Of(table).oid, first.oid);
  Must(sql.Execute("DROP TABLE t; CREATE TABLE t(i int)"));
  EXPECT_NE(Of(table).oid, first.oid);
  Must(sql.Execute("DROP TABLE t"));
  EXPECT_EQ(Of(table).oid, 0u);
  EXPECT_EQ(Of(table).file, 0u);
}

TEST_F(TableActivityTest, AFormIsAnotherOneThoughItLooksAsBeforeAgain) {
  Connection sql = Sql();
  Must(sql.Execute("CREATE TABLE f(i int PRIMARY KEY, j int NOT NULL UNIQUE)"));
  const model::RelationPtr table = Must(ReadRelations(sql, {{"public", "f"}})).at(0);
  std::set<std::uint64_t> forms = {Of(table).form};
  for (const auto& [there, back] :
       {std::pair("ADD k int", "DROP k"), std::pair("RENAME i TO k", "RENAME k TO i"),
        std::pair("DROP CONSTRAINT f_pkey", "ADD PRIMARY KEY (i)")}) {
    Must(sql.Execute(std::string("ALTER TABLE f ") + there));
    Must(sql.Execute(std::string("ALTER TABLE f ") + back));
    EXPECT_TRUE(forms.insert(Of(table).form).second) << there;
  }
  const std::uint64_t form = Of(table).form;
  Must(sql.Execute("INSERT INTO f VALUES (1, 1); UPDATE f SET j = 2"));
  Must(sql.Execute("VACUUM ANALYZE f"));
  Must(
      sql.Execute("CREATE INDEX ON f (j); GRANT SELECT ON f TO pg_monitor; "
                  "CREATE TRIGGER noted BEFORE UPDATE ON f FOR EACH ROW EXECUTE FUNCTION "
                  "suppress_redundant_updates_trigger(); TRUNCATE f"));
  EXPECT_EQ(Of(table).form, form);
  Must(sql.Execute("ALTER TABLE f REPLICA IDENTITY FULL"));
  EXPECT_NE(Of(table).form, form);
  const std::uint64_t entry = Of(table).entry;
  Must(sql.Execute("INSERT INTO f VALUES (1, 1); ALTER TABLE f RENAME TO other"));
  EXPECT_EQ(Of(table).entry, 0u);
  Must(sql.Execute("ALTER TABLE other RENAME TO f"));
  EXPECT_NE(Of(table).entry, entry);
}

TEST_F(TableActivityTest, AnIdentityIsAnotherEntryThoughItIsAsBeforeAgain) {
  Connection sql = Sql();
  Must(sql.Execute("CREATE TABLE n(i int PRIMARY KEY, j int NOT NULL UNIQUE)"));
  const model::RelationPtr table = Must(ReadRelations(sql, {{"public", "n"}})).at(0);
  for (const char* there : {"USING INDEX n_j_key", "FULL", "NOTHING"}) {
    const std::uint64_t entry = Of(table).entry;
    Must(sql.Execute(std::string("ALTER TABLE n REPLICA IDENTITY ") + there));
    Must(sql.Execute("ALTER TABLE n REPLICA IDENTITY DEFAULT"));
    EXPECT_NE(Of(table).entry, entry) << there;
  }
}

TEST_F(TableActivityTest, ARewriteByAlterIsToldFromPackingTheTable) {
  Connection sql = Sql();
  Must(sql.Execute("CREATE TABLE r(i int PRIMARY KEY, n numeric); INSERT INTO r VALUES (1, 1)"));
  const model::RelationPtr table = Must(ReadRelations(sql, {{"public", "r"}})).at(0);
  Must(sql.Execute("ALTER TABLE r ALTER n SET STATISTICS 9"));
  Must(sql.Execute("VACUUM FULL r"));
  EXPECT_FALSE(Of(table).altered_at_once);
  Must(sql.Execute("ALTER TABLE r ALTER n TYPE numeric USING n + 1"));
  EXPECT_TRUE(Of(table).altered_at_once);
  Must(sql.Execute("CLUSTER r USING r_pkey"));
  EXPECT_FALSE(Of(table).altered_at_once);
}

TEST_F(TableActivityTest, TextDependsOnTypesWithinTypes) {
  Connection sql = Sql();
  Must(
      sql.Execute("CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TYPE pair AS (i int, m mood);"
                  "CREATE DOMAIN moods AS mood[]; CREATE TYPE moodrange AS RANGE (SUBTYPE = mood);"
                  "CREATE TABLE row_type(i int); CREATE TYPE p AS (x int);"
                  "CREATE TABLE enums(e mood); CREATE TABLE arrays(e moods);"
                  "CREATE TABLE ranges(e moodrange); CREATE TABLE pairs(e pair[]);"
                  "CREATE TABLE composites(p p); CREATE TABLE row_types(r row_type);"
                  "CREATE TABLE plain(i int, t text)"));
  const auto of = [&](const char* name) {
    return Of(Must(ReadRelations(sql, {{"public", name}})).at(0));
  };
  constexpr const char* kMoods[] = {"enums", "arrays", "ranges", "pairs"};
  std::vector<TableActivity> before;
  for (const char* table : kMoods) before.push_back(of(table));
  const TableActivity composites = of("composites");
  const TableActivity row_types = of("row_types");
  EXPECT_TRUE(of("plain").text.empty());
  Must(sql.Execute("ALTER TYPE mood ADD VALUE 'glad'"));
  for (std::size_t i = 0; i < 4; ++i) EXPECT_FALSE(IsTextAltered(before[i], of(kMoods[i])));
  Must(sql.Execute("ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'"));
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_TRUE(IsTextAltered(before[i], of(kMoods[i]))) << kMoods[i];
  Must(sql.Execute("ALTER TYPE mood RENAME VALUE 'blue' TO 'sad'"));
  for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(IsTextAltered(before[i], of(kMoods[i])));
  EXPECT_FALSE(IsTextAltered(composites, of("composites")));
  Must(sql.Execute("ALTER TYPE p ADD ATTRIBUTE y int; ALTER TABLE row_type ADD j int"));
  EXPECT_TRUE(IsTextAltered(composites, of("composites")));
  EXPECT_TRUE(IsTextAltered(row_types, of("row_types")));
}

TEST_F(TableActivityTest, TextThatNamesOtherObjectsIsVolatile) {
  Connection sql = Sql();
  Must(
      sql.Execute("CREATE TYPE named AS (i int, r regproc); CREATE TABLE v1(r regclass);"
                  "CREATE TABLE v2(r regrole[]); CREATE TABLE v3(n named);"
                  "CREATE TABLE v4(a aclitem[]); CREATE TABLE steady(i int, o oid, n name)"));
  const auto is_volatile = [&](const char* name) {
    return Of(Must(ReadRelations(sql, {{"public", name}})).at(0)).volatile_text;
  };
  for (const char* table : {"v1", "v2", "v3", "v4"}) EXPECT_TRUE(is_volatile(table)) << table;
  EXPECT_FALSE(is_volatile("steady"));
}

TEST_F(TableActivityTest, ManyTablesKeepTheirOrder) {
  Connection sql = Sql();
  Must(sql.Execute("CREATE TABLE b(i int); CREATE TABLE a(i int)"));
  const auto tables = Must(ReadRelations(sql, {{"public", "b"}, {"public", "a"}}));
  const auto activity = Must(ReadTableActivity(sql, tables));
  ASSERT_EQ(activity.size(), 2u);
  EXPECT_EQ(activity[1].file, Of(tables[1]).file);
  EXPECT_NE(activity[0].file, activity[1].file);
  EXPECT_TRUE(Must(ReadTableActivity(sql, {})).empty());
}

}  // namespace
}  // namespace lockstep::postgres
