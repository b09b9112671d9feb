// A commit as the write-ahead log records it.
#ifndef LOCKSTEP_MODEL_COMMIT_RECORD_H_
#define LOCKSTEP_MODEL_COMMIT_RECORD_H_

#include "model/ids.h"
#include "model/lsn.h"

namespace lockstep::model {

struct CommitRecord {
  Xid xid;  // the top-level one; of COMMIT PREPARED the prepared transaction's
  Lsn end_lsn;
  friend bool operator==(const CommitRecord&, const CommitRecord&) = default;
};

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_COMMIT_RECORD_H_
