// Finds out a plugin's version on a server that is at work.
#ifndef LOCKSTEP_CONSUMER_PATIENT_PROBE_H_
#define LOCKSTEP_CONSUMER_PATIENT_PROBE_H_

#include <string>
#include <string_view>

#include "consumer/attach_patience.h"
#include "model/error.h"
#include "model/output_plugin.h"

namespace lockstep::consumer {

// As postgres::ProbePlugin, whose slot waits for open transactions as that of an attach does:
// again and again, and telling whom it waits for (patient_slot.h).
model::Result<model::PluginVersion> ProbePluginPatiently(const std::string& conninfo,
                                                         std::string_view plugin_name,
                                                         AttachPatience& patience);

}  // namespace lockstep::consumer

#endif  // LOCKSTEP_CONSUMER_PATIENT_PROBE_H_
