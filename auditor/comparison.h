// Tables of the source read under a snapshot, over several connections at once, and compared with
// the replica. Never blocks.
#ifndef LOCKSTEP_AUDITOR_COMPARISON_H_
#define LOCKSTEP_AUDITOR_COMPARISON_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "auditor/table_comparison.h"
#include "model/database.h"
#include "model/error.h"
#include "model/projection.h"
#include "postgres/table_reader.h"
#include "wire/poller.h"
#include "wire/watched_fd.h"

namespace lockstep::auditor {

struct TableToCompare {
  std::uint32_t table = 0;  // of the replica
  std::uint64_t bytes = 0;  // the largest is read first
};

// What became of a table.
struct ComparedTable {
  std::uint32_t table = 0;
  TableComparison comparison;
};

class Comparison {
 public:
  // Each reader, at least one, is done(). `replica` and `projection` must outlive it; the replica
  // must not change before the end.
  Comparison(std::vector<postgres::TableReader> readers, std::vector<TableToCompare> tables,
             const model::Database& replica, const model::Projection& projection);

  // Compares what has arrived, some thousand rows at most. Errors as TableReader::Next, with the
  // table.
  model::Result<void> Step();
  bool done() const { return compared_.size() == tables_.size(); }
  // Whether Step had more to do when it returned.
  bool has_more() const { return has_more_; }
  void Watch(wire::Poller& poller);
  // Before it is destroyed, where it was watched.
  void Unwatch(wire::Poller& poller);

  // In the order in which they were done.
  const std::vector<ComparedTable>& compared() const { return compared_; }
  std::uint64_t rows_compared() const { return rows_compared_; }

 private:
  struct Lane {
    postgres::TableReader reader;
    std::optional<ComparedTable> current;
    wire::WatchedFd watched;
  };
  model::Result<bool> Turn(Lane& lane);
  model::Result<void> Ask(Lane& lane);

  std::deque<Lane> lanes_;
  std::vector<TableToCompare> tables_;
  const model::Database* replica_;
  const model::Projection* projection_;
  std::size_t next_ = 0;
  std::vector<ComparedTable> compared_;
  std::uint64_t rows_compared_ = 0;
  bool has_more_ = true;
};

}  // namespace lockstep::auditor

#endif  // LOCKSTEP_AUDITOR_COMPARISON_H_
