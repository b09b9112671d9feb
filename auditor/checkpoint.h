// One comparison of the replica with the source, exact while others write.
//
//   Begin: a temporary slot is asked for ─► AwaitSlot: its snapshot holds every commit up to its
//   consistent point; tables are locked ─► the replica is brought there, and held
//   ─► Compare: rows are read under the snapshot ─► results
//
// AwaitSlot blocks for a second at most, for its locks, and Begin while it connects; the rest never
// does. Everything it made on the server goes with it.
#ifndef LOCKSTEP_AUDITOR_CHECKPOINT_H_
#define LOCKSTEP_AUDITOR_CHECKPOINT_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "auditor/comparison.h"
#include "consumer/attach_snapshot.h"
#include "model/database.h"
#include "model/error.h"
#include "model/lsn.h"
#include "model/projection.h"
#include "postgres/connection.h"
#include "postgres/slot.h"
#include "postgres/slot_request.h"
#include "postgres/table_activity.h"
#include "postgres/table_reader.h"
#include "postgres/table_scope.h"
#include "wire/poller.h"
#include "wire/watched_fd.h"

namespace lockstep::auditor {

struct CheckpointOptions {
  std::string conninfo;
  std::string application_name;
  std::string slot;             // of the temporary slot
  consumer::AttachScope scope;  // whose tables are compared
  int connections = 4;          // that read tables at once; fewer where the server has no more
  // How long the server waits for open transactions.
  std::chrono::milliseconds lock_timeout{1000};
};

class Checkpoint {
 public:
  static model::Result<Checkpoint> Begin(const CheckpointOptions& options);

  // True once the slot is there and the tables are locked as its snapshot shows them; false: not
  // yet. Errors that another checkpoint may not meet: MayPass.
  model::Result<bool> AwaitSlot(const model::Database& replica);
  // What of the tables' form is not as the replica has it: then it cannot be compared with them.
  const std::vector<std::string>& form_changes() const { return form_changes_; }
  // The tables of the scope that are not followed, as of the snapshot.
  const std::vector<postgres::ExcludedTable>& excluded() const { return excluded_; }
  // The replica is to be held at exactly the commits with end_lsn at or below it.
  model::Lsn consistent_point() const { return consistent_point_; }

  // The replica is there, and stays so until this is done or destroyed. It and the projection must
  // outlive this. The tables in `left_out` are not compared.
  void StartComparing(const model::Database& replica, const model::Projection& projection,
                      const std::set<std::uint32_t>& left_out);
  bool is_comparing() const { return comparison_.has_value(); }
  // Compares what has arrived; true when all is done.
  model::Result<bool> Compare();
  const Comparison& comparison() const { return *comparison_; }
  // Of all tables of the replica, as of now. Blocks for a round trip.
  model::Result<std::vector<postgres::TableActivity>> ReadActivity(const model::Database& replica);

  // What it waits for. `has_more`: nothing, it can go on at once.
  void Watch(wire::Poller& poller);
  void Unwatch(wire::Poller& poller);
  bool has_more() const { return comparison_ && comparison_->has_more(); }

 private:
  Checkpoint(CheckpointOptions options, postgres::Connection observer,
             std::vector<postgres::Connection> reading, postgres::SlotRequest request)
      : options_(std::move(options)),
        observer_(std::move(observer)),
        reading_(std::move(reading)),
        request_(std::move(request)) {}
  model::Result<void> LockTables(const model::Database& replica, const std::string& snapshot);
  model::Result<void> StartReaders(const std::vector<model::RelationPtr>& tables,
                                   const std::string& snapshot);

  CheckpointOptions options_;
  postgres::Connection observer_;              // sees what is there now
  std::vector<postgres::Connection> reading_;  // at least one, until they are readers
  postgres::SlotRequest request_;              // keeps the snapshot
  wire::WatchedFd watched_;
  model::Lsn consistent_point_;  // 0: the slot is not there yet
  std::vector<std::string> form_changes_;
  std::vector<postgres::ExcludedTable> excluded_;
  std::vector<postgres::TableReader> readers_;
  std::vector<TableToCompare> tables_;
  std::optional<Comparison> comparison_;
};

// Whether another checkpoint may be made where this one could not: open transactions, too many
// savepoints, a table that was truncated or altered just then, a connection that was lost.
bool MayPass(const model::Error& error);

}  // namespace lockstep::auditor

#endif  // LOCKSTEP_AUDITOR_CHECKPOINT_H_
