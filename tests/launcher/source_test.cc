#include "launcher/source.h"

#include <gtest/gtest.h>

#include "postgres/connection.h"
#include "postgres/local_cluster.h"

namespace lockstep::launcher {
namespace {

TEST(SourceTest, LeftoversOfTheRunAreRemovedAndNothingElse) {
  auto cluster = postgres::LocalCluster::Start();
  ASSERT_TRUE(cluster.has_value()) << cluster.error().message;
  auto sql = postgres::Connection::Open(cluster->uri(), postgres::ConnectionKind::kSql);
  ASSERT_TRUE(sql.has_value()) << sql.error().message;
  for (const char* name : {"lockstep_aa", "lockstep_bb"}) {
    for (std::string statement : {"CREATE SCHEMA $", "CREATE TABLE $.t (id int PRIMARY KEY)",
                                  "CREATE PUBLICATION $ FOR TABLE $.t",
                                  "SELECT pg_create_logical_replication_slot('$_1', 'pgoutput')"}) {
      for (auto at = statement.find('$'); at != statement.npos; at = statement.find('$')) {
        statement.replace(at, 1, name);
      }
      ASSERT_TRUE(sql->Execute(statement).has_value()) << statement;
    }
  }
  auto removed = RemoveLeftovers(cluster->uri(), "lockstep_aa");
  EXPECT_TRUE(removed.has_value()) << removed.error().message;
  EXPECT_EQ(sql->Scalar("SELECT string_agg(slot_name, ',') FROM pg_replication_slots").value(),
            "lockstep_bb_1");
  EXPECT_EQ(sql->Scalar("SELECT string_agg(pubname, ',') FROM pg_publication").value(),
            "lockstep_bb");
  EXPECT_EQ(sql->Scalar("SELECT string_agg(nspname, ',') FROM pg_namespace "
                        "WHERE nspname LIKE 'lockstep%'")
                .value(),
            "lockstep_bb");
  EXPECT_TRUE(RemoveLeftovers(cluster->uri(), "lockstep_aa").has_value());
}

TEST(SourceTest, AnUnreachableServerIsSaidWithWhatIsLeft) {
  auto removed = RemoveLeftovers("postgresql://nobody@127.0.0.1:1/x", "lockstep_aa");
  ASSERT_FALSE(removed.has_value());
  EXPECT_NE(removed.error().message.find("lockstep_aa"), std::string::npos);
}

TEST(SourceTest, AnAuditMayFollowWhatARunMayNotUse) {
  auto cluster = postgres::LocalCluster::Start();
  ASSERT_TRUE(cluster.has_value()) << cluster.error().message;
  auto sql = postgres::Connection::Open(cluster->uri(), postgres::ConnectionKind::kSql);
  ASSERT_TRUE(sql.has_value()) << sql.error().message;
  ASSERT_TRUE(sql->Execute("CREATE ROLE reader LOGIN REPLICATION"));
  ASSERT_TRUE(
      sql->Execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' "
                   "TEMPLATE template0"));
  const auto problem = [&](const char* plugin, SourceUse use) {
    const auto source =
        Source::Open({.plugin = plugin,
                      .database = "host=" + cluster->directory() + " user=reader dbname=latin"},
                     "", use);
    return source ? std::string() : source.error().message;
  };
  EXPECT_NE(problem("wal2json", SourceUse::kRun).find("encoding: "), std::string::npos);
  EXPECT_NE(problem("wal2json", SourceUse::kRun).find("create a schema"), std::string::npos);
  EXPECT_EQ(problem("wal2json", SourceUse::kAudit), "");
  EXPECT_NE(problem("pgoutput", SourceUse::kAudit).find("create a publication"), std::string::npos);
}

TEST(SourceTest, AServerOfOurOwnIsThereWhileTheSourceIs) {
  auto source = Source::Open(RunOptions{}, "");
  ASSERT_TRUE(source.has_value()) << source.error().message;
  EXPECT_FALSE(source->stays());
  EXPECT_FALSE(source->postgres_version().empty());
  EXPECT_TRUE(
      postgres::Connection::Open(source->uri(), postgres::ConnectionKind::kSql).has_value());
}

}  // namespace
}  // namespace lockstep::launcher
