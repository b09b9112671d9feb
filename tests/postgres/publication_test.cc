#include "postgres/publication.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "model/error.h"
#include "model/relation.h"
#include "postgres/identity_guard.h"
#include "postgres/relation_reader.h"
#include "postgres/table_scope.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

using namespace std::chrono_literals;

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

// The tables of a scope: one with an identity, one whose key does not count, one without any.
class ScopePublicationTest : public PublicationTest {
 protected:
  // Waits are as long as they are asked to be.
  void SetUp() override {
    Must(sql_.Execute(
        "SET deadlock_timeout = '30min'; CREATE SCHEMA s; CREATE TABLE s.\"k q\"(id int PRIMARY "
        "KEY, a int);"
        "CREATE TABLE s.late(id int PRIMARY KEY DEFERRABLE); CREATE TABLE s.none(a int);"
        "CREATE TABLE s.whole(a int); ALTER TABLE s.whole REPLICA IDENTITY FULL;"
        "CREATE TABLE s.nothing(id int PRIMARY KEY); ALTER TABLE s.nothing REPLICA IDENTITY "
        "NOTHING"));
  }
  void TearDown() override {
    Must(DropScopePublications(sql_, "p q"));
    Must(DropScopePublications(sql_, "p q"));
    Must(sql_.Execute("DROP SCHEMA s CASCADE; DROP PUBLICATION IF EXISTS mine"));
  }
  ScopeTables Tables() { return Must(ReadScope(sql_, TableScope::OneSchema("s"))); }
  ScopeTables Published(const std::vector<std::string>& publications) {
    ScopeTables tables = Tables();
    Must(ExcludeUnpublished(sql_, publications, tables));
    return tables;
  }
  static std::string Names(const std::vector<TableName>& tables) {
    std::string names;
    for (const TableName& table : tables) names += table.name + " ";
    return names;
  }
  static std::string Names(const std::vector<model::RelationPtr>& tables) {
    std::string names;
    for (const model::RelationPtr& table : tables) names += table->name + " ";
    return names;
  }
  // What the publication has of schema s.
  std::string TablesOf(const std::string& publication) {
    return Must(
        sql_.Scalar("SELECT coalesce(string_agg(tablename, ' ' ORDER BY tablename), '') FROM "
                    "pg_publication_tables WHERE schemaname = 's' AND pubname = '" +
                    publication + "'"));
  }

  Connection sql_ = Sql();
};

TEST_F(ScopePublicationTest, ASuperusersShowsNewTablesAndBreaksNoUpdate) {
  Must(CreateScopePublications(sql_, "p q", Tables(), 1s));
  EXPECT_EQ(TablesOf("p q"), "k q whole");
  EXPECT_EQ(TablesOf("p q_inserts"), "k q late none nothing whole");
  Must(
      sql_.Execute("CREATE TABLE s.new(a int); INSERT INTO s.new VALUES (1);"
                   "INSERT INTO s.none VALUES (1); INSERT INTO s.late VALUES (1);"
                   "INSERT INTO s.nothing VALUES (1)"));
  for (const char* table : {"new", "none", "late", "nothing"})
    Must(sql_.Execute(std::string("DELETE FROM s.") + table));
  EXPECT_EQ(TablesOf("p q_inserts"), "k q late new none nothing whole");
  const ScopeTables tables = Published(ScopePublicationNames("p q"));
  EXPECT_EQ(Names(tables.followed), "k q late new none nothing whole ");
  EXPECT_EQ(Names(tables.insert_only), "late new none nothing ");
  EXPECT_TRUE(tables.excluded.empty());
}

// What inherits has no key of its own.
TEST_F(ScopePublicationTest, ATablesChildrenArePublishedForThemselves) {
  Must(sql_.Execute("CREATE TABLE s.child() INHERITS (s.whole); INSERT INTO s.child VALUES (9)"));
  Must(CreateScopePublications(sql_, "p q", Tables(), 1s));
  EXPECT_EQ(TablesOf("p q"), "k q whole");
  Must(sql_.Execute("DELETE FROM s.child"));
  Must(
      sql_.Execute("CREATE TABLE s.parent(id int PRIMARY KEY);"
                   "CREATE TABLE s.other() INHERITS (s.parent); INSERT INTO s.other VALUES (1)"));
  Must(UpdateScopePublications(sql_, "p q", Tables(), 1s));
  EXPECT_EQ(TablesOf("p q"), "k q parent whole");
  Must(sql_.Execute("DELETE FROM s.other"));
}

