// Events of a stream put together to whole transactions.
#ifndef LOCKSTEP_REPLICATION_TRANSACTION_ASSEMBLER_H_
#define LOCKSTEP_REPLICATION_TRANSACTION_ASSEMBLER_H_

#include <optional>

#include "model/change.h"
#include "model/error.h"
#include "replication/decoder.h"

namespace lockstep::replication {

class TransactionAssembler {
 public:
  // A transaction when the event was its commit. kMalformed when the event cannot come here: a
  // change or a commit outside a transaction or of another one, a begin inside one.
  model::Result<std::optional<model::Transaction>> Add(Event event);

  bool in_transaction() const { return open_; }

 private:
  model::Result<void> CheckOpen(model::Xid xid, const char* what) const;

  bool open_ = false;
  model::Transaction transaction_;
};

}  // namespace lockstep::replication

#endif  // LOCKSTEP_REPLICATION_TRANSACTION_ASSEMBLER_H_
