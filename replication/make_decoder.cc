#include "replication/make_decoder.h"

#include <fmt/format.h>

#include <utility>

#include "model/relation.h"
#include "replication/decoderbufs_decoder.h"
#include "replication/pgoutput_decoder.h"
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

constexpr int kPostgres14 = 140000;

bool IsPgoutput(const PluginChoice& plugin) {
  return plugin.name == "pgoutput" || plugin.name == "pgoutput-binary";
}

Options PgoutputOptions(const PluginChoice& plugin) {
  // The plugin reads the names as a list of SQL identifiers.
  std::string names;
  for (const std::string& publication : plugin.publications)
    names += (names.empty() ? "" : ", ") + model::SqlIdentifier(publication);
  Options options = {{"proto_version", "1"}, {"publication_names", std::move(names)}};
  if (plugin.version.server >= kPostgres14) options.emplace_back("messages", "true");
  if (plugin.name == "pgoutput-binary") options.emplace_back("binary", "true");
  return options;
}

}  // namespace

model::Result<std::unique_ptr<Decoder>> MakeDecoder(const PluginChoice& plugin,
                                                    RelationMap relations) {
  if (plugin.name == "decoderbufs") return MakeDecoderbufsDecoder(std::move(relations));
  if (plugin.name == "wal2json") return MakeWal2jsonDecoder(std::move(relations));
  if (IsPgoutput(plugin)) {
    if (plugin.publications.empty()) {
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

bool SendsPublications(const PluginChoice& plugin) {
  const model::OutputPlugin* known = model::FindOutputPlugin(plugin.name);
  return known != nullptr && known->sends_publications;
}

std::vector<std::pair<std::string, std::string>> StreamOptions(const PluginChoice& plugin) {
  if (plugin.name == "wal2json") return Wal2jsonOptions(plugin.version);
  if (IsPgoutput(plugin)) return PgoutputOptions(plugin);
  return {};
}

}  // namespace lockstep::replication
