// A follower made to lie on purpose, so that who checks it can be seen to catch it.
//
// Stands between the Follower and Replica::Apply. Each kind acts once, on the first transaction it
// can act on after the first few (`kFirstTransaction`), so that a report has something correct
// before it.
#ifndef LOCKSTEP_CONSUMER_SABOTAGE_H_
#define LOCKSTEP_CONSUMER_SABOTAGE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/change.h"
#include "model/error.h"
#include "model/ids.h"
#include "model/sabotage_kind.h"

namespace lockstep::consumer {

class Saboteur {
 public:
  // Gives an xid that Postgres has rolled back; called once, by kApplyRolledBack.
  using RolledBackXid = std::function<model::Result<model::Xid>()>;

  static constexpr std::uint64_t kFirstTransaction = 25;

  Saboteur(model::SabotageKind kind, RolledBackXid rolled_back_xid)
      : kind_(kind), rolled_back_xid_(std::move(rolled_back_xid)) {}

  // The transactions to apply and report in the place of this one, in order. kSwapCommits holds one
  // back until the next.
  model::Result<std::vector<model::Transaction>> Change(model::Transaction transaction);

  // Whether one is held back. What the listener has received ends before it then, whatever it tells
  // the verifier.
  bool holds_one() const { return held_.has_value(); }

  // What was done to which commit; empty until then.
  const std::string& deed() const { return deed_; }

 private:
  bool DropChange(model::Transaction& transaction);
  bool NullForUnchanged(model::Transaction& transaction);
  bool CorruptValue(model::Transaction& transaction);
  bool LeaveStaleKey(model::Transaction& transaction);
  bool ReorderChanges(model::Transaction& transaction);
  std::vector<model::Transaction> Swap(model::Transaction transaction);
  std::vector<model::Transaction> Duplicate(model::Transaction transaction);
  model::Result<std::vector<model::Transaction>> Invent(model::Transaction transaction);

  model::SabotageKind kind_;
  RolledBackXid rolled_back_xid_;
  std::uint64_t seen_ = 0;
  std::optional<model::Transaction> held_;
  std::string deed_;
};

}  // namespace lockstep::consumer

#endif  // LOCKSTEP_CONSUMER_SABOTAGE_H_
