// What became of a script on Postgres.
#ifndef LOCKSTEP_MODEL_OUTCOME_H_
#define LOCKSTEP_MODEL_OUTCOME_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/ids.h"
#include "model/lsn.h"

namespace lockstep::model {

// What one operation did. An operation that was skipped because an earlier one failed has SQLSTATE
// 25P02.
struct Effect {
  std::uint32_t rows = 0;
  Xid written_by;  // xmin of the rows written (a subtransaction's at savepoint depth > 0); 0 when
                   // none
  std::string sqlstate;  // empty: success
  friend bool operator==(const Effect&, const Effect&) = default;
};

// Between two readings of pg_current_wal_insert_lsn() around a COMMIT: before < end_lsn <= after.
struct CommitBracket {
  Lsn before;
  Lsn after;
  friend bool operator==(const CommitBracket&, const CommitBracket&) = default;
};

enum class Fate : std::uint8_t { kCommitted = 0, kRolledBack = 1 };

struct Outcome {
  TransactionId id;
  SessionId session;
  FullXid xid;  // 0 when the transaction never got one
  Fate fate = Fate::kRolledBack;
  // The COMMIT's answer was lost and the session row told the fate; then `effects` may be empty.
  bool was_in_doubt = false;
  std::vector<Effect> effects;  // one per operation of the script, in order
  std::optional<CommitBracket> bracket;
  std::string error;  // the server's message of the first failed statement, for people
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_OUTCOME_H_
