// The ways in which a listener can be made to lie (consumer/sabotage.h), by the names that users
// give them.
#ifndef LOCKSTEP_MODEL_SABOTAGE_KIND_H_
#define LOCKSTEP_MODEL_SABOTAGE_KIND_H_

#include <span>
#include <string>
#include <string_view>

#include "model/error.h"

namespace lockstep::model {

enum class SabotageKind {
  kDropChange,            // one change of a commit is left out
  kDuplicateTransaction,  // applied and reported again under a later LSN
  kSwapCommits,           // two neighbours on disjoint keys, their LSNs exchanged
  kNullForUnchanged,      // an out-of-line value that the statement did not touch becomes null
  kCorruptValue,          // one bit of one value
  kApplyRolledBack,       // an invented commit with an xid that Postgres rolled back
  kStaleKey,              // an update of the key that leaves the old key
  kReorderChanges,        // two neighbouring changes of a commit, on different rows, change places
};

std::span<const SabotageKind> SabotageKinds();
// "drop-change"
std::string_view NameOf(SabotageKind kind);
// "drop-change, duplicate-transaction, ...", for messages.
std::string SabotageKindNames();
// kUsage when no kind has this name; the message lists them.
Result<SabotageKind> ParseSabotageKind(std::string_view name);

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_SABOTAGE_KIND_H_
