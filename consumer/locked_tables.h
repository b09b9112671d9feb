// The tables of a scope as a slot's snapshot shows them: locked, unchanged since, ready to be read.
//
//   PrepareTables ─► the slot is made ─► LockTables ─► readers under its snapshot
#ifndef LOCKSTEP_CONSUMER_LOCKED_TABLES_H_
#define LOCKSTEP_CONSUMER_LOCKED_TABLES_H_

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/error.h"
#include "model/relation.h"
#include "model/type_catalog.h"
#include "postgres/connection.h"
#include "postgres/copy_row.h"
#include "postgres/ddl_log.h"
#include "postgres/relation_reader.h"
#include "postgres/table_reader.h"
#include "postgres/table_scope.h"
#include "postgres/table_state.h"
#include "replication/follow_policy.h"
#include "replication/make_decoder.h"

namespace lockstep::consumer {

// Tables whose rows the server could not give, and what it said.
using UnreadableTables = std::map<postgres::TableName, std::string>;

// Which tables, and by which plugin.
struct AttachScope {
  postgres::TableScope scope;
  replication::FollowPolicy policy = replication::FollowPolicy::kStrict;
  replication::PluginChoice plugin;
  // Excluded; one that is found under kSetAside is added, and the others are tried again.
  std::shared_ptr<UnreadableTables> unreadable = std::make_shared<UnreadableTables>();
  // The schema of the log of schema changes that is asked (postgres/ddl_log.h); empty: none.
  std::string ddl_log = {};
};

// How much of a row is read to be copied: what the plugin sends.
postgres::RowForm RowFormFor(const AttachScope& scope);

// What becomes of `error`, met when the rows of tables were read: where it is one table's
// (`unreadable`), that one is excluded from now on, and the error kMisfit. Under kStrict as it is.
model::Error OnUnreadable(const AttachScope& scope, const model::RelationPtr& unreadable,
                          model::Error error);

// The tables of the scope as they can be followed by the plugin: those with a key that it never
// sends whole are excluded, too, and under kSetAside those that the publications leave out, that
// the server cannot send or read, and that only a query could read in which others' code may run
// (postgres/foreign_code.h).
model::Result<postgres::ScopeTables> ReadTables(postgres::Connection& connection,
                                                const AttachScope& scope);

// Before the slot is made: the sooner the tables are locked after its consistent point, the less
// can happen to them.
struct TablePreparation {
  // Idle kSql connections.
  postgres::Connection observer;              // looks at the catalog
  std::vector<postgres::Connection> reading;  // at least one
  postgres::ScopeTables tables;
};

// With as many connections for reading as the server has left, `connections` at most, one at least.
// Blocks.
model::Result<TablePreparation> PrepareTables(const std::string& conninfo,
                                              const std::string& application_name, int connections,
                                              const AttachScope& scope);

// Which of the tables are to be had.
enum class Wanted {
  kAll,          // or none
  kAsManyAsCan,  // at once: of those that somebody else holds, or changes just then, none
};

struct LockedTables {
  // As the snapshot shows them. Those that can be read are the first of tables.followed; the others
  // somebody else had, or has changed since.
  postgres::ScopeTables tables;
  std::size_t readable = 0;
  std::vector<postgres::TableState> states;  // of those, in their order
  // The database's, where the plugin's decoder wants to know them.
  model::TypeCatalogPtr types = std::make_shared<const model::TypeCatalog>();
  std::vector<postgres::TableName> blind_tables;  // followed; their truncation cannot be seen
  // What was done to the tables' form, where there is such a log.
  std::optional<postgres::DdlLog> ddl_log;
  std::chrono::milliseconds wal_sender_timeout{0};
  // At least one, in transactions that hold the locks: of the tables, not of the catalog. TRUNCATE
  // and ALTER wait for them.
  std::vector<postgres::TableReader> readers;

  // The followed tables, then the logs of truncations: what a decoder is to know.
  std::vector<model::RelationPtr> Relations() const;
  // These are not to be read, after all.
  void LeaveAlone(const std::vector<postgres::TableName>& names);
};

// Takes `prepared.reading`. kMisfit when one that is wanted, or the log of truncations, was
// truncated, rewritten, made, altered or dropped between the preparation and the lock that keeps it
// as it is: another slot may have more luck. Blocks, for locks a short while at most.
model::Result<LockedTables> LockTables(TablePreparation& prepared, const std::string& snapshot_name,
                                       const AttachScope& scope, Wanted wanted = Wanted::kAll);

}  // namespace lockstep::consumer

#endif  // LOCKSTEP_CONSUMER_LOCKED_TABLES_H_