TEST_F(ScopePublicationTest, AParentThatLostItsIdentityIsTakenOutWithoutItsChildren) {
  Must(
      sql_.Execute("CREATE TABLE s.parent(id int PRIMARY KEY); CREATE TABLE s.keyless() INHERITS "
                   "(s.parent); CREATE TABLE s.keyed(PRIMARY KEY (id)) INHERITS (s.parent)"));
  Must(CreateScopePublications(sql_, "p q", Tables(), 1s));
  Must(sql_.Execute("ALTER TABLE s.parent DROP CONSTRAINT parent_pkey"));
  Must(sql_.Execute("DO $$" + UnpublishLostSql("p", 50ms) + "$$"));
  EXPECT_EQ(TablesOf("p q"), "k q keyed whole");
  Must(sql_.Execute("INSERT INTO s.parent VALUES (1); DELETE FROM ONLY s.parent"));
}

TEST_F(ScopePublicationTest, OneTableThatCameIsAddedAndNoOtherTouched) {
  Must(CreateScopePublications(sql_, "p q", Tables(), 1s));
  Must(
      sql_.Execute("CREATE TABLE s.came(id int PRIMARY KEY); CREATE TABLE s.later(id int PRIMARY "
                   "KEY); CREATE TABLE s.keyless(a int)"));
  for (const char* table : {"came", "came", "keyless"}) {
    const ScopeTables one = Must(ReadScope(sql_, TableScope::OneSchema("s").Narrowed("s", table)));
    ASSERT_EQ(one.followed.size(), 1U);
    Must(AddToScopePublications(sql_, "p q", one, 1s));
  }
  EXPECT_EQ(TablesOf("p q"), "came k q whole");
  EXPECT_EQ(TablesOf("p q_inserts"), "came k q keyless late later none nothing whole");
}

// The server would refuse to update it (from 18 on, where there are such columns).
TEST_F(ScopePublicationTest, AnIdentityWithAVirtualColumnIsNotPublished) {
  ScopeTables tables = Tables();
  for (model::RelationPtr& relation : tables.followed) {
    if (relation->name != "whole") continue;
    auto changed = std::make_shared<model::Relation>(*relation);
    ASSERT_EQ(changed->identity, model::ReplicaIdentity::kFull);
    changed->virtual_columns = {"v"};
    relation = std::move(changed);
  }
  Must(CreateScopePublications(sql_, "p q", tables, 1s));
  EXPECT_EQ(TablesOf("p q"), "k q");
}

TEST_F(ScopePublicationTest, AnOwnersHasTheTablesOfTheScope) {
  Must(sql_.Execute("DROP ROLE IF EXISTS owner; CREATE ROLE owner"));
  Must(sql_.Execute(
      "DO $$ BEGIN EXECUTE 'GRANT CREATE ON DATABASE ' || quote_ident(current_database()) || ' TO "
      "owner'; END $$; ALTER SCHEMA s OWNER TO owner; ALTER TABLE s.\"k q\" OWNER TO owner;"
      "ALTER TABLE s.none OWNER TO owner; ALTER TABLE s.late OWNER TO owner; ALTER TABLE s.whole "
      "OWNER TO owner; ALTER TABLE s.nothing OWNER TO owner; SET ROLE owner"));
  Must(CreateScopePublications(sql_, "p q", Tables(), 1s));
  EXPECT_EQ(TablesOf("p q"), "k q whole");
  EXPECT_EQ(TablesOf("p q_inserts"), "late none nothing");
  Must(sql_.Execute("CREATE TABLE s.more(a int)"));
  Must(UpdateScopePublications(sql_, "p q", Tables(), 1s));
  EXPECT_EQ(TablesOf("p q_inserts"), "late more none nothing");
  Must(sql_.Execute("DROP TABLE s.more"));
  Must(DropScopePublications(sql_, "p q"));
  Must(
      sql_.Execute("RESET ROLE; ALTER TABLE s.none OWNER TO CURRENT_USER; GRANT SELECT ON s.none "
                   "TO owner; SET ROLE owner"));
  Must(CreateScopePublications(sql_, "p q", Tables(), 1s));
  EXPECT_EQ(TablesOf("p q_inserts"), "late nothing");
  const ScopeTables tables = Published(ScopePublicationNames("p q"));
  EXPECT_EQ(Names(tables.followed), "k q late nothing whole ");
  ASSERT_EQ(tables.excluded.size(), 1U);
  EXPECT_THAT(tables.excluded[0].reason, testing::HasSubstr("only the owner"));
  Must(DropScopePublications(sql_, "p q"));
  ScopeTables others = Tables();
  std::erase_if(others.followed, [](const auto& relation) { return relation->name != "none"; });
  const auto refused = CreateScopePublications(sql_, "p q", others, 1s);
  Must(sql_.Execute("RESET ROLE"));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, model::ErrorKind::kUsage);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("only the owner"));
  EXPECT_EQ(Must(sql_.Scalar("SELECT count(*) FROM pg_publication")), "0");
  Must(sql_.Execute(
      "REASSIGN OWNED BY owner TO CURRENT_USER; DROP OWNED BY owner; DROP ROLE owner"));
}

