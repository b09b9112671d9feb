#include "launcher/slots.h"

#include <chrono>
#include <iostream>
#include <string>
#include <utility>

#include "postgres/connection.h"
#include "postgres/slot.h"
#include "postgres/slot_list.h"
#include "report/shown_text.h"

namespace lockstep::launcher {
namespace {

using model::Fail;
using model::Result;
using postgres::Connection;

Result<Connection> Open(const std::string& database) {
  // Not "lockstep NAME" alone, which is what a listener is called.
  Result<Connection> sql = Connection::Open(
      database, postgres::ConnectionKind::kSql,
      {.application_name = "lockstep slots", .encoding = postgres::TextEncoding::kUtf8});
  if (!sql) return Fail("--database", sql.error());
  return sql;
}

model::ExitCode PrintError(const model::Error& error, bool json) {
  std::cerr << "lockstep: " << report::Paragraph(error.message) << std::endl;
  if (json) std::cout << SlotErrorJson(error) << std::flush;
  return model::ExitCodeOf(error);
}

}  // namespace

Result<Pruning> Prune(const PruneOptions& options) {
  Result<Connection> sql = Open(options.database);
  if (!sql) return std::unexpected(sql.error());
  Result<postgres::SlotList> list = postgres::ListSlots(*sql);
  if (!list) return std::unexpected(list.error());
  Pruning pruning{.server = sql->description(), .dry_run = options.dry_run, .slots = {}};
  for (postgres::ListedSlot& slot : list->slots) {
    if (!slot.owner) continue;
    Decision decision = Decide(slot, list->database, options.rule);
    pruning.slots.push_back({std::move(slot), std::move(decision)});
    PrunedSlot& pruned = pruning.slots.back();
    if (!pruned.decision.drop || options.dry_run) continue;
    auto dropped = postgres::DropSlot(*sql, pruned.slot.name, std::chrono::milliseconds::zero());
    if (dropped) continue;
    constexpr const char* kInUse = "55006";
    if (dropped.error().sqlstate == kInUse) {
      pruned.decision = {false, "somebody has begun to read it"};
      continue;
    }
    pruned.error = dropped.error().message;
    if (dropped.error().kind == model::ErrorKind::kDisconnected) {
      pruning.broken = std::move(dropped.error());
      return pruning;
    }
  }
  return pruning;
}

model::ExitCode PrintSlots(const SlotsOptions& options) {
  Result<Connection> sql = Open(options.database);
  if (!sql) return PrintError(sql.error(), options.json);
  const Result<postgres::SlotList> list = postgres::ListSlots(*sql);
  if (!list) return PrintError(list.error(), options.json);
  const std::string& where = sql->description();
  std::cout << (options.json ? SlotListJson(*list, where) : SlotListText(*list, where))
            << std::flush;
  return model::ExitCode::kConverged;
}

model::ExitCode PrintPruning(const PruneOptions& options) {
  const Result<Pruning> pruning = Prune(options);
  if (!pruning) return PrintError(pruning.error(), options.json);
  std::cout << (options.json ? PruningJson(*pruning) : PruningText(*pruning)) << std::flush;
  if (pruning->broken) {
    std::cerr << "lockstep: the connection broke before all slots were looked at: "
              << report::Paragraph(pruning->broken->message) << std::endl;
  }
  return ExitCodeOf(*pruning);
}

}  // namespace lockstep::launcher
