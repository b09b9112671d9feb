#include "replication/make_decoder.h"

#include <fmt/format.h>

#include <utility>

#include "model/relation.h"
#include "replication/decoderbufs_decoder.h"
#include "replication/pgoutput_decoder.h"

namespace lockstep::replication {
namespace {

constexpr int kPostgres14 = 140000;

bool IsPgoutput(const PluginChoice& plugin) {
  return plugin.name == "pgoutput" || plugin.name == "pgoutput-binary";
}

}  // namespace

model::Result<std::unique_ptr<Decoder>> MakeDecoder(const PluginChoice& plugin,
                                                    RelationMap relations) {
  if (plugin.name == "decoderbufs") return MakeDecoderbufsDecoder(std::move(relations));
  if (IsPgoutput(plugin)) {
    if (plugin.publication.empty()) {
      return model::Fail(model::ErrorKind::kUsage,
                         fmt::format("{} sends the tables of a publication, and none is named; "
                                     "name one that exists",
                                     plugin.name));
    }
    return MakePgoutputDecoder(std::move(relations));
  }
  return model::Fail(model::ErrorKind::kUsage,
                     fmt::format("there is no decoder for the output plugin \"{}\"; there is one "
                                 "for each of {}",
                                 plugin.name, model::OutputPluginNames()));
}

bool NeedsTypes(const PluginChoice& plugin) { return IsPgoutput(plugin); }

std::vector<std::pair<std::string, std::string>> StreamOptions(const PluginChoice& plugin) {
  std::vector<std::pair<std::string, std::string>> options;
  if (IsPgoutput(plugin)) {
    // The plugin reads the names as a list of SQL identifiers.
    options = {{"proto_version", "1"},
               {"publication_names", model::SqlIdentifier(plugin.publication)}};
    if (plugin.version.server >= kPostgres14) options.emplace_back("messages", "true");
    if (plugin.name == "pgoutput-binary") options.emplace_back("binary", "true");
  }
  return options;
}

}  // namespace lockstep::replication
