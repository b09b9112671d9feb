// How far a slot may be confirmed: one position P, everything with end_lsn <= P is durable.
#ifndef LOCKSTEP_REPLICATION_PROGRESS_H_
#define LOCKSTEP_REPLICATION_PROGRESS_H_

#include <algorithm>

#include "model/lsn.h"

namespace lockstep::replication {

class Progress {
 public:
  explicit Progress(model::Lsn start) : position_(start), last_end_(start) {}

  // P.
  model::Lsn position() const { return position_; }
  // The end LSN of the last complete transaction that was received.
  model::Lsn last_end() const { return last_end_; }

  // A complete transaction was received. False when it is not new (end_lsn <= P, or received
  // before): drop it.
  bool OnTransaction(model::Lsn end_lsn) {
    if (end_lsn <= last_end_) return false;
    last_end_ = end_lsn;
    return true;
  }

  // The sinks have made durable all they were given with end_lsn <= `lsn`.
  void OnDurable(model::Lsn lsn) {
    position_ = std::max(position_, std::min(lsn, last_end_));
    Settle();
  }

  // The server has nothing more to say up to `lsn`. That may become P as soon as every complete
  // transaction received before is durable; a partly received one does not forbid it, its end lies
  // later.
  void OnKeepalive(model::Lsn lsn) {
    idle_ = lsn;
    idle_after_ = last_end_;
    Settle();
  }

 private:
  void Settle() {
    if (position_ >= idle_after_ && idle_ > position_) position_ = idle_;
    // What the server is silent about up to P was received too: an older transaction there is a
    // repetition.
    last_end_ = std::max(last_end_, position_);
  }

  model::Lsn position_;
  model::Lsn last_end_;
  model::Lsn idle_;        // of the last keepalive
  model::Lsn idle_after_;  // the last complete transaction before that keepalive
};

}  // namespace lockstep::replication

#endif  // LOCKSTEP_REPLICATION_PROGRESS_H_
