#include "postgres/plugin_probe.h"

#include <fmt/format.h>

#include <utility>

#include "model/relation.h"

namespace lockstep::postgres {

using model::Fail;
using model::Result;

Result<bool> KnowsOption(Connection& connection, const std::string& slot, std::string_view option) {
  // invalid_parameter_value: what a plugin says to an option it does not know.
  constexpr std::string_view kUnknownOption = "22023";
  auto peeked = connection.Execute(
      fmt::format("SELECT FROM pg_catalog.pg_logical_slot_peek_changes({}, NULL, 1, {}, 'true')",
                  model::SqlLiteral(slot), model::SqlLiteral(std::string(option))));
  if (peeked) return true;
  if (peeked.error().sqlstate == kUnknownOption) return false;
  return std::unexpected(std::move(peeked.error()));
}

Result<model::PluginVersion> VersionOfPlugin(Connection& connection, const std::string& slot,
                                             const model::OutputPlugin& plugin) {
  model::PluginVersion version{.server = connection.server_version()};
  if (plugin.probed_option.empty()) return version;
  auto known = KnowsOption(connection, slot, plugin.probed_option);
  if (!known) return std::unexpected(std::move(known.error()));
  version.wal2json_numbers_as_strings = *known;
  return version;
}

Result<model::PluginVersion> ProbePlugin(const std::string& conninfo, std::string_view plugin_name,
                                         const MakeProbeSlot& make_slot) {
  const model::OutputPlugin* plugin = model::FindOutputPlugin(plugin_name);
  if (!plugin) {
    return Fail(model::ErrorKind::kUsage,
                fmt::format("there is no decoder for the output plugin \"{}\"; there is one for "
                            "each of {}",
                            plugin_name, model::OutputPluginNames()));
  }
  auto connection = Connection::Open(conninfo, ConnectionKind::kReplication,
                                     {.application_name = "lockstep probe"});
  if (!connection) return std::unexpected(std::move(connection.error()));
  if (plugin->probed_option.empty()) return VersionOfPlugin(*connection, "", *plugin);

  const std::string slot = fmt::format("lockstep_probe_{}", connection->backend_pid());
  const auto probe = [&]() -> Result<model::PluginVersion> {
    auto created = make_slot(*connection, {.name = slot,
                                           .plugin = std::string(plugin->library),
                                           .temporary = true,
                                           .export_snapshot = false});
    if (!created) return std::unexpected(std::move(created.error()));
    auto version = VersionOfPlugin(*connection, slot, *plugin);
    if (!version) return version;
    // It would go with the connection, but a moment later.
    if (auto dropped = DropSlot(*connection, slot); !dropped)
      return std::unexpected(std::move(dropped.error()));
    return version;
  };
  auto version = probe();
  if (version) return version;
  return Fail(fmt::format("probing the output plugin {}", plugin->name),
              std::move(version.error()));
}

}  // namespace lockstep::postgres
