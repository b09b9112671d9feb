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

// Reads all tables of `schema` under the slot's snapshot, on an idle kSql connection. kUsage when
// there are none; kUnsupported when one has no key. Blocks while the rows are copied.
model::Result<AttachSnapshot> ReadAttachSnapshot(postgres::Connection& connection,
                                                 const postgres::CreatedSlot& slot,
                                                 const std::string& schema,
                                                 const replication::PluginChoice& plugin);

}  // namespace lockstep::consumer

#endif  // LOCKSTEP_CONSUMER_ATTACH_SNAPSHOT_H_
