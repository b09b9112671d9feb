// Looks, now and then, what an audit does to the sessions of others: who waits for a lock that a
// session of Lockstep's holds, and whether a table that it publishes has lost its replica identity,
// which it then publishes no longer (postgres/identity_guard.h).
#ifndef LOCKSTEP_POSTGRES_LOOKOUT_H_
#define LOCKSTEP_POSTGRES_LOOKOUT_H_

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "postgres/connection.h"
#include "postgres/relation_reader.h"

namespace lockstep::postgres {

// A session of somebody else's that waits for one of ours.
struct LockWait {
  int pid = 0;
  std::string since;  // when it began to wait: with `pid` it tells one wait from another
  double waited_s = 0;
  std::string statement;           // its first words: "ALTER TABLE"; empty: not for us to see
  std::optional<TableName> table;  // nullopt: it waits for no table
  friend bool operator==(const LockWait&, const LockWait&) = default;
};

class Lookout {
 public:
  using Clock = std::chrono::steady_clock;

  // `publications`: how the names of the audit's begin.
  Lookout(std::string conninfo, std::string publications)
      : conninfo_(std::move(conninfo)), publications_(std::move(publications)) {}

  // What the question before this call came to, where it was answered; and asks again. Waits for
  // nothing but, at first and after a connection was lost, to be connected, 2 s at most.
  std::vector<LockWait> Look(Clock::time_point now);

 private:
  void Connect(Clock::time_point now);
  void Ask(Clock::time_point now);

  std::string conninfo_;
  std::string publications_;
  std::optional<Connection> connection_;
  bool asked_ = false;
  Clock::time_point asked_at_;
  Clock::time_point next_try_;
};

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_LOOKOUT_H_
