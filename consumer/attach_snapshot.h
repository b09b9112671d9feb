// What a listener begins with: tables and rows as they are at its slot's consistent point.
#ifndef LOCKSTEP_CONSUMER_ATTACH_SNAPSHOT_H_
#define LOCKSTEP_CONSUMER_ATTACH_SNAPSHOT_H_

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "model/error.h"
#include "model/relation.h"
#include "model/type_catalog.h"
#include "postgres/connection.h"
#include "postgres/slot.h"
#include "replication/make_decoder.h"
#include "replication/replica.h"

namespace lockstep::consumer {

struct AttachSnapshot {
  std::vector<model::RelationPtr> relations;  // the schema's tables and its log of truncations
  model::TypeCatalogPtr types = std::make_shared<const model::TypeCatalog>();
  // The rows as a plugin with the losses shows them; without the log of truncations.
  std::unique_ptr<replication::Replica> replica;
  // Tables, without schema, whose truncation cannot be seen.
  std::vector<std::string> blind_tables;
  std::chrono::milliseconds wal_sender_timeout{0};
};

// Prepared before the slot is made: the sooner the tables are locked after its consistent point,
// the less can happen to them.
struct AttachPreparation {
  // Idle kSql connections.
  postgres::Connection observer;              // sees what is there now
  std::vector<postgres::Connection> copying;  // at least one; all that are of use
  std::vector<model::RelationPtr> relations;  // all tables of the schema
};

// Reads all tables of `schema` under the slot's snapshot. kUsage when there are none; kUnsupported
// when one has no key. kMisfit when a table was truncated, rewritten, altered or dropped between
// the slot's consistent point and the lock that keeps it as it is: another slot may have more luck.
// Blocks while the rows are copied, and so does, for others, a TRUNCATE or ALTER of the tables.
model::Result<AttachSnapshot> ReadAttachSnapshot(AttachPreparation prepared,
                                                 const postgres::CreatedSlot& slot,
                                                 const std::string& schema,
                                                 const replication::PluginChoice& plugin);

}  // namespace lockstep::consumer

#endif  // LOCKSTEP_CONSUMER_ATTACH_SNAPSHOT_H_
