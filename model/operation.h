// What the generator wants done: a script is one transaction of one session.
//
// Values are exactly as Postgres will print them, so that the model never re-implements an input
// function.
#ifndef LOCKSTEP_MODEL_OPERATION_H_
#define LOCKSTEP_MODEL_OPERATION_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "model/ids.h"
#include "model/row.h"

namespace lockstep::model {

// INSERT. On a key that exists: SQLSTATE 23505.
struct InsertRow {
  std::uint32_t table = 0;  // index in Catalog::tables
  Row row;                  // complete
  friend bool operator==(const InsertRow&, const InsertRow&) = default;
};

// INSERT ... ON CONFLICT (key) DO UPDATE SET c = EXCLUDED.c for each of `updated_columns`.
struct UpsertRow {
  std::uint32_t table = 0;
  Row row;
  std::vector<std::uint32_t> updated_columns;  // not key columns; ascending, at least one
  friend bool operator==(const UpsertRow&, const UpsertRow&) = default;
};

// UPDATE ... WHERE key. Of an absent key: no row. To a key that exists: SQLSTATE 23505.
struct UpdateRow {
  std::uint32_t table = 0;
  Row key;
  Row assignments;  // all columns; NotSent where the column is not assigned
  friend bool operator==(const UpdateRow&, const UpdateRow&) = default;
};

struct DeleteRow {
  std::uint32_t table = 0;
  Row key;
  friend bool operator==(const DeleteRow&, const DeleteRow&) = default;
};

// TRUNCATE of one table, which must belong to the script's session (Catalog::owners).
struct TruncateTable {
  std::uint32_t table = 0;
  friend bool operator==(const TruncateTable&, const TruncateTable&) = default;
};

// pg_logical_emit_message(true, prefix, content): part of the stream, of no table.
struct EmitMessage {
  std::string prefix;
  std::string content;
  friend bool operator==(const EmitMessage&, const EmitMessage&) = default;
};

// Savepoints nest; the latter two mean the innermost one. ROLLBACK TO leaves it open, as SQL does.
// With none open: SQLSTATE 3B001.
struct Savepoint {
  friend bool operator==(Savepoint, Savepoint) = default;
};
struct RollbackToSavepoint {
  friend bool operator==(RollbackToSavepoint, RollbackToSavepoint) = default;
};
struct ReleaseSavepoint {
  friend bool operator==(ReleaseSavepoint, ReleaseSavepoint) = default;
};

using Operation = std::variant<InsertRow, UpsertRow, UpdateRow, DeleteRow, Savepoint,
                               RollbackToSavepoint, ReleaseSavepoint, TruncateTable, EmitMessage>;

enum class ScriptEnd : std::uint8_t { kCommit = 0, kRollback = 1 };

struct Script {
  TransactionId id;
  SessionId session;
  // The update of the session row comes first and is not listed.
  std::vector<Operation> operations;
  ScriptEnd end = ScriptEnd::kCommit;
  friend bool operator==(const Script&, const Script&) = default;
};

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_OPERATION_H_
