// Runs a script on a model: the expected meaning of every operation, errors included.
#ifndef LOCKSTEP_MODEL_EXECUTE_H_
#define LOCKSTEP_MODEL_EXECUTE_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "model/database.h"
#include "model/operation.h"
#include "model/outcome.h"

namespace lockstep::model {

// One change as the stream tells it, in terms of an execution's images.
struct StreamedChange {
  enum class Kind : std::uint8_t { kInsert, kUpdate, kDelete, kTruncate, kMessage };
  Kind kind = Kind::kInsert;
  bool moved = false;           // an update of the key: the image before is the old key's
  std::uint32_t table = 0;      // not for a message
  std::uint32_t image = 0;      // of the row written or erased; not for a truncation or a message
  std::uint32_t operation = 0;  // index in Script::operations, or Execution::kSessionUpdate
};

struct Execution {
  Fate fate = Fate::kRolledBack;
  // One per operation. `written_by` is not known to a model and stays 0.
  std::vector<Effect> effects;
  // What the transaction wrote, in order, without what a savepoint rolled back; the session row
  // first. Empty when it rolled back.
  std::vector<RowImage> images;
  // For each image the operation that wrote it: index in Script::operations, kSessionUpdate for the
  // session row.
  static constexpr std::uint32_t kSessionUpdate = UINT32_MAX;
  std::vector<std::uint32_t> image_operation;
  // What the stream must tell of the transaction, in order. Empty when it rolled back.
  std::vector<StreamedChange> changes;
};

// Executes `script` on `database`, whose tables are those of the run's catalog. A script that ends
// in a rollback, or whose statement fails outside a savepoint, leaves the database as it was.
// An operation whose effect in `reported` is a refusal (below) is refused here too, and does what a
// failed statement does.
Execution Execute(const Script& script, Database& database, std::span<const Effect> reported = {});

// Whether the server refused a statement for a reason that no model knows: a full disk, a
// cancellation, a missing right.
bool IsRefusal(std::string_view sqlstate);

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_EXECUTE_H_
