// Runs a script on a model: the expected meaning of every operation, errors included.
#ifndef LOCKSTEP_MODEL_EXECUTE_H_
#define LOCKSTEP_MODEL_EXECUTE_H_

#include <vector>

#include "model/database.h"
#include "model/operation.h"
#include "model/outcome.h"

namespace lockstep::model {

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
};

// Executes `script` on `database`, whose tables are those of the run's catalog. A script that ends
// in a rollback, or whose statement fails outside a savepoint, leaves the database as it was.
Execution Execute(const Script& script, Database& database);

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_EXECUTE_H_
