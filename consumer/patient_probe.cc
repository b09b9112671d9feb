#include "consumer/patient_probe.h"

#include <utility>

#include "consumer/patient_slot.h"
#include "postgres/connection.h"
#include "postgres/plugin_probe.h"
#include "postgres/slot.h"

namespace lockstep::consumer {

using model::Result;
using postgres::Connection;

Result<model::PluginVersion> ProbePluginPatiently(const std::string& conninfo,
                                                  std::string_view plugin_name,
                                                  AttachPatience& patience) {
  const auto make_slot =
      [&](Connection& replication,
          const postgres::CreateSlotOptions& options) -> Result<postgres::CreatedSlot> {
    auto observer = Connection::Open(conninfo, postgres::ConnectionKind::kSql,
                                     {.application_name = "lockstep probe"});
    if (!observer) return std::unexpected(std::move(observer.error()));
    return CreateSlotPatiently(replication, *observer, options, patience);
  };
  return postgres::ProbePlugin(conninfo, plugin_name, make_slot);
}

}  // namespace lockstep::consumer
