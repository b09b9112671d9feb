// Tables of the source read under a snapshot, over several connections at once: compared with the
// replica, or copied, where the replica has them no longer as they are. Never blocks.
#ifndef LOCKSTEP_AUDITOR_COMPARISON_H_
#define LOCKSTEP_AUDITOR_COMPARISON_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "auditor/table_comparison.h"
#include "consumer/table_copy.h"
#include "model/database.h"
#include "model/error.h"
#include "model/projection.h"
#include "model/relation.h"
#include "postgres/copy_row.h"
#include "postgres/parallel_reader.h"
#include "postgres/relation_reader.h"
#include "postgres/table_reader.h"
#include "wire/poller.h"
#include "wire/watched_fd.h"

namespace lockstep::auditor {

struct TableTask {
  model::RelationPtr relation;
  std::uint64_t bytes = 0;  // the largest is read first
  // The replica's, with which it is compared; nullopt: it is copied.
  std::optional<std::uint32_t> compared_with;
  postgres::RowForm form = postgres::RowForm::kStored;
};

// What became of a table.
struct ComparedTable {
  std::uint32_t table = 0;  // of the replica
  TableComparison comparison;
};

class Comparison : private postgres::TableSink {
 public:
  // Each reader, at least one, is done(). `replica` and `projection` must outlive it; the replica
  // must not change before the end.
  Comparison(std::vector<postgres::TableReader> readers, const std::vector<TableTask>& tasks,
             const model::Database& replica, const model::Projection& projection);
  Comparison(const Comparison&) = delete;
  Comparison& operator=(const Comparison&) = delete;

  // Takes what has arrived, some thousand rows at most. Errors as TableReader::Next, with the
  // table.
  model::Result<void> Step() { return reader_.Step(*this); }
  bool done() const { return reader_.done(); }
  // As ParallelReader::unreadable.
  const model::RelationPtr& unreadable() const { return reader_.unreadable(); }
  // Whether Step had more to do when it returned.
  bool has_more() const { return reader_.has_more(); }
  void Watch(wire::Poller& poller);
  // Before it is destroyed, where it was watched.
  void Unwatch(wire::Poller& poller);

  // In the order in which they were done.
  const std::vector<ComparedTable>& compared() const { return compared_; }
  std::uint64_t rows_compared() const { return rows_compared_; }
  // Tables whose keys the plugin does not show as they are, and why that is so: of those that were
  // compared, which compared() is without, and of the copies, which are empty. When it is done.
  std::map<postgres::TableName, std::string> UnshownKeys() const;
  // The tables that were copied; whole when it is done.
  model::Database& copies() { return copies_; }

 private:
  void OnRow(std::uint32_t number, postgres::TableRow row) override;
  bool OnEnd(std::uint32_t number) override;

  // By the task's number: one of the two.
  struct Task {
    model::RelationPtr relation;
    std::optional<ComparedTable> comparison;
    std::uint32_t copy = 0;  // of copies_
  };
  static std::vector<postgres::TableToRead> ToRead(const std::vector<TableTask>& tasks);

  std::vector<Task> tasks_;
  model::Database copies_;
  consumer::TableCopy copy_;
  postgres::ParallelReader reader_;
  std::deque<wire::WatchedFd> watched_;  // by connection
  std::vector<ComparedTable> compared_;
  std::map<postgres::TableName, std::string> unshown_keys_;  // of those that were to be compared
  std::uint64_t rows_compared_ = 0;
};

}  // namespace lockstep::auditor

#endif  // LOCKSTEP_AUDITOR_COMPARISON_H_
