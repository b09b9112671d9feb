#include "listener/leftover_slot.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <string_view>
#include <utility>

#include "model/lsn.h"
#include "postgres/connection.h"
#include "postgres/slot.h"

namespace lockstep::listener {

using model::Result;

Result<void> DropLeftoverSlot(const std::string& conninfo, const std::string& listener,
                              const std::string& slot) {
  constexpr std::string_view kInUse = "55006";  // object_in_use
  auto connection = postgres::Connection::Open(conninfo, postgres::ConnectionKind::kSql);
  if (!connection) return std::unexpected(std::move(connection.error()));
  auto found = postgres::InspectSlot(*connection, slot);
  if (!found) return std::unexpected(std::move(found.error()));
  if (!*found) return {};
  spdlog::warn("{}: drops slot {}, which an earlier {} has left behind at {}", listener, slot,
               listener, ToString((*found)->confirmed_flush_lsn));
  auto dropped = postgres::DropSlot(*connection, slot);
  if (dropped || dropped.error().sqlstate != kInUse) return dropped;
  return model::Fail(
      model::ErrorKind::kUsage,
      fmt::format("slot {} is in use: another {} follows this run; give this one another --id, or "
                  "stop the other (server process {})",
                  slot, listener, (*found)->active_pid));
}

Result<bool> SlotExists(const std::string& conninfo, const std::string& slot) {
  auto connection = postgres::Connection::Open(conninfo, postgres::ConnectionKind::kSql);
  if (!connection) return std::unexpected(std::move(connection.error()));
  auto found = postgres::InspectSlot(*connection, slot);
  if (!found) return std::unexpected(std::move(found.error()));
  return found->has_value();
}

}  // namespace lockstep::listener
