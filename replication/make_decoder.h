// The one place that knows which output plugins there are decoders for, and how the server is asked
// to send what a decoder reads.
#ifndef LOCKSTEP_REPLICATION_MAKE_DECODER_H_
#define LOCKSTEP_REPLICATION_MAKE_DECODER_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/error.h"
#include "model/output_plugin.h"
#include "replication/decoder.h"
#include "replication/relation_map.h"

namespace lockstep::replication {

// How a plugin is followed.
struct PluginChoice {
  std::string name;  // one of model::OutputPlugins()
  model::PluginVersion version = {};
  // For pgoutput: one, or more, whose tables are sent.
  std::vector<std::string> publications = {};
};

// A decoder of what the plugin sends when asked with StreamOptions. kUsage for a plugin there is
// none for.
model::Result<std::unique_ptr<Decoder>> MakeDecoder(const PluginChoice& plugin,
                                                    RelationMap relations);

// Whether the decoder wants to know the database's types (RelationMap).
bool NeedsTypes(const PluginChoice& plugin);

// Whether it sends the tables of publications only.
bool SendsPublications(const PluginChoice& plugin);

// The options of START_REPLICATION, by name.
std::vector<std::pair<std::string, std::string>> StreamOptions(const PluginChoice& plugin);

}  // namespace lockstep::replication

#endif  // LOCKSTEP_REPLICATION_MAKE_DECODER_H_
