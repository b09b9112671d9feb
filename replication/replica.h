// A listener's copy of the tables it follows, and the LSN it is valid at.
//
// A table without a key is a multiset: an old row, which must be complete (REPLICA IDENTITY FULL),
// stands for one of the rows that are equal to it.
#ifndef LOCKSTEP_REPLICATION_REPLICA_H_
#define LOCKSTEP_REPLICATION_REPLICA_H_

#include <expected>
#include <string>
#include <utility>
#include <vector>

#include "model/change.h"
#include "model/change_digest.h"
#include "model/database.h"
#include "model/digest.h"
#include "model/lsn.h"
#include "model/relation.h"
#include "model/row.h"

namespace lockstep::replication {

// Why a change does not fit the replica.
struct Misfit {
  std::string table;    // without schema
  model::Row key;       // of the change; empty when it has none
  std::string message;  // operation, table, key and what does not fit
};

// What a transaction did to the replica.
struct Applied {
  std::vector<model::RowImage> images;  // undo it, and say which rows it touched
  model::Digest changes;                // of the ordered changes (model/change_digest.h)
};

class Replica {
 public:
  // Tables as of `valid_at`, filled by database().Write before the first Apply.
  Replica(const std::vector<model::RelationPtr>& relations, model::Lsn valid_at)
      : database_(relations), valid_at_(valid_at) {}

  // Applies all of a transaction or nothing. Unchanged cells keep the replica's value.
  std::expected<Applied, Misfit> Apply(const model::Transaction& transaction);

  // Empties a table; from now on its changes are passed over. Its truncation could not be seen.
  void Quarantine(std::uint32_t table);

  const model::Database& database() const { return database_; }
  model::Database& database() { return database_; }
  model::Lsn valid_at() const { return valid_at_; }

 private:
  using Images = std::vector<model::RowImage>;
  std::expected<void, Misfit> Apply(const model::Insert& insert, Images& images);
  std::expected<void, Misfit> Apply(const model::Update& update, Images& images);
  std::expected<void, Misfit> Apply(const model::Delete& erase, Images& images);
  std::expected<void, Misfit> Apply(const model::Truncate& truncate, Images& images);
  std::expected<void, Misfit> Apply(const model::LogicalMessage& message, Images& images);
  // The same for a table without a key.
  std::expected<void, Misfit> UpdateCopy(std::uint32_t table, const model::Update& update,
                                         Images& images);
  std::expected<void, Misfit> DeleteCopy(std::uint32_t table, const model::Delete& erase,
                                         Images& images);

  // The replica's table of a change's relation. A relation whose columns or key are not the table's
  // is a misfit: its rows have another shape.
  std::expected<std::uint32_t, Misfit> TableOf(const model::RelationPtr& relation);
  bool IsQuarantined(const model::RelationPtr& relation);
  // `row` with its Unchanged cells taken from `old_row`.
  model::Row FillUnchanged(const model::Row& row, const model::Row& old_row);

  model::Database database_;
  model::Lsn valid_at_;
  std::vector<bool> quarantined_;  // by table; shorter: not
  model::RowBuilder builder_;
  model::ChangeDigest digest_;  // of the transaction being applied
  // Of the change before, and its table. Held, so that its address stays its own.
  model::RelationPtr last_relation_;
  std::uint32_t last_table_ = 0;
};

}  // namespace lockstep::replication

#endif  // LOCKSTEP_REPLICATION_REPLICA_H_
