// A table as pgoutput describes it, and the relation that its rows become rows of.
//
// pgoutput sends a description before a table's first change on a connection, and again whenever
// the server forgot whether it did: after DDL, but also after ANALYZE or CREATE INDEX, unchanged.
#ifndef LOCKSTEP_REPLICATION_PGOUTPUT_RELATION_H_
#define LOCKSTEP_REPLICATION_PGOUTPUT_RELATION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/change.h"
#include "model/error.h"
#include "model/ids.h"
#include "model/relation.h"
#include "model/type_catalog.h"

namespace lockstep::replication {

struct SentColumn {
  std::string name;
  model::Oid type;  // of a domain: the domain's
  std::int32_t modifier = -1;
  bool in_identity = false;
};

// A Relation message.
struct SentRelation {
  std::string schema;
  std::string name;
  model::ReplicaIdentity identity = model::ReplicaIdentity::kDefault;
  std::vector<SentColumn> columns;
};

// How the rows that are sent become rows of `relation`.
struct SentTable {
  model::RelationPtr relation;  // nullptr: not followed
  std::size_t sent_columns = 0;
  // For each column of `relation`, its position in what is sent; nullopt: it is not sent.
  std::vector<std::optional<std::size_t>> positions;
  // For each column of `relation`, whether an old row's key tells it.
  std::vector<bool> in_identity;
  // Why it is not followed, though it should be; told with its first change.
  std::optional<model::UnreadTable> unread = {};
  bool is_unread = false;  // it is to be told, or was
};

// `known`: the table as the catalog had it at the attach. It is the table's relation when `sent`
// fits it, stored generated columns excepted, which are not sent. When columns or identity changed
// since, a new relation is made: known columns by name, new ones from the type catalog. kMisfit
// when a column has a type that is newer than the attach, kUnsupported when the key cannot be seen.
model::Result<SentTable> MatchRelation(const SentRelation& sent, const model::RelationPtr& known,
                                       const model::TypeCatalog& types);

}  // namespace lockstep::replication

#endif  // LOCKSTEP_REPLICATION_PGOUTPUT_RELATION_H_
