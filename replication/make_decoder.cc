#include "replication/make_decoder.h"

#include <fmt/format.h>

#include <utility>

#include "replication/decoderbufs_decoder.h"
#include "replication/wal2json_decoder.h"

namespace lockstep::replication {

namespace {

using Options = std::vector<std::pair<std::string, std::string>>;

// Only what the decoder reads: each more costs bytes with every message.
Options Wal2jsonOptions(const model::PluginVersion& version) {
  Options options = {{"format-version", "2"},
                     {"include-xids", "true"},
                     {"include-timestamp", "true"},
                     {"include-types", "false"},
                     {"include-type-oids", "true"}};
  if (version.wal2json_numbers_as_strings)
    options.emplace_back("numeric-data-types-as-string", "true");
  return options;
}

}  // namespace

model::Result<std::unique_ptr<Decoder>> MakeDecoder(const PluginChoice& plugin,
                                                    RelationMap relations) {
  if (plugin.name == "decoderbufs") return MakeDecoderbufsDecoder(std::move(relations));
  if (plugin.name == "wal2json") return MakeWal2jsonDecoder(std::move(relations));
  return model::Fail(model::ErrorKind::kUsage,
                     fmt::format("there is no decoder for the output plugin \"{}\"; there is one "
                                 "for each of {}",
                                 plugin.name, model::OutputPluginNames()));
}

std::vector<std::pair<std::string, std::string>> StreamOptions(const PluginChoice& plugin) {
  if (plugin.name == "wal2json") return Wal2jsonOptions(plugin.version);
  return {};
}

}  // namespace lockstep::replication