// Its lock is what CREATE INDEX CONCURRENTLY holds while it waits for our snapshot.
TEST_F(ScopePublicationTest, ATableThatIsBeingAlteredIsNotWaitedForLong) {
  const ScopeTables tables = Tables();
  Connection other = Sql();
  Must(other.Execute("BEGIN; LOCK TABLE s.whole IN SHARE UPDATE EXCLUSIVE MODE"));
  const auto refused = CreateScopePublications(sql_, "p q", tables, 50ms);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().sqlstate, "55P03");
  Must(other.Execute("COMMIT"));
  Must(CreateScopePublications(sql_, "p q", tables, 50ms));
  EXPECT_NE(Must(sql_.Scalar("SHOW lock_timeout")), "50ms");
}

// Between the look at the tables and the publication. The user's UPDATE would fail.
TEST_F(ScopePublicationTest, AnIdentityThatIsLostBeforeTheLockIsNotPublished) {
  const ScopeTables tables = Tables();
  Connection other = Sql();
  Must(other.Execute("BEGIN; ALTER TABLE s.whole REPLICA IDENTITY DEFAULT"));
  auto creating = std::async([&] { return CreateScopePublications(sql_, "p q", tables, 30s); });
  AwaitWaiterFor("s.whole");
  Must(other.Execute("COMMIT"));
  const auto refused = creating.get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().sqlstate, "55P03");
  EXPECT_THAT(refused.error().message, testing::HasSubstr("s.whole lost its replica identity"));
  EXPECT_FALSE(Must(HasPublication(sql_, "p q")));
  EXPECT_FALSE(Must(HasPublication(sql_, "p q_inserts")));
  Must(CreateScopePublications(sql_, "p q", Tables(), 1s));
  EXPECT_EQ(TablesOf("p q"), "k q");

  Must(sql_.Execute("ALTER TABLE s.whole REPLICA IDENTITY FULL"));
  const ScopeTables with_identity = Tables();
  Must(sql_.Execute("ALTER TABLE s.whole REPLICA IDENTITY DEFAULT"));
  EXPECT_EQ(Must(UpdateScopePublications(sql_, "p q", with_identity, 1s)).left->sqlstate, "55P03");
  EXPECT_EQ(TablesOf("p q"), "k q");
  Must(sql_.Execute("INSERT INTO s.whole VALUES (1); UPDATE s.whole SET a = 2"));
}

// Where the second is not of all tables, one that was taken out of the first was in none.
TEST_F(ScopePublicationTest, WhatWasInNeitherOrInTheSecondAloneIsTold) {
  ScopeTables tables = Tables();
  tables.unpublishable = {{"s", "late"}};
  Must(CreateScopePublications(sql_, "p q", tables, 1s));
  EXPECT_EQ(TablesOf("p q_inserts"), "late none nothing");
  Must(sql_.Execute("ALTER TABLE s.whole REPLICA IDENTITY NOTHING; DO $$" +
                    UnpublishLostSql("p", 50ms) +
                    "$$; ALTER TABLE s.none REPLICA IDENTITY FULL; "
                    "CREATE TABLE s.came(id int PRIMARY KEY)"));
  const ScopeUpdate update = Must(UpdateScopePublications(sql_, "p q", Tables(), 1s));
  EXPECT_EQ(Names(update.without_changes), "came none ");
  EXPECT_EQ(Names(update.without_any), "whole came ");
  EXPECT_EQ(TablesOf("p q_inserts"), "late none nothing whole");
  // From the one to the other without a moment in between.
  Must(sql_.Execute("ALTER TABLE s.none REPLICA IDENTITY DEFAULT"));
  EXPECT_EQ(Names(Must(UpdateScopePublications(sql_, "p q", Tables(), 1s)).without_any), "");
}

