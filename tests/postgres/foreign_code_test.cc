#include "postgres/foreign_code.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "model/relation.h"
#include "postgres/connection.h"
#include "postgres/copy_row.h"
#include "postgres/relation_reader.h"
#include "postgres/table_reader.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

using testing::Each;
using testing::ElementsAre;

// weak.act says in the server's log when somebody else runs it.
class ForeignCodeTest : public ClusterFixture {
 protected:
  void SetUp() override {
    Must(Ours().Execute(R"(
CREATE ROLE weak LOGIN REPLICATION;
CREATE SCHEMA weak AUTHORIZATION weak;
SET SESSION AUTHORIZATION weak;
CREATE FUNCTION weak.act() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  IF current_user <> 'weak' THEN
    RAISE LOG 'trap: ran as %', current_user;
  END IF;
  RETURN 1;
END $$;
CREATE FUNCTION weak.f() RETURNS int IMMUTABLE LANGUAGE plpgsql AS
  $$ BEGIN RETURN weak.act(); END $$;
CREATE TABLE weak.plain(a int, b int);
CREATE TABLE weak.indexed(a int, b int);
CREATE INDEX ON weak.indexed((a + weak.f()));
CREATE TABLE weak.partly(a int, b int);
CREATE INDEX ON weak.partly(a) WHERE b > weak.f();
CREATE TABLE weak.counted(a int, b int);
CREATE STATISTICS weak.numbers ON (a + weak.f()), b FROM weak.counted;
CREATE TABLE weak.checked(a int CHECK (a > weak.f() - 2), b int DEFAULT weak.f());
CREATE TABLE weak.made(a int, g int GENERATED ALWAYS AS (a + weak.f()) STORED);
CREATE DOMAIN weak.number AS int CHECK (VALUE > weak.f() - 2);
CREATE TABLE weak.restricted(a weak.number, b weak.number[]);
CREATE TABLE weak.root(a int, b int) PARTITION BY RANGE ((a + weak.f()));
CREATE TABLE weak.part PARTITION OF weak.root FOR VALUES FROM (0) TO (100);
INSERT INTO weak.indexed VALUES (1, 1);
INSERT INTO weak.partly VALUES (1, 1);
INSERT INTO weak.counted VALUES (1, 1);
INSERT INTO weak.checked VALUES (1);
INSERT INTO weak.made VALUES (1);
INSERT INTO weak.restricted VALUES (1, '{1}');
INSERT INTO weak.root VALUES (1);
RESET SESSION AUTHORIZATION;
CREATE SCHEMA ours;
CREATE TABLE ours.plain(a int, b int);
CREATE TABLE ours.indexed(a int, b int);
CREATE INDEX ON ours.indexed((a + 1)) WHERE b > 0;
CREATE TABLE ours.with_theirs(a int, b int);
CREATE INDEX ON ours.with_theirs((a + weak.f()));
CREATE TABLE ours.counted(a int, b int);
CREATE STATISTICS ours.numbers ON (a + weak.f()), b FROM ours.counted)"));
    log_size_ = Log().size();
  }
  void TearDown() override {
    Must(Ours().Execute("DROP SCHEMA weak, ours CASCADE; DROP ROLE weak"));
  }

  static std::vector<model::RelationPtr> Tables(const std::string& schema) {
    Connection sql = Ours();
    return Must(
        ReadRelationsWhere(sql, "c.relkind IN ('r', 'p') AND n.nspname = '" + schema + "'"));
  }
  bool HasRun() const { return Log().find("trap: ", log_size_) != std::string::npos; }
  static void Read(const model::Relation& relation, RowForm form) {
    Connection sql = Ours();
    Must(BeginSnapshot(sql, ""));
    Must(ReadTable(
        sql, relation, [](const TableRow&) -> model::Result<void> { return {}; }, form));
  }

 private:
  static std::string Log() {
    std::ifstream file(cluster().log_path());
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::size_t log_size_ = 0;
};

TEST_F(ForeignCodeTest, StoredRowsAreReadWithoutRunningAnything) {
  for (const std::string schema : {"weak", "ours"}) {
    for (const model::RelationPtr& table : Tables(schema)) {
      Read(*table, RowForm::kStored);
      EXPECT_FALSE(HasRun()) << table->QualifiedName();
    }
  }
}

// Why it matters: the trap works.
TEST_F(ForeignCodeTest, AQueryRunsWhatTheTableBringsAlong) {
  for (const model::RelationPtr& table : Tables("weak")) {
    if (table->name != "indexed") continue;
    Read(*table, RowForm::kWithXmin);
    EXPECT_TRUE(HasRun());
  }
}

TEST_F(ForeignCodeTest, WhereNothingForeignIsAQueryRunsNothing) {
  Connection sql = Ours();
  const std::vector<model::RelationPtr> tables = Tables("ours");
  const std::vector<bool> foreign = Must(ReadForeignCode(sql, tables));
  // counted, indexed, plain, with_theirs
  EXPECT_THAT(foreign, ElementsAre(true, false, false, true));
  for (std::size_t i = 0; i < tables.size(); ++i) {
    if (foreign[i]) continue;
    Read(*tables[i], RowForm::kWithXmin);
    EXPECT_FALSE(HasRun()) << tables[i]->QualifiedName();
  }
}

// An owner may make such an index at any moment, so his tables all count; but not for himself.
TEST_F(ForeignCodeTest, TablesOfSomebodyWeakerAreForeign) {
  Connection sql = Ours();
  EXPECT_THAT(Must(ReadForeignCode(sql, Tables("weak"))), Each(true));
  Connection weak = Must(Connection::Open(
      "host=" + cluster().directory() + " user=weak dbname=postgres", ConnectionKind::kSql));
  EXPECT_THAT(Must(ReadForeignCode(weak, Tables("weak"))), Each(false));
  // A superuser's, whose code runs anyway with more than weak has.
  EXPECT_THAT(Must(ReadForeignCode(weak, Tables("ours"))), Each(false));
  Must(sql.Execute("DROP TABLE ours.plain"));
  const model::Relation gone{.schema = "ours", .name = "plain"};
  EXPECT_THAT(Must(ReadForeignCode(sql, {std::make_shared<const model::Relation>(gone)})),
              Each(true));
}

}  // namespace
}  // namespace lockstep::postgres
