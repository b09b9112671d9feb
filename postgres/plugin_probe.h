// What version of an output plugin a server has. No SQL tells it: an option that only the newer one
// knows is tried on a temporary slot.
#ifndef LOCKSTEP_POSTGRES_PLUGIN_PROBE_H_
#define LOCKSTEP_POSTGRES_PLUGIN_PROBE_H_

#include <string>
#include <string_view>

#include "model/error.h"
#include "model/output_plugin.h"

namespace lockstep::postgres {

// What model::LossesOf and the decoder depend on. `plugin_name` is one of model::OutputPlugins();
// kUsage otherwise. Takes one connection, and where model::OutputPlugin::probed_option is set also
// a slot, as KnowsOption.
model::Result<model::PluginVersion> ProbePlugin(const std::string& conninfo,
                                                std::string_view plugin_name);

// Whether the library takes `option` (with the value "true"). Makes a temporary slot and ends it
// before it returns; making it waits as CreateSlot does. Errors of connection and slot as there.
model::Result<bool> KnowsOption(const std::string& conninfo, std::string_view library,
                                std::string_view option);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_PLUGIN_PROBE_H_