TEST_F(ScopePublicationTest, AViewThatHasATablesNameByNowIsLeft) {
  Must(CreateScopePublications(sql_, "p q", Tables(), 1s));
  for (const std::string now :
       {"VIEW s.came AS SELECT 1 AS id", "UNLOGGED TABLE s.came(id int PRIMARY KEY)"}) {
    Must(sql_.Execute("CREATE TABLE s.came(id int PRIMARY KEY)"));
    const ScopeTables tables = Tables();
    Must(sql_.Execute("DROP TABLE s.came; CREATE " + now));
    const ScopeUpdate update = Must(UpdateScopePublications(sql_, "p q", tables, 1s));
    ASSERT_TRUE(update.left.has_value()) << now;
    EXPECT_EQ(update.left->kind, model::ErrorKind::kMisfit);
    EXPECT_EQ(Names(update.without_changes), "");
    Must(sql_.Execute(now.contains("VIEW") ? "DROP VIEW s.came" : "DROP TABLE s.came"));
  }
}

// One that cannot be taken out now keeps no other one in.
TEST_F(ScopePublicationTest, WhatSomebodyElseHasLockedDoesNotKeepTheOthersIn) {
  Must(sql_.Execute("CREATE TABLE s.aa(a int); ALTER TABLE s.aa REPLICA IDENTITY FULL"));
  Must(CreateScopePublications(sql_, "p q", Tables(), 1s));
  Must(sql_.Execute("ALTER TABLE s.aa REPLICA IDENTITY NOTHING"));
  Must(sql_.Execute("ALTER TABLE s.whole REPLICA IDENTITY NOTHING"));
  for (const char* held : {"aa", "whole"}) {
    Connection other = Sql();
    Must(other.Execute(std::string("BEGIN; LOCK TABLE s.") + held + " IN ACCESS EXCLUSIVE MODE"));
    Must(sql_.Execute("BEGIN; DO $$" + UnpublishLostSql("p", 50ms) + "$$"));
    EXPECT_EQ(TablesOf("p q"), std::string(held == std::string("aa") ? "aa k q" : "k q whole"));
    Must(sql_.Execute("ROLLBACK"));
  }
}

// NOWAIT would fail, though the table is the session's own.
TEST_F(ScopePublicationTest, ATableIsTakenOutThoughSomebodyWaitsForIt) {
  Must(CreateScopePublications(sql_, "p q", Tables(), 1s));
  Must(sql_.Execute("BEGIN; ALTER TABLE s.whole REPLICA IDENTITY NOTHING"));
  auto waiting = std::async([] { Must(Sql().Execute("BEGIN; LOCK TABLE s.whole; COMMIT")); });
  AwaitWaiterFor("s.whole");
  Must(sql_.Execute("DO $$" + UnpublishLostSql("p", 50ms) + "$$; COMMIT"));
  waiting.get();
  EXPECT_EQ(TablesOf("p q"), "k q");
}

// Whoever takes a table out in a transaction has the publication to its end.
TEST_F(ScopePublicationTest, APublicationThatIsBeingAlteredIsWaitedFor) {
  Must(CreateScopePublications(sql_, "p q", Tables(), 1s));
  Connection other = Sql();
  Must(other.Execute("BEGIN; ALTER PUBLICATION \"p q\" DROP TABLE s.\"k q\""));
  Must(sql_.Execute("ALTER TABLE s.whole REPLICA IDENTITY NOTHING"));
  Must(sql_.Execute("DO $$" + UnpublishLostSql("p", 50ms) + "$$"));
  EXPECT_EQ(TablesOf("p q"), "k q whole");
  auto guard = std::async([] {
    Must(
        Sql().Execute("SET deadlock_timeout = '30min'; DO $$" + UnpublishLostSql("p", 30s) + "$$"));
  });
  Await("the guard waits", [&] {
    return Must(sql_.Scalar("SELECT count(*) FROM pg_locks WHERE NOT granted")) != "0";
  });
  Must(other.Execute("COMMIT"));
  guard.get();
  EXPECT_EQ(TablesOf("p q"), "");
}

