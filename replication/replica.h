// A listener's copy of the tables it follows, and the LSN it is valid at.
//
// A table without a key is a multiset: an old row, which must be complete (REPLICA IDENTITY FULL),
// stands for one of the rows that are equal to it.
#ifndef LOCKSTEP_REPLICATION_REPLICA_H_
#define LOCKSTEP_REPLICATION_REPLICA_H_

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/change.h"
#include "model/change_digest.h"
#include "model/database.h"
#include "model/digest.h"
#include "model/lsn.h"
#include "model/output_plugin.h"
#include "model/projection.h"
#include "model/relation.h"
#include "model/row.h"
#include "replication/follow_policy.h"

namespace lockstep::replication {

// Why a change does not fit the replica.
struct Misfit {
  std::string table;    // without schema
  model::Row key;       // of the change; empty when it has none
  std::string message;  // operation, table, key and what does not fit
  // The replica's table where it is not the row that does not fit: its columns are others now, or
  // nothing identifies its rows.
  std::optional<std::uint32_t> unfollowable = {};
  std::string schema = {};
  bool unshown_key = false;  // that is why: the plugin does not show its keys as they are
  // That is why: the table has this form now, with rows as it had, and another key.
  model::RelationPtr rekeyed = nullptr;
};

// What a transaction did to the replica.
struct Applied {
  std::vector<model::RowImage> images;  // undo it, and say which rows it touched
  model::Digest changes;                // of the ordered changes (model/change_digest.h)
};

// A table that is not followed any longer.
struct SetAsideTable {
  std::string schema;  // plain
  std::string name;    // plain
  std::string reason;
  model::Lsn end_lsn;          // of the transaction that it could not follow
  bool is_followable = false;  // behind it, from what it holds then
  bool unshown_key = false;    // never, in this form: the plugin does not show its keys as they are
  friend bool operator==(const SetAsideTable&, const SetAsideTable&) = default;
};

class Replica {
 public:
  // Tables as of `valid_at`, filled by database().Write before the first Apply. `losses`: of the
  // plugin that the changes come from.
  Replica(const std::vector<model::RelationPtr>& relations, model::Lsn valid_at,
          FollowPolicy policy = FollowPolicy::kStrict, model::LossSet losses = {})
      : database_(relations), valid_at_(valid_at), policy_(policy), projection_(losses) {}

  // Applies all of a transaction or nothing. Unchanged cells keep the replica's value. Under
  // kSetAside a table that got another key keeps its rows, and one that cannot be followed any
  // longer is set aside; a row that does not fit is a misfit under either policy.
  std::expected<Applied, Misfit> Apply(const model::Transaction& transaction);

  // Follows a table that was made behind the snapshot, and is empty yet. One of its name is there
  // no longer, whatever it was. Returns its number.
  std::uint32_t Join(const model::RelationPtr& relation);

  // The table keeps its rows under the key of `relation`, which has rows of its relation. A misfit
  // where two of them would have the same key: then nothing is changed.
  std::expected<void, Misfit> Rekey(std::uint32_t table, const model::RelationPtr& relation);

  // Empties a table; from now on its changes are passed over. Its truncation could not be seen.
  void Quarantine(std::uint32_t table);
  // The same; set_aside() tells it.
  void SetAside(SetAsideTable table);
  // In the order in which they were set aside, each once. Also tables that came into being, or into
  // the scope, since the attach: those the database does not have.
  const std::vector<SetAsideTable>& set_aside() const { return set_aside_; }

  const model::Database& database() const { return database_; }
  model::Database& database() { return database_; }
  model::Lsn valid_at() const { return valid_at_; }

 private:
  using Images = std::vector<model::RowImage>;
  std::expected<Applied, Misfit> ApplyChanges(const model::Transaction& transaction);
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
  bool IsQuarantined(const model::RelationPtr& relation) const;
  // Of a row whose key, of the table in the form `relation`, is there already.
  std::unexpected<Misfit> Duplicate(const char* operation, std::uint32_t table,
                                    const model::Relation& relation, const model::Row& key) const;
  void ForgetRelationsOf(std::uint32_t table);
  // `row` with its Unchanged cells taken from `old_row`.
  model::Row FillUnchanged(const model::Row& row, const model::Row& old_row);

  model::Database database_;
  model::Lsn valid_at_;
  FollowPolicy policy_;
  model::Projection projection_;
  std::vector<bool> quarantined_;  // by table; empty: none
  std::vector<SetAsideTable> set_aside_;
  model::RowBuilder builder_;
  model::ChangeDigest digest_;  // of the transaction being applied
  // Of the relations that were met and fit: held, so that their addresses stay their own.
  std::unordered_map<model::RelationPtr, std::uint32_t> tables_;
  // Of the change before.
  model::RelationPtr last_relation_;
  std::uint32_t last_table_ = 0;
};

}  // namespace lockstep::replication

#endif  // LOCKSTEP_REPLICATION_REPLICA_H_
