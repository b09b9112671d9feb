#include "postgres/plugin_probe.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <utility>

#include "postgres/connection.h"
#include "postgres/replication_stream.h"
#include "postgres/slot.h"

namespace lockstep::postgres {
namespace {

using model::Fail;
using model::Result;

ConnectionOptions Named() { return {.application_name = "lockstep probe"}; }

// A walsender that has nothing to send ends its stream at once.
constexpr std::chrono::seconds kPatience{5};
// invalid_parameter_value: what a plugin says to an option it does not know.
constexpr std::string_view kUnknownOption = "22023";

// Starts the slot with the option, and gives the connection back where there still is one.
Result<bool> TryOption(Connection connection, const std::string& slot, std::string_view option,
                       std::optional<Connection>& left) {
  auto stream = ReplicationStream::Start(std::move(connection), slot, model::Lsn{},
                                         {{std::string(option), "true"}});
  if (stream) {
    if (auto back = std::move(*stream).Finish(kPatience)) left = std::move(*back);
    return true;
  }
  if (stream.error().sqlstate == kUnknownOption) return false;
  return std::unexpected(std::move(stream.error()));
}

}  // namespace

Result<bool> KnowsOption(const std::string& conninfo, std::string_view library,
                         std::string_view option) {
  auto connection = Connection::Open(conninfo, ConnectionKind::kReplication, Named());
  if (!connection) return std::unexpected(std::move(connection.error()));
  const std::string slot = fmt::format("lockstep_probe_{}", connection->backend_pid());
  auto created = CreateSlot(
      *connection,
      {.name = slot, .plugin = std::string(library), .temporary = true, .export_snapshot = false});
  if (!created) return std::unexpected(std::move(created.error()));
  std::optional<Connection> left;
  auto known = TryOption(std::move(*connection), slot, option, left);
  // The slot goes with its connection, but a moment later than this returns.
  if (!left) {
    auto again = Connection::Open(conninfo, ConnectionKind::kSql, Named());
    if (!again) return std::unexpected(std::move(again.error()));
    left = std::move(*again);
  }
  if (auto dropped = DropSlot(*left, slot); !dropped)
    return std::unexpected(std::move(dropped.error()));
  return known;
}

Result<model::PluginVersion> ProbePlugin(const std::string& conninfo,
                                         std::string_view plugin_name) {
  const model::OutputPlugin* plugin = model::FindOutputPlugin(plugin_name);
  if (!plugin) {
    return Fail(model::ErrorKind::kUsage,
                fmt::format("there is no decoder for the output plugin \"{}\"; there is one for "
                            "each of {}",
                            plugin_name, model::OutputPluginNames()));
  }
  model::PluginVersion version;
  {
    auto connection = Connection::Open(conninfo, ConnectionKind::kSql, Named());
    if (!connection) return std::unexpected(std::move(connection.error()));
    version.server = connection->server_version();
  }
  if (plugin->probed_option.empty()) return version;
  auto known = KnowsOption(conninfo, plugin->library, plugin->probed_option);
  if (!known) {
    return Fail(fmt::format("probing the output plugin {}", plugin->name),
                std::move(known.error()));
  }
  version.wal2json_numbers_as_strings = *known;
  return version;
}

}  // namespace lockstep::postgres
