// What `lockstep slots` and `lockstep slots prune` print, for people and as JSON. Pure.
#ifndef LOCKSTEP_LAUNCHER_SLOT_REPORT_H_
#define LOCKSTEP_LAUNCHER_SLOT_REPORT_H_

#include <optional>
#include <string>
#include <vector>

#include "launcher/slot_rule.h"
#include "model/error.h"
#include "postgres/slot_list.h"

namespace lockstep::launcher {

// What was decided about a slot that is Lockstep's, and what became of it.
struct PrunedSlot {
  postgres::ListedSlot slot;
  Decision decision;
  std::string error = {};  // the server would not drop it
};

struct Pruning {
  std::string server;  // where, without a password
  bool dry_run = false;
  std::vector<PrunedSlot> slots;
  // The connection broke at the last one of these: whether that is gone, and what would have become
  // of those behind it, is not known.
  std::optional<model::Error> broken = {};
};

// Lockstep's slots, then the others', then what runs without a slot left.
std::string SlotListText(const postgres::SlotList& list, const std::string& where);
// One line a slot of Lockstep: dropped, kept or failed, and why.
std::string PruningText(const Pruning& pruning);

// One object each, indented, with a newline at its end. Their fields are a contract: see
// docs/operations.md.
std::string SlotListJson(const postgres::SlotList& list, const std::string& where);
std::string PruningJson(const Pruning& pruning);
// The same when the database could not be looked at: {"error", "exit_code"}.
std::string SlotErrorJson(const model::Error& error);

// kUsage when a slot should have gone and could not be dropped, else kConverged; that of the error
// when the connection broke.
model::ExitCode ExitCodeOf(const Pruning& pruning);

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_SLOT_REPORT_H_
