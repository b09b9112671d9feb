// One comparison of the replica with the source, exact while others write.
//
//   Begin: a temporary slot is asked for ─► AwaitSlot: its snapshot holds every commit up to its
//   consistent point; tables are locked ─► the replica is brought there, and held
//   ─► Start, Read: rows are read under the snapshot ─► results
//
// AwaitSlot blocks while it locks the tables (0.3 s for one that somebody holds, then it fails; not
// at all where as many are wanted as can be had) and reads the catalog, and Begin while it
// connects; the rest never does. Everything it made on the server goes with it.
#ifndef LOCKSTEP_AUDITOR_CHECKPOINT_H_
#define LOCKSTEP_AUDITOR_CHECKPOINT_H_

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "auditor/comparison.h"
#include "consumer/locked_tables.h"
#include "model/database.h"
#include "model/error.h"
#include "model/lsn.h"
#include "model/projection.h"
#include "postgres/slot_request.h"
#include "postgres/table_activity.h"
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
  consumer::Wanted wanted = consumer::Wanted::kAll;
};

class Checkpoint {
 public:
  static model::Result<Checkpoint> Begin(const CheckpointOptions& options);

  // True once the slot is there and the tables are locked as its snapshot shows them; false: not
  // yet. Errors that another checkpoint may not meet: MayPass.
  model::Result<bool> AwaitSlot();
  // The tables as of the snapshot. Without the readers, once it reads.
  consumer::LockedTables& locked() { return *locked_; }
  // The replica is to be held at exactly the commits with end_lsn at or below it.
  model::Lsn consistent_point() const { return consistent_point_; }

  // The replica is there, and stays so until this is done or destroyed. It and the projection must
  // outlive this.
  void Start(const std::vector<TableTask>& tasks, const model::Database& replica,
             const model::Projection& projection);
  bool is_reading() const { return comparison_ != nullptr; }
  // Takes what has arrived; true when all is done.
  model::Result<bool> Read();
  Comparison& comparison() { return *comparison_; }
  // Of those of locked().tables.followed that can be read, in their order, as of now: they are
  // still locked. Blocks for a round trip, which needs no lock that somebody may want who waits for
  // ours.
  model::Result<std::vector<postgres::TableActivity>> ReadActivity();

  // How many of the tables could not be had.
  std::size_t left_alone() const { return locked_->tables.followed.size() - locked_->readable; }

  // Whether the server counts updated and deleted rows, and tells soon after they were.
  bool counts_rows() const { return counts_rows_; }

  // What it waits for. `has_more`: nothing, it can go on at once.
  void Watch(wire::Poller& poller);
  void Unwatch(wire::Poller& poller);
  bool has_more() const { return comparison_ && comparison_->has_more(); }

 private:
  Checkpoint(CheckpointOptions options, consumer::TablePreparation prepared,
             postgres::SlotRequest request)
      : options_(std::move(options)),
        prepared_(std::move(prepared)),
        request_(std::move(request)) {}

  model::Result<void> ReadCounting();

  CheckpointOptions options_;
  consumer::TablePreparation prepared_;
  postgres::SlotRequest request_;  // keeps the snapshot
  bool counts_rows_ = false;
  wire::WatchedFd watched_;
  model::Lsn consistent_point_;                   // 0: the slot is not there yet
  std::optional<consumer::LockedTables> locked_;  // once it is
  std::unique_ptr<Comparison> comparison_;        // watched by its address
};

// Whether another checkpoint may be made where this one could not: open transactions, too many
// savepoints, a table that was truncated or altered just then, a lock or an answer that did not
// come in time, a connection that was lost.
bool MayPass(const model::Error& error);

}  // namespace lockstep::auditor

#endif  // LOCKSTEP_AUDITOR_CHECKPOINT_H_
