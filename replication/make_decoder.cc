#include "replication/make_decoder.h"

#include <fmt/format.h>

#include <utility>

#include "replication/decoderbufs_decoder.h"

namespace lockstep::replication {

model::Result<std::unique_ptr<Decoder>> MakeDecoder(const PluginChoice& plugin,
                                                    RelationMap relations) {
  if (plugin.name == "decoderbufs") return MakeDecoderbufsDecoder(std::move(relations));
  return model::Fail(model::ErrorKind::kUsage,
                     fmt::format("there is no decoder for the output plugin \"{}\"; there is one "
                                 "for each of {}",
                                 plugin.name, model::OutputPluginNames()));
}

std::vector<std::pair<std::string, std::string>> StreamOptions(const PluginChoice&) { return {}; }

}  // namespace lockstep::replication
