// Reads the rows of tables as they were at a snapshot, by COPY.
//
//   Start ──► Read(table) ──► Next* until done() ──► Read(next table) ... ──► Finish
//
// Only rows of the table itself are read: those of children and partitions belong to them. A
// relation that is followed as one with its partitions is read partition by partition, since COPY
// takes no partitioned table.
#ifndef LOCKSTEP_POSTGRES_TABLE_READER_H_
#define LOCKSTEP_POSTGRES_TABLE_READER_H_

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/error.h"
#include "model/relation.h"
#include "postgres/connection.h"
#include "postgres/copy_row.h"

namespace lockstep::postgres {

// BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY under an exported snapshot; an empty name takes a
// snapshot of its own at the first statement. kUsage when the snapshot is gone (its exporter ran
// another command or left).
model::Result<void> BeginSnapshot(Connection& connection, const std::string& snapshot_name);

// Both in one round trip, so that little can happen to the tables in between. `lock_timeout` is for
// this transaction only; SQLSTATE 55P03 when it ends the wait.
model::Result<void> BeginSnapshotAndLock(Connection& connection, const std::string& snapshot_name,
                                         const std::vector<model::RelationPtr>& tables,
                                         std::chrono::milliseconds lock_timeout);

// The same in a transaction that has begun, without waiting: of those that somebody else holds, or
// changes or drops, none is locked. By table, whether it is. One round trip where all are free, and
// some for each that is not.
model::Result<std::vector<bool>> LockThoseFree(Connection& connection,
                                               const std::vector<model::RelationPtr>& tables);

// Of a statement about a table: its lock cannot be had, or not in time, or it fails, since somebody
// is changing or dropping the table, or its rights.
bool TellsOfChange(const model::Error& error);

// LOCK TABLE ... IN ACCESS SHARE MODE for the rest of the transaction. TRUNCATE does not keep rows
// for older snapshots: without the lock it would empty a table that is read later.
model::Result<void> LockTables(Connection& connection,
                               const std::vector<model::RelationPtr>& tables);

// Blocking: all rows of a table, in the order that the server reads them, each given to `consume`,
// whose error ends the reading (the connection is then in a failed transaction). A row that is not
// of the relation's types is kMalformed.
model::Result<void> ReadTable(Connection& connection, const model::Relation& relation,
                              const std::function<model::Result<void>(const TableRow&)>& consume,
                              RowForm form = RowForm::kComplete);

// Non-blocking, for a poll loop: call Next until nullopt, then wait for fd() (and for writable,
// then Flush, while WantsWrite()).
class TableReader {
 public:
  // Takes over an idle kSql connection and begins the snapshot's transaction: this call blocks. The
  // tables in `locked` cannot be truncated before the end.
  static model::Result<TableReader> Start(Connection connection, const std::string& snapshot_name,
                                          const std::vector<model::RelationPtr>& locked = {});
  // Takes over a kSql connection that is in such a transaction.
  static model::Result<TableReader> Adopt(Connection connection);

  // Asks for a table; the one before must be done().
  model::Result<void> Read(model::RelationPtr relation, RowForm form = RowForm::kComplete);
  // The next row; nullopt when none has arrived yet or the table is done().
  model::Result<std::optional<TableRow>> Next();
  bool done() const { return state_ == State::kIdle; }

  int fd() const;
  bool WantsWrite() const { return wants_write_; }
  model::Result<void> Flush();

  // Ends the transaction (blocks) and gives the connection back. The table must be done(); to give
  // up earlier, destroy it.
  model::Result<Connection> Finish() &&;

 private:
  enum class State { kIdle, kAsked, kCopying, kEnding };
  explicit TableReader(Connection connection) : connection_(std::move(connection)) {}
  model::Result<void> Send(const std::string& sql);
  model::Result<bool> Advance();
  model::Error Failure() const;

  Connection connection_;
  State state_ = State::kIdle;
  model::RelationPtr relation_;
  RowForm form_ = RowForm::kComplete;
  std::optional<CopyRowParser> parser_;  // of *relation_
  std::vector<std::string> commands_;    // still to be sent, the last one first
  bool wants_write_ = false;
};

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_TABLE_READER_H_
