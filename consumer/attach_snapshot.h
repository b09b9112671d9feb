// What a consumer begins with: tables and rows as they are at its slot's consistent point.
#ifndef LOCKSTEP_CONSUMER_ATTACH_SNAPSHOT_H_
#define LOCKSTEP_CONSUMER_ATTACH_SNAPSHOT_H_

#include <chrono>
#include <memory>
#include <vector>

#include "model/error.h"
#include "model/relation.h"
#include "model/type_catalog.h"
#include "postgres/connection.h"
#include "postgres/relation_reader.h"
#include "postgres/slot.h"
#include "postgres/table_scope.h"
#include "replication/follow_policy.h"
#include "replication/make_decoder.h"
#include "replication/replica.h"

namespace lockstep::consumer {

struct AttachSnapshot {
  std::vector<model::RelationPtr> relations;      // the followed tables and the logs of truncations
  std::vector<postgres::ExcludedTable> excluded;  // the scope's other tables
  model::TypeCatalogPtr types = std::make_shared<const model::TypeCatalog>();
  // The rows as a plugin with the losses shows them; without the log of truncations.
  std::unique_ptr<replication::Replica> replica;
  std::vector<postgres::TableName> blind_tables;  // their truncation cannot be seen
  std::vector<postgres::TableName> insert_only;   // their UPDATE and DELETE are not decoded
  std::chrono::milliseconds wal_sender_timeout{0};
};

// Which tables, and by which plugin.
struct AttachScope {
  postgres::TableScope scope;
  replication::FollowPolicy policy = replication::FollowPolicy::kStrict;
  replication::PluginChoice plugin;
};

// The tables of the scope as they can be followed by the plugin. Under kSetAside those that the
// publications leave out are excluded, too.
model::Result<postgres::ScopeTables> ReadTables(postgres::Connection& connection,
                                                const AttachScope& scope);

// Prepared before the slot is made: the sooner the tables are locked after its consistent point,
// the less can happen to them.
struct AttachPreparation {
  // Idle kSql connections.
  postgres::Connection observer;              // sees what is there now
  std::vector<postgres::Connection> copying;  // at least one; all that are of use
  postgres::ScopeTables tables;
};

// Reads all tables of the scope under the slot's snapshot. Under kStrict kUsage when there are none
// to follow, and kUnsupported when an ordinary one cannot be followed by a key. kMisfit when a
// table was truncated, rewritten, altered or dropped between the slot's consistent point and the
// lock that keeps it as it is: another slot may have more luck. Blocks while the rows are copied,
// and so does, for others, a TRUNCATE or ALTER of the tables.
model::Result<AttachSnapshot> ReadAttachSnapshot(AttachPreparation prepared,
                                                 const postgres::CreatedSlot& slot,
                                                 const AttachScope& scope);

}  // namespace lockstep::consumer

#endif  // LOCKSTEP_CONSUMER_ATTACH_SNAPSHOT_H_
