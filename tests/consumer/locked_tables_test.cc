#include "consumer/locked_tables.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <utility>

#include "model/error.h"
#include "postgres/connection.h"
#include "postgres/slot.h"
#include "postgres/table_scope.h"
#include "tests/consumer/consumer_fixture.h"

namespace lockstep::consumer {
namespace {

constexpr const char* kApplication = "lockstep locked_tables_test";

// Relations that sessions of ours have locked.
constexpr const char* kLocked =
    "SELECT coalesce(string_agg(DISTINCT n.nspname || '.' || c.relname, ' '), '') "
    "FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    "JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE l.locktype = 'relation' AND a.application_name = '";

class LockedTablesTest : public ConsumerFixture {
 protected:
  struct Ready {
    TablePreparation prepared;
    Connection replication;  // keeps the snapshot
    postgres::CreatedSlot slot;
  };
  static AttachScope Scope() {
    return {.scope = postgres::TableScope::OneSchema("s"), .plugin = {.name = "wal2json"}};
  }
  static Ready Prepare() {
    auto prepared = Must(PrepareTables(cluster().uri(), kApplication, 2, Scope()));
    auto replication =
        Must(Connection::Open(cluster().uri(), postgres::ConnectionKind::kReplication));
    auto slot = Must(postgres::CreateSlot(
        replication, {.name = "locked", .plugin = "pgoutput", .temporary = true}));
    return {std::move(prepared), std::move(replication), std::move(slot)};
  }
};

// Whoever waits for the catalog (VACUUM FULL, REINDEX) keeps new sessions from starting, so that
// nothing of ours may stand in its way.
TEST_F(LockedTablesTest, OnlyTheTablesAreLockedAndNotTheCatalog) {
  Ready ready = Prepare();
  const LockedTables locked = Must(LockTables(ready.prepared, ready.slot.snapshot_name, Scope()));
  Connection sql = Sql();
  EXPECT_EQ(Must(sql.Scalar(std::string(kLocked) + kApplication + "'")), "s.t");
  Must(sql.Execute("SET lock_timeout = '5s'"));
  Must(sql.Execute("VACUUM FULL pg_class"));
}

std::string NamesOf(const LockedTables& locked, std::size_t begin, std::size_t end) {
  std::string names;
  for (std::size_t i = begin; i < end; ++i) names += locked.tables.followed.at(i)->name + " ";
  return names;
}

// Neither waits for one that somebody holds, nor fails for one that was changed since.
TEST_F(LockedTablesTest, AsManyAsCanBeHadAndTheOthersAsTheSnapshotShowsThem) {
  Must(
      Sql().Execute("CREATE TABLE s.altered(id int PRIMARY KEY); CREATE TABLE s.emptied(id int "
                    "PRIMARY KEY); CREATE TABLE s.held(id int PRIMARY KEY); CREATE TABLE s.u(id "
                    "int PRIMARY KEY); CREATE TABLE s.gone(id int PRIMARY KEY)"));
  Ready ready = Prepare();
  Must(Sql().Execute("ALTER TABLE s.altered ADD a int"));
  Must(Sql().Execute("TRUNCATE s.emptied; DROP TABLE s.gone"));
  Connection holder = Sql();
  Must(holder.Execute("BEGIN; LOCK TABLE s.held IN ACCESS EXCLUSIVE MODE"));
  LockedTables locked =
      Must(LockTables(ready.prepared, ready.slot.snapshot_name, Scope(), Wanted::kAsManyAsCan));
  EXPECT_EQ(NamesOf(locked, 0, locked.readable), "t u ");
  EXPECT_EQ(locked.states.size(), 2u);
  EXPECT_EQ(NamesOf(locked, locked.readable, locked.tables.followed.size()),
            "altered emptied gone held ");
  EXPECT_EQ(locked.tables.followed[locked.readable]->columns.size(), 1u);
  EXPECT_EQ(locked.Relations().size(), 6u);
  // By the readers, until they end.
  EXPECT_EQ(Must(Sql().Scalar(std::string(kLocked) + kApplication + "' AND c.relkind = 'r'")),
            "s.altered s.emptied s.t s.u");
  locked.LeaveAlone({{"s", "t"}, {"s", "held"}});
  EXPECT_EQ(NamesOf(locked, 0, locked.readable), "u ");
  EXPECT_EQ(NamesOf(locked, locked.readable, locked.tables.followed.size()),
            "t altered emptied gone held ");
}

TEST_F(LockedTablesTest, WhereAllAreWantedOneThatWasAlteredFails) {
  Ready ready = Prepare();
  Must(Sql().Execute("ALTER TABLE s.t ADD added int"));
  const auto locked = LockTables(ready.prepared, ready.slot.snapshot_name, Scope());
  ASSERT_FALSE(locked.has_value());
  EXPECT_EQ(locked.error().kind, model::ErrorKind::kMisfit);
}

TEST_F(LockedTablesTest, ACatalogThatSomebodyHoldsIsWaitedForBriefly) {
  Ready ready = Prepare();
  Connection sql = Sql();
  Must(sql.Execute("BEGIN; LOCK TABLE pg_attrdef IN ACCESS EXCLUSIVE MODE"));
  const auto locked = LockTables(ready.prepared, ready.slot.snapshot_name, Scope());
  ASSERT_FALSE(locked.has_value());
  EXPECT_EQ(locked.error().kind, model::ErrorKind::kMisfit);
  EXPECT_EQ(locked.error().sqlstate, "55P03") << locked.error().message;
}

}  // namespace
}  // namespace lockstep::consumer