// A user's statement may need the publication, and would wait with it.
TEST_F(ScopePublicationTest, WhileATableIsWaitedForThePublicationIsFree) {
  Must(CreateScopePublications(sql_, "p q", Tables(), 1s));
  Must(sql_.Execute("CREATE TABLE s.came(id int PRIMARY KEY)"));
  const ScopeTables tables = Tables();
  Connection other = Sql();
  Must(other.Execute("BEGIN; LOCK TABLE s.came IN SHARE UPDATE EXCLUSIVE MODE"));
  auto updating = std::async([&] { return UpdateScopePublications(sql_, "p q", tables, 1h); });
  AwaitWaiterFor("s.came");
  Must(
      other.Execute("SET LOCAL lock_timeout = '100ms';"
                    "ALTER PUBLICATION \"p q\" DROP TABLE s.\"k q\"; COMMIT"));
  (void)updating.get();
}

// By the time it is locked the name is that of a table that is published already.
TEST_F(ScopePublicationTest, ATableThatIsRenamedMeanwhileIsLookedAtAgain) {
  Must(CreateScopePublications(sql_, "p q", Tables(), 1s));
  Must(sql_.Execute("CREATE TABLE s.came(id int PRIMARY KEY)"));
  const ScopeTables tables = Tables();
  Connection other = Sql();
  Must(other.Execute("BEGIN; DROP TABLE s.came; ALTER TABLE s.whole RENAME TO came"));
  auto updating = std::async([&] { return UpdateScopePublications(sql_, "p q", tables, 1h); });
  AwaitWaiterFor("s.came");
  Must(other.Execute("COMMIT"));
  EXPECT_EQ(Must(updating.get()).left->kind, model::ErrorKind::kMisfit);
  Must(UpdateScopePublications(sql_, "p q", Tables(), 1s));
  EXPECT_EQ(TablesOf("p q"), "came k q");
}

TEST_F(ScopePublicationTest, WhatLostItsIdentityIsTakenOutAndNothingElseLocked) {
  const auto guard = [this] {
    Must(sql_.Execute("DO $$" + UnpublishLostSql("p", 50ms) + "$$"));
    return TablesOf("p q");
  };
  Must(CreateScopePublications(sql_, "p q", Tables(), 1s));
  Connection other = Sql();
  Must(other.Execute("BEGIN; LOCK TABLE s.\"k q\" IN ACCESS EXCLUSIVE MODE"));
  EXPECT_EQ(guard(), "k q whole");
  Must(Sql().Execute("ALTER TABLE s.whole REPLICA IDENTITY NOTHING"));
  EXPECT_EQ(guard(), "k q");
  Must(other.Execute("COMMIT; INSERT INTO s.whole VALUES (1); UPDATE s.whole SET a = 2"));
  Must(sql_.Execute("ALTER TABLE s.whole REPLICA IDENTITY FULL"));
  EXPECT_EQ(Names(Must(UpdateScopePublications(sql_, "p q", Tables(), 1s)).without_changes),
            "whole ");
  EXPECT_EQ(TablesOf("p q"), "k q whole");
}

TEST_F(ScopePublicationTest, AreBroughtUpToDateWithTheTables) {
  Must(CreateScopePublications(sql_, "p q", {}, 1s));
  Must(UpdateScopePublications(sql_, "p q", Tables(), 1s));
  EXPECT_EQ(TablesOf("p q"), "k q whole");
  Must(
      sql_.Execute("ALTER TABLE s.whole REPLICA IDENTITY NOTHING; ALTER TABLE s.none REPLICA "
                   "IDENTITY FULL; CREATE TABLE s.\"new.one\"(id int PRIMARY KEY)"));
  EXPECT_FALSE(sql_.Execute("INSERT INTO s.whole VALUES (1); DELETE FROM s.whole"));
  Must(UpdateScopePublications(sql_, "p q", Tables(), 1s));
  EXPECT_EQ(TablesOf("p q"), "k q new.one none");
  Must(sql_.Execute("INSERT INTO s.whole VALUES (1); DELETE FROM s.whole"));
}

