// Events of a stream put together to whole transactions.
#ifndef LOCKSTEP_REPLICATION_TRANSACTION_ASSEMBLER_H_
#define LOCKSTEP_REPLICATION_TRANSACTION_ASSEMBLER_H_

#include <cstddef>
#include <optional>

#include "model/change.h"
#include "model/error.h"
#include "model/relation.h"
#include "replication/decoder.h"
#include "replication/follow_policy.h"

namespace lockstep::replication {

class TransactionAssembler {
 public:
  // A transaction is held in memory until its commit. One whose rows take more is refused, or,
  // under kSetAside, has none of them, and its tables are unread.
  explicit TransactionAssembler(std::size_t max_transaction_bytes,
                                FollowPolicy policy = FollowPolicy::kStrict)
      : max_transaction_bytes_(max_transaction_bytes), policy_(policy) {}

  // A transaction when the event was its commit. kMalformed when the event cannot come here: a
  // change or a commit outside a transaction or of another one, a begin inside one.
  // kUnsupported when the transaction is too large, and refused.
  model::Result<std::optional<model::Transaction>> Add(Event event);

 private:
  model::Result<void> CheckOpen(model::Xid xid, const char* what) const;
  model::Result<void> AddChange(model::Change change);
  void PassOver(const model::Change& change);
  void AddUnread(model::UnreadTable table);

  std::size_t max_transaction_bytes_;
  FollowPolicy policy_;
  bool open_ = false;
  std::size_t bytes_ = 0;  // of the rows of transaction_
  bool is_too_large_ = false;
  model::RelationPtr last_passed_over_;  // of transaction_, where it is too large
  model::Transaction transaction_;
};

}  // namespace lockstep::replication

#endif  // LOCKSTEP_REPLICATION_TRANSACTION_ASSEMBLER_H_
