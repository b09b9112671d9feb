#include "postgres/publication.h"

#include <gtest/gtest.h>

#include <string>

#include "model/error.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

class PublicationTest : public ClusterFixture {};

TEST_F(PublicationTest, PublishesTheseTablesAndAllKindsOfChange) {
  Connection sql = Sql();
  Must(sql.Execute("CREATE TABLE a(); CREATE TABLE \"B q\"(); CREATE TABLE c()"));
  Must(CreatePublication(sql, "Pub x", {{"public", "a"}, {"public", "B q"}}));
  EXPECT_EQ(Must(sql.Scalar("SELECT string_agg(tablename, ',' ORDER BY tablename) FROM "
                            "pg_publication_tables WHERE pubname = 'Pub x'")),
            "B q,a");
  EXPECT_EQ(Must(sql.Scalar("SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate FROM "
                            "pg_publication")),
            "t");
  EXPECT_EQ(CreatePublication(sql, "Pub x", {{"public", "a"}}).error().sqlstate, "42710");
  Must(DropPublication(sql, "Pub x"));
  Must(DropPublication(sql, "Pub x"));
  EXPECT_EQ(Must(sql.Scalar("SELECT count(*) FROM pg_publication")), "0");
}

TEST_F(PublicationTest, NoTableAndAbsentTableAreRefused) {
  Connection sql = Sql();
  EXPECT_EQ(CreatePublication(sql, "none", {}).error().kind, model::ErrorKind::kUsage);
  EXPECT_EQ(CreatePublication(sql, "none", {{"public", "absent"}}).error().sqlstate, "42P01");
}

}  // namespace
}  // namespace lockstep::postgres
