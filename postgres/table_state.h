// Whether tables still are what a snapshot shows of them.
#ifndef LOCKSTEP_POSTGRES_TABLE_STATE_H_
#define LOCKSTEP_POSTGRES_TABLE_STATE_H_

#include <cstdint>
#include <vector>

#include "model/error.h"
#include "model/relation.h"
#include "postgres/connection.h"

namespace lockstep::postgres {

struct TableState {
  // Since the snapshot the table was truncated, rewritten, dropped or renamed: its old rows are
  // gone, or another table has the name. Or a partition.
  bool replaced = false;
  // On disk, without indexes, when it was vacuumed or analyzed last: a guess that needs no lock.
  std::uint64_t bytes = 0;
  // Not read here: see ReadForeignCode.
  bool has_foreign_code = true;
};

// Of each table, in their order, in a transaction under the snapshot that they are read with, while
// another one under it holds a lock on each (LockTables), so that the answer stays true. The
// snapshot's pg_class names the file that held the rows then; the server's functions tell today's.
model::Result<std::vector<TableState>> ReadTableStates(
    Connection& connection, const std::vector<model::RelationPtr>& tables);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_TABLE_STATE_H_
