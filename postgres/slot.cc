#include "postgres/slot.h"

#include <fmt/format.h>

#include <cassert>
#include <charconv>
#include <thread>

#include "model/relation.h"
#include "postgres/remedy.h"

namespace lockstep::postgres {
namespace {

using model::Error;
using model::ErrorKind;
using model::Fail;
using model::Lsn;
using model::Result;

// From this version on the options of replication commands stand in parentheses.
constexpr int kParenthesizedOptions = 150000;
// The server has no wait for an SQL session; a reader leaves within milliseconds.
constexpr std::chrono::milliseconds kDropInterval{10};

Lsn LsnOrZero(const QueryResult& result, int column) {
  if (result.IsNull(0, column)) return Lsn{};
  return model::ParseLsn(result.Text(0, column)).value_or(Lsn{});
}

}  // namespace

std::string CreateSlotCommand(const CreateSlotOptions& options, int server_version) {
  std::string command =
      fmt::format("CREATE_REPLICATION_SLOT {}{} LOGICAL {}", model::SqlIdentifier(options.name),
                  options.temporary ? " TEMPORARY" : "", model::SqlIdentifier(options.plugin));
  if (server_version >= kParenthesizedOptions) {
    return command + (options.export_snapshot ? " (SNAPSHOT 'export')" : " (SNAPSHOT 'nothing')");
  }
  return command + (options.export_snapshot ? " EXPORT_SNAPSHOT" : " NOEXPORT_SNAPSHOT");
}

Result<CreatedSlot> ReadCreatedSlot(const QueryResult& result, const std::string& name) {
  if (result.rows() != 1 || result.columns() < 3) {
    return Fail(ErrorKind::kMalformed,
                fmt::format("CREATE_REPLICATION_SLOT {} answered {} rows of {} columns", name,
                            result.rows(), result.columns()));
  }
  Result<Lsn> point = model::ParseLsn(result.Text(0, 1));
  if (!point) return Fail("consistent point of slot " + name, point.error());
  return CreatedSlot{std::string(result.Text(0, 0)), *point, std::string(result.Text(0, 2))};
}

Result<CreatedSlot> CreateSlot(Connection& replication, const CreateSlotOptions& options) {
  assert(replication.kind() == ConnectionKind::kReplication);
  // RESET later would end the snapshot, so it stays.
  Result<QueryResult> set =
      replication.Execute(fmt::format("SET lock_timeout = {}", options.lock_timeout.count()));
  if (!set) return std::unexpected(set.error());
  Result<QueryResult> result =
      replication.Execute(CreateSlotCommand(options, replication.server_version()));
  if (!result) {
    return std::unexpected(
        WithRemedy(result.error(), {.plugin = options.plugin,
                                    .slot = options.name,
                                    .server_version = replication.server_version()}));
  }
  return ReadCreatedSlot(*result, options.name);
}

Result<std::optional<SlotInfo>> InspectSlot(Connection& connection, const std::string& name) {
  Result<QueryResult> result = connection.Execute(
      "SELECT plugin, database, active, active_pid, restart_lsn, confirmed_flush_lsn, wal_status "
      "FROM pg_catalog.pg_replication_slots WHERE slot_name = " +
      model::SqlLiteral(name));
  if (!result) return std::unexpected(result.error());
  if (result->rows() == 0) return std::nullopt;
  SlotInfo info{.plugin = std::string(result->Text(0, 0)),
                .database = std::string(result->Text(0, 1)),
                .active = result->Text(0, 2) == "t",
                .active_pid = 0,
                .restart_lsn = LsnOrZero(*result, 4),
                .confirmed_flush_lsn = LsnOrZero(*result, 5),
                .wal_status = std::string(result->Text(0, 6))};
  std::string_view pid = result->Text(0, 3);
  std::from_chars(pid.data(), pid.data() + pid.size(), info.active_pid);
  return info;
}

Result<void> DropSlot(Connection& connection, const std::string& name,
                      std::chrono::milliseconds timeout) {
  // DROP_REPLICATION_SLOT ... WAIT has no end of its own; both kinds of connection know the
  // function.
  std::string sql =
      fmt::format("SELECT pg_catalog.pg_drop_replication_slot({})", model::SqlLiteral(name));
  auto deadline = std::chrono::steady_clock::now() + timeout;
  while (true) {
    Result<QueryResult> dropped = connection.Execute(sql);
    if (dropped || dropped.error().sqlstate == "42704") return {};
    if (dropped.error().sqlstate != "55006" || std::chrono::steady_clock::now() > deadline) {
      return std::unexpected(WithRemedy(dropped.error(), {.slot = name}));
    }
    std::this_thread::sleep_for(kDropInterval);
  }
}

Result<std::vector<std::string>> DropIdleSlots(Connection& connection, const std::string& prefix) {
  const std::string sql = fmt::format(
      "SELECT slot_name FROM pg_catalog.pg_replication_slots WHERE NOT active AND NOT temporary "
      "AND database = pg_catalog.current_database() AND pg_catalog.starts_with(slot_name, {})",
      model::SqlLiteral(prefix));
  Result<QueryResult> idle = connection.Execute(sql);
  if (!idle) return std::unexpected(std::move(idle.error()));
  std::vector<std::string> dropped;
  for (int row = 0; row < idle->rows(); ++row) {
    std::string name(idle->Text(row, 0));
    if (auto ok = DropSlot(connection, name, {}); ok) {
      dropped.push_back(std::move(name));
    } else if (ok.error().sqlstate != "55006") {  // its reader has come back
      return std::unexpected(std::move(ok.error()));
    }
  }
  return dropped;
}

}  // namespace lockstep::postgres
