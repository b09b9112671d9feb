// Events of a stream put together to whole transactions.
#ifndef LOCKSTEP_REPLICATION_TRANSACTION_ASSEMBLER_H_
#define LOCKSTEP_REPLICATION_TRANSACTION_ASSEMBLER_H_

#include <cstddef>
#include <optional>

#include "model/change.h"
#include "model/error.h"
#include "replication/decoder.h"

namespace lockstep::replication {

class TransactionAssembler {
 public:
  // A transaction is held in memory until its commit; one whose rows take more is refused.
  explicit TransactionAssembler(std::size_t max_transaction_bytes)
      : max_transaction_bytes_(max_transaction_bytes) {}

  // A transaction when the event was its commit. kMalformed when the event cannot come here: a
  // change or a commit outside a transaction or of another one, a begin inside one.
  // kUnsupported when the transaction is too large.
  model::Result<std::optional<model::Transaction>> Add(Event event);

 private:
  model::Result<void> CheckOpen(model::Xid xid, const char* what) const;
  model::Result<void> AddChange(model::Change change);
  void AddUnread(model::UnreadTable table);

  std::size_t max_transaction_bytes_;
  bool open_ = false;
  std::size_t bytes_ = 0;  // of the rows of transaction_
  model::Transaction transaction_;
};

}  // namespace lockstep::replication

#endif  // LOCKSTEP_REPLICATION_TRANSACTION_ASSEMBLER_H_
