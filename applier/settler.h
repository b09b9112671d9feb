// Finds LSNs below which every outcome has been reported.
//
// It asks for pg_current_wal_flush_lsn() on a connection of its own. A script that starts after the
// answer commits above it; so once the scripts under way at the answer have ended, every commit of
// the run up to that LSN is known, and an unknown one there is foreign. What is not flushed may be
// lost in a crash, and its LSNs be given to other commits.
#ifndef LOCKSTEP_APPLIER_SETTLER_H_
#define LOCKSTEP_APPLIER_SETTLER_H_

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/error.h"
#include "model/ids.h"
#include "model/lsn.h"
#include "postgres/pipeline.h"

namespace lockstep::applier {

class Settler {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static model::Result<Settler> Open(const std::string& conninfo);

  // Asks, when it is time and no question is open.
  model::Result<void> Ask(Time now);
  // When Ask has something to do; nullopt while an answer is awaited.
  std::optional<Time> NextAsk() const;
  // Reads the answer. `under_way`: the scripts that have no outcome yet.
  model::Result<void> Drive(const std::vector<model::TransactionId>& under_way);
  void OnOutcome(model::TransactionId id);
  // The LSN, once, when it is settled.
  std::optional<model::Lsn> TakeSettled();

  int fd() const { return pipeline_.fd(); }
  bool WantsWrite() const { return pipeline_.WantsWrite(); }

 private:
  Settler(std::string conninfo, postgres::Pipeline pipeline)
      : conninfo_(std::move(conninfo)), pipeline_(std::move(pipeline)) {}
  model::Result<void> Reopen();

  std::string conninfo_;
  postgres::Pipeline pipeline_;
  bool asking_ = false;
  Time next_ask_ = Time::min();
  std::optional<model::Lsn> candidate_;
  std::set<model::TransactionId> waits_for_;
};

}  // namespace lockstep::applier

#endif  // LOCKSTEP_APPLIER_SETTLER_H_
