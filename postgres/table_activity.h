// What happened to tables that a stream may not show.
#ifndef LOCKSTEP_POSTGRES_TABLE_ACTIVITY_H_
#define LOCKSTEP_POSTGRES_TABLE_ACTIVITY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "model/error.h"
#include "model/ids.h"
#include "model/relation.h"
#include "postgres/connection.h"

namespace lockstep::postgres {

struct TableActivity {
  // Of the table: another one when it was dropped and made again. 0: there is no such table.
  std::uint32_t oid = 0;
  // Of the catalog's rows that say its columns and its identity: another number after an ALTER of
  // them, also after one that was undone by another.
  std::uint64_t form = 0;
  // Of its own row in the catalog: another number after a rename, a move or another replica
  // identity, and after much else (GRANT, a first trigger).
  std::uint64_t entry = 0;
  // The transaction that wrote that row last wrote one of its columns', too: an ALTER of both.
  bool altered_at_once = false;
  // It has the name, the columns and the key that the transaction gave it that made it: it was not
  // renamed or moved since, and no column altered.
  bool has_first_form = false;
  // And the file: it was not truncated or rewritten.
  bool has_first_file = false;
  // The transaction that made it, or its subtransaction.
  model::Xid made_by;
  // Of a partitioned table: of the rows that say its partitions.
  std::uint64_t partitions = 0;
  // The file that holds the rows: another one after a TRUNCATE or a rewrite. 0: as above. Of a
  // partitioned table the sum of its partitions'.
  std::uint64_t file = 0;
  // Rows updated and deleted so far, as the server's statistics have it: they lag behind by a
  // second, and count rolled back ones too.
  std::uint64_t updated_or_deleted = 0;
  // What the text of values depends on besides themselves, sorted: an entry for each label of the
  // enums in its columns, and for the attributes of each composite type. One that is gone or has
  // changed may have changed values.
  std::vector<std::string> text;
  // A column's values are shown as names of other objects (regclass, aclitem): these may be renamed
  // at any time.
  bool volatile_text = false;
};

// Whether an entry of `before` is no longer there as it was.
bool IsTextAltered(const TableActivity& before, const TableActivity& now);

// Of each table, in their order, as of now.
model::Result<std::vector<TableActivity>> ReadTableActivity(
    Connection& connection, const std::vector<model::RelationPtr>& tables);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_TABLE_ACTIVITY_H_
