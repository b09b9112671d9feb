// What version of an output plugin a server has. No SQL tells it: an option that only the newer one
// knows is tried on a temporary slot.
#ifndef LOCKSTEP_POSTGRES_PLUGIN_PROBE_H_
#define LOCKSTEP_POSTGRES_PLUGIN_PROBE_H_

#include <functional>
#include <string>
#include <string_view>

#include "model/error.h"
#include "model/output_plugin.h"
#include "postgres/connection.h"
#include "postgres/slot.h"

namespace lockstep::postgres {

// Makes the slot of a probe, as CreateSlot.
using MakeProbeSlot =
    std::function<model::Result<CreatedSlot>(Connection& replication, const CreateSlotOptions&)>;

// What model::LossesOf and the decoder depend on. `plugin_name` is one of model::OutputPlugins();
// kUsage otherwise. Takes one connection, and where model::OutputPlugin::probed_option is set also
// a temporary slot, which is gone when this returns. Making it waits for open transactions: who has
// more to say or to do meanwhile than CreateSlot gives `make_slot` (consumer/patient_probe.h).
model::Result<model::PluginVersion> ProbePlugin(const std::string& conninfo,
                                                std::string_view plugin_name,
                                                const MakeProbeSlot& make_slot = CreateSlot);

// The same on a slot of the plugin that is there already, temporary or not. On either kind of
// connection; nothing is consumed.
model::Result<model::PluginVersion> VersionOfPlugin(Connection& connection, const std::string& slot,
                                                    const model::OutputPlugin& plugin);

// Whether the slot's plugin takes `option` (with the value "true").
model::Result<bool> KnowsOption(Connection& connection, const std::string& slot,
                                std::string_view option);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_PLUGIN_PROBE_H_
