// Copies tables over several connections at once, on one thread.
#ifndef LOCKSTEP_CONSUMER_TABLE_COPY_H_
#define LOCKSTEP_CONSUMER_TABLE_COPY_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "model/error.h"
#include "model/relation.h"
#include "postgres/table_reader.h"

namespace lockstep::consumer {

struct TableToCopy {
  model::RelationPtr relation;
  std::uint32_t table = 0;  // whatever the caller calls it
  std::uint64_t bytes = 0;  // the largest is copied first
};

// Each reader, at least one, is done() and takes one table after the other; all rows go to `take`
// as they come, of several tables by turns. Blocks.
model::Result<void> CopyTables(
    std::vector<postgres::TableReader> readers, std::vector<TableToCopy> tables,
    const std::function<void(const TableToCopy& from, postgres::TableRow row)>& take);

}  // namespace lockstep::consumer

#endif  // LOCKSTEP_CONSUMER_TABLE_COPY_H_
