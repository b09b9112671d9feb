// Which slots `lockstep slots prune` drops, and why. Pure.
#ifndef LOCKSTEP_LAUNCHER_SLOT_RULE_H_
#define LOCKSTEP_LAUNCHER_SLOT_RULE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "postgres/slot_list.h"

namespace lockstep::launcher {

// What the user adds to what is dropped anyway.
struct PruneRule {
  std::optional<std::int64_t> older_than_s;     // inactive for at least so long
  std::optional<std::int64_t> wal_above_bytes;  // holds more WAL
  friend bool operator==(const PruneRule&, const PruneRule&) = default;
};

struct Decision {
  bool drop = false;
  std::string reason;
  friend bool operator==(const Decision&, const Decision&) = default;
};

// Only a slot that has the name of a run's of Lockstep, in the database that is connected to, and
// that nobody reads, is dropped; and of these one
//   - whose run's schema is gone: there is nothing left to follow,
//   - or that the server has invalidated: nobody can read it again,
//   - or that `rule` names.
// Temporary slots go with their session. A slot that is not Lockstep's is kept whatever the rule.
Decision Decide(const postgres::ListedSlot& slot, const std::string& database,
                const PruneRule& rule);

// "4 min", "2 h", "3 days": at most one unit.
std::string DurationText(std::int64_t seconds);

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_SLOT_RULE_H_
