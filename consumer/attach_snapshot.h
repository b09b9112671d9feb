// What a consumer begins with: tables and rows as they are at its slot's consistent point.
#ifndef LOCKSTEP_CONSUMER_ATTACH_SNAPSHOT_H_
#define LOCKSTEP_CONSUMER_ATTACH_SNAPSHOT_H_

#include <chrono>
#include <memory>
#include <vector>

#include "consumer/locked_tables.h"
#include "model/error.h"
#include "model/lsn.h"
#include "model/relation.h"
#include "model/type_catalog.h"
#include "postgres/relation_reader.h"
#include "postgres/slot.h"
#include "postgres/table_scope.h"
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

// With an empty replica of the tables, to be filled from the readers, which stay where they are.
AttachSnapshot MakeAttachSnapshot(LockedTables& locked, model::Lsn consistent_point,
                                  const AttachScope& scope);

// Reads all tables of the scope under the slot's snapshot. Under kStrict kUsage when there are none
// to follow, and kUnsupported when an ordinary one cannot be followed by a key; under kSetAside one
// whose keys are not shown as they are is set aside in the replica. kMisfit as LockTables. Blocks
// while the rows are copied, and so does, for others, a TRUNCATE or ALTER of the tables.
model::Result<AttachSnapshot> ReadAttachSnapshot(TablePreparation prepared,
                                                 const postgres::CreatedSlot& slot,
                                                 const AttachScope& scope);

}  // namespace lockstep::consumer

#endif  // LOCKSTEP_CONSUMER_ATTACH_SNAPSHOT_H_