TEST_F(ScopePublicationTest, NothingIsLockedWhereNothingIsToBeDone) {
  Must(CreateScopePublications(sql_, "p q", Tables(), 1s));
  Connection other = Sql();
  Must(other.Execute("BEGIN; LOCK TABLE s.whole IN ACCESS EXCLUSIVE MODE"));
  Must(UpdateScopePublications(sql_, "p q", Tables(), 50ms));
  Must(Sql().Execute("CREATE TABLE s.locked(id int PRIMARY KEY)"));
  Must(other.Execute("LOCK TABLE s.locked IN SHARE UPDATE EXCLUSIVE MODE"));
  EXPECT_EQ(Must(UpdateScopePublications(sql_, "p q", Tables(), 50ms)).left->sqlstate, "55P03");
  Must(other.Execute("COMMIT"));
  Must(UpdateScopePublications(sql_, "p q", Tables(), 50ms));
  EXPECT_EQ(TablesOf("p q"), "k q locked whole");
}

TEST_F(ScopePublicationTest, WhatIsNotPublishedWhollyIsExcluded) {
  const bool filters = sql_.server_version() >= 150000;
  Must(sql_.Execute(filters ? "CREATE PUBLICATION mine FOR TABLE s.\"k q\"(id), s.whole WHERE (a > "
                              "1), s.none"
                            : "CREATE PUBLICATION mine FOR TABLE s.none"));
  const ScopeTables tables = Published({"mine"});
  EXPECT_EQ(Names(tables.followed), "none ");
  EXPECT_EQ(Names(tables.insert_only), "none ");
  ASSERT_EQ(tables.excluded.size(), 4U);
  for (const ExcludedTable& table : tables.excluded) EXPECT_TRUE(table.is_ordinary);
  if (filters) {
    EXPECT_THAT(tables.excluded[0].reason, testing::HasSubstr("columns only"));
    EXPECT_THAT(tables.excluded[3].reason, testing::HasSubstr("rows only"));
  }
  EXPECT_THAT(tables.excluded[1].reason, testing::HasSubstr("not in the publication"));

  Must(sql_.Execute("ALTER PUBLICATION mine SET (publish = 'insert, update, delete')"));
  EXPECT_EQ(Names(Published({"mine"}).followed), "");
  Must(sql_.Execute("CREATE PUBLICATION \"p q\" FOR ALL TABLES"));
  EXPECT_EQ(Names(Published({"mine", "p q"}).followed), "k q late none nothing whole ");
  EXPECT_EQ(Names(Published({"absent"}).followed), "");
}

TEST_F(ScopePublicationTest, APartitionedTableIsFollowedWhereItIsPublishedAsOne) {
  Must(
      sql_.Execute("CREATE TABLE s.root(id int PRIMARY KEY) PARTITION BY RANGE (id);"
                   "CREATE TABLE s.leaf PARTITION OF s.root FOR VALUES FROM (0) TO (10);"
                   "CREATE PUBLICATION mine FOR TABLE s.root"));
  EXPECT_EQ(Names(Published({"mine"}).followed), "leaf ");
  Must(sql_.Execute("ALTER PUBLICATION mine SET (publish_via_partition_root)"));
  EXPECT_EQ(Names(Published({"mine"}).followed), "root ");
  EXPECT_TRUE(Must(HasPublication(sql_, "mine")));
  EXPECT_FALSE(Must(HasPublication(sql_, "MINE")));
}

TEST_F(ScopePublicationTest, OnlyASuperuserMayWaitForTheFirstTable) {
  Must(CreateScopePublications(sql_, "p q", {}, 1s));
  EXPECT_EQ(TablesOf("p q"), "");
  EXPECT_EQ(TablesOf("p q_inserts"), "k q late none nothing whole");
  Must(DropScopePublications(sql_, "p q"));
  Must(sql_.Execute("DROP ROLE IF EXISTS nobody; CREATE ROLE nobody; SET ROLE nobody"));
  EXPECT_EQ(CreateScopePublications(sql_, "p q", {}, 1s).error().kind, model::ErrorKind::kUsage);
  Must(sql_.Execute("RESET ROLE; DROP ROLE nobody"));
}

}  // namespace
}  // namespace lockstep::postgres
