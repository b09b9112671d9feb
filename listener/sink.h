// Where a listener delivers what it follows.
//
// The slot is confirmed only up to what every sink has made durable.
#ifndef LOCKSTEP_LISTENER_SINK_H_
#define LOCKSTEP_LISTENER_SINK_H_

#include "model/change.h"
#include "model/digest.h"
#include "model/error.h"
#include "model/lsn.h"
#include "replication/replica.h"

namespace lockstep::listener {

class Sink {
 public:
  virtual ~Sink() = default;

  // A transaction that was applied to the replica, which has `digest` after it.
  virtual model::Result<void> Deliver(const model::Transaction& transaction, model::Digest digest,
                                      replication::Applied applied) = 0;
  // Everything delivered with end_lsn <= durable() is safe with the sink.
  virtual model::Lsn durable() const = 0;
};

}  // namespace lockstep::listener

#endif  // LOCKSTEP_LISTENER_SINK_H_
