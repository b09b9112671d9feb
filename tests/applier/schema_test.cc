#include "applier/schema.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "generator/workload.h"
#include "postgres/relation_reader.h"
#include "postgres/truncation_trigger.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::applier {
namespace {

using postgres::Connection;
using postgres::Must;

model::Catalog MakeCatalog(const std::string& schema) {
  return generator::Workload({.seed = 3, .sessions = 3, .schema = schema}).catalog();
}

class SchemaTest : public postgres::ClusterFixture {
 protected:
  // Everything outside of the system's own schemas, and publications.
  static std::string Everything() {
    return Must(Sql().Scalar(
        "SELECT coalesce(string_agg(name, ' ' ORDER BY name), '') FROM ("
        "SELECT nspname::text AS name FROM pg_namespace WHERE nspname !~ "
        "'^pg_|^information_schema$' "
        "UNION ALL SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
        "WHERE nspname !~ '^pg_|^information_schema$' "
        "UNION ALL SELECT 'type ' || typname FROM pg_type t JOIN pg_namespace n "
        "ON n.oid = typnamespace WHERE nspname !~ '^pg_|^information_schema$' "
        "UNION ALL SELECT 'publication ' || pubname FROM pg_publication) t"));
  }
};

// `read` as the generator could know it: OIDs of the run's types are not, and the server prints
// expressions its own way.
model::Relation AsAsked(model::Relation read, const model::Relation& asked) {
  for (std::size_t i = 0; i < read.columns.size() && i < asked.columns.size(); ++i) {
    model::Column& column = read.columns[i];
    if (!asked.columns[i].type.IsValid()) column.type = {};
    if (!column.generated.empty()) column.generated = asked.columns[i].generated;
  }
  return read;
}

// Read back from the server's catalog, every relation is the one that was asked for.
TEST_F(SchemaTest, TablesAreCreatedExactly) {
  const model::Catalog catalog = MakeCatalog("Lock step\"1");
  Connection sql = Sql();
  Must(CreateSchema(sql, catalog));
  ASSERT_GE(catalog.tables.size(), 5U);
  for (const model::RelationPtr& relation : catalog.tables) {
    const auto read = Must(postgres::ReadRelations(sql, {{relation->schema, relation->name}}));
    EXPECT_EQ(AsAsked(*read.front(), *relation), *relation) << relation->name;
  }
  // And the log of truncations.
  EXPECT_EQ(Must(postgres::ReadSchema(sql, catalog.schema)).size(), catalog.tables.size() + 1);
  Must(DropSchema(sql, catalog));
}

TEST_F(SchemaTest, EverySessionHasItsRow) {
  Connection sql = Sql();
  Must(CreateSchema(sql, MakeCatalog("rows")));
  EXPECT_EQ(Must(sql.Scalar("SELECT string_agg(session || ':' || transaction_id, ' ' "
                            "ORDER BY session) FROM rows.session")),
            "1:0 2:0 3:0");
  Must(DropSchema(sql, MakeCatalog("rows")));
}

TEST_F(SchemaTest, PublicationHasExactlyTheTables) {
  const model::Catalog catalog = MakeCatalog("published");
  Connection sql = Sql();
  Must(CreateSchema(sql, catalog));
  EXPECT_EQ(Must(sql.Scalar("SELECT count(*) FROM pg_publication_tables WHERE pubname = "
                            "'published' AND schemaname = 'published'")),
            std::to_string(catalog.tables.size()));
  Must(DropSchema(sql, catalog));
}

TEST_F(SchemaTest, EveryTableTellsThatItWasTruncated) {
  const model::Catalog catalog = MakeCatalog("Truncat\"ed");
  Connection sql = Sql();
  Must(CreateSchema(sql, catalog));
  const auto tables = Must(postgres::ReadTruncationTriggers(sql, catalog.schema));
  EXPECT_EQ(tables.size(), catalog.tables.size());
  for (const model::RelationPtr& relation : catalog.tables)
    EXPECT_EQ(std::ranges::count(tables, relation->name, &postgres::TableName::name), 1);
  Must(DropSchema(sql, catalog));
}

TEST_F(SchemaTest, WithoutTriggersThereIsNoLogEither) {
  const model::Catalog catalog = MakeCatalog("bare");
  Connection sql = Sql();
  Must(CreateSchema(sql, catalog, TruncationTriggers::kLeaveOut));
  EXPECT_TRUE(Must(postgres::ReadTruncationTriggers(sql, catalog.schema)).empty());
  EXPECT_EQ(Must(postgres::ReadSchema(sql, catalog.schema)).size(), catalog.tables.size());
  Must(DropSchema(sql, catalog));
}

// A decoder that takes the primary key for the identity must not pass.
TEST_F(SchemaTest, AnIdentityIndexIsNotThePrimaryKey) {
  const model::Catalog catalog = MakeCatalog("identity");
  Connection sql = Sql();
  Must(CreateSchema(sql, catalog));
  EXPECT_EQ(Must(sql.Scalar("SELECT count(*) > 0 AND bool_and(NOT i.indisprimary) FROM pg_class c "
                            "JOIN pg_index i ON i.indrelid = c.oid AND i.indisreplident "
                            "WHERE c.relnamespace = 'identity'::regnamespace "
                            "AND c.relreplident = 'i'")),
            "t");
  EXPECT_EQ(Must(sql.Scalar("SELECT typname FROM pg_type WHERE typnamespace = "
                            "'identity'::regnamespace AND typtype = 'e'")),
            "mood");
  EXPECT_EQ(Must(sql.Scalar("SHOW search_path")), "\"$user\", public");
  Must(DropSchema(sql, catalog));
}

TEST_F(SchemaTest, FailureLeavesNothingAndTheConnectionUsable) {
  Connection sql = Sql();
  // The last statement of all is the one that fails.
  Must(sql.Execute("CREATE PUBLICATION taken FOR ALL TABLES"));
  const std::string before = Everything();
  const model::Result<void> created = CreateSchema(sql, MakeCatalog("taken"));
  ASSERT_FALSE(created.has_value());
  EXPECT_EQ(created.error().sqlstate, "42710");
  EXPECT_NE(created.error().message.find("taken"), std::string::npos) << created.error().message;
  EXPECT_EQ(Everything(), before);
  Must(CreateSchema(sql, MakeCatalog("free")));
  Must(DropSchema(sql, MakeCatalog("free")));
  Must(sql.Execute("DROP PUBLICATION taken"));
}

TEST_F(SchemaTest, DropLeavesNothingAlsoASecondTime) {
  Connection sql = Sql();
  const std::string before = Everything();
  Must(CreateSchema(sql, MakeCatalog("dropped")));
  EXPECT_NE(Everything(), before);
  Must(DropSchema(sql, MakeCatalog("dropped")));
  EXPECT_EQ(Everything(), before);
  Must(DropSchema(sql, MakeCatalog("dropped")));
  EXPECT_EQ(Everything(), before);
}

TEST_F(SchemaTest, TwoRunsShareADatabase) {
  Connection sql = Sql();
  Must(CreateSchema(sql, MakeCatalog("run_1")));
  Must(CreateSchema(sql, MakeCatalog("run_2")));
  Must(DropSchema(sql, MakeCatalog("run_1")));
  EXPECT_EQ(Must(sql.Scalar("SELECT count(*) FROM run_2.session")), "3");
  Must(DropSchema(sql, MakeCatalog("run_2")));
}

}  // namespace
}  // namespace lockstep::applier
