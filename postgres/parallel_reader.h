// Tables read under one snapshot, over several connections at once, on one thread.
//
//   StartReaders ─► ParallelReader ─┬─ Run: blocks until all are read
//                                   └─ Step, again when a connection is ready: never blocks
#ifndef LOCKSTEP_POSTGRES_PARALLEL_READER_H_
#define LOCKSTEP_POSTGRES_PARALLEL_READER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "model/error.h"
#include "model/relation.h"
#include "postgres/connection.h"
#include "postgres/copy_row.h"
#include "postgres/table_reader.h"

namespace lockstep::postgres {

struct TableToRead {
  model::RelationPtr relation;
  std::uint32_t number = 0;  // whatever the caller calls it
  std::uint64_t bytes = 0;   // the largest is read first
  RowForm form = RowForm::kStored;
};

// Who gets the rows, those of several tables by turns.
class TableSink {
 public:
  virtual ~TableSink() = default;
  virtual void OnRow(std::uint32_t number, TableRow row) = 0;
  // The table's rows have all come. True: it is to be read once more.
  virtual bool OnEnd(std::uint32_t number) = 0;
};

// The first connection, which is in a transaction under the snapshot and has locked the tables, and
// as many of the others, idle ones, as get the same locks at once, `wanted` in all: one that waited
// behind a TRUNCATE that waits for the first one's would wait for ever. Blocks.
model::Result<std::vector<TableReader>> StartReaders(std::vector<Connection> connections,
                                                     const std::string& snapshot_name,
                                                     const std::vector<model::RelationPtr>& tables,
                                                     std::size_t wanted);

class ParallelReader {
 public:
  // Each reader, at least one, is done().
  ParallelReader(std::vector<TableReader> readers, std::vector<TableToRead> tables);

  // Gives what has arrived to the sink, some thousand rows at most. Errors as TableReader::Next,
  // with the table.
  model::Result<void> Step(TableSink& sink);
  bool done() const { return left_ == 0; }
  // Whether Step had more to do when it returned.
  bool has_more() const { return has_more_; }
  // The same until it is done.
  model::Result<void> Run(TableSink& sink);

  // After an error: the table that cannot be read, where the error is of its rows or rights and not
  // of the server or the connection, so that others can.
  const model::RelationPtr& unreadable() const { return unreadable_; }

  // To be polled, for reading and for writing where it wants to. fd -1: nothing is awaited.
  struct Awaited {
    int fd = -1;
    bool write = false;
  };
  std::size_t connection_count() const { return lanes_.size(); }
  Awaited awaited(std::size_t connection) const;

 private:
  struct Lane {
    TableReader reader;
    const TableToRead* table = nullptr;  // that it reads
  };
  model::Result<bool> Turn(Lane& lane, TableSink& sink);
  void Wait() const;

  std::vector<Lane> lanes_;
  std::vector<TableToRead> tables_;
  std::size_t next_ = 0;  // to be asked for
  std::size_t left_;      // not yet done
  bool has_more_ = true;
  model::RelationPtr unreadable_;
};

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_PARALLEL_READER_H_
