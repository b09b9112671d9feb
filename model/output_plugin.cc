#include "model/output_plugin.h"

#include <algorithm>
#include <array>

namespace lockstep::model {
namespace {

constexpr int kPostgres14 = 140000;
constexpr int kPostgres18 = 180000;

struct Entry {
  OutputPlugin plugin;
  LossSet (*losses)(const PluginVersion&);
};

LossSet DecoderbufsLosses(const PluginVersion&) {
  return {Loss::kTruncate, Loss::kMessage, Loss::kTimeZone, Loss::kTimestampEnd, Loss::kNoIdentity};
}

LossSet Wal2jsonLosses(const PluginVersion& version) {
  LossSet losses = {Loss::kNoIdentity};
  if (!version.wal2json_numbers_as_strings) losses.Add(Loss::kNonFinite);
  return losses;
}

// Without an identity the source's own UPDATE fails: nothing is lost.
LossSet PgoutputLosses(const PluginVersion& version) {
  LossSet losses;
  if (version.server < kPostgres14) losses.Add(Loss::kMessage);
  if (version.server < kPostgres18) losses.Add(Loss::kGeneratedColumn);
  return losses;
}

LossSet PgoutputBinaryLosses(const PluginVersion& version) {
  LossSet losses = PgoutputLosses(version);
  losses.Add(Loss::kBinaryForm);
  return losses;
}

// A fourth plugin is one more line.
constexpr std::array<Entry, 4> kTable = {{
    {{"decoderbufs", "decoderbufs"}, DecoderbufsLosses},
    {{"wal2json", "wal2json", "numeric-data-types-as-string"}, Wal2jsonLosses},
    {{"pgoutput", "pgoutput", {}, true, true}, PgoutputLosses},
    {{"pgoutput-binary", "pgoutput", {}, true, true, kPostgres14}, PgoutputBinaryLosses},
}};

constexpr std::array<OutputPlugin, kTable.size()> kPlugins = [] {
  std::array<OutputPlugin, kTable.size()> plugins;
  std::ranges::transform(kTable, plugins.begin(), &Entry::plugin);
  return plugins;
}();

}  // namespace

std::string_view ToString(Loss loss) {
  switch (loss) {
    case Loss::kTruncate:
      return "truncate";
    case Loss::kMessage:
      return "logical_message";
    case Loss::kTimeZone:
      return "time_zone";
    case Loss::kTimestampEnd:
      return "timestamp_end";
    case Loss::kNonFinite:
      return "non_finite";
    case Loss::kGeneratedColumn:
      return "generated_column";
    case Loss::kNoIdentity:
      return "no_identity";
    case Loss::kBinaryForm:
      return "binary_form";
  }
  __builtin_unreachable();
}

std::string_view Explain(Loss loss) {
  switch (loss) {
    case Loss::kTruncate:
      return "TRUNCATE is not sent; a statement trigger that writes to lockstep_truncation makes "
             "it visible (--install-triggers)";
    case Loss::kMessage:
      return "messages of pg_logical_emit_message are not sent";
    case Loss::kTimeZone:
      return "time with time zone arrives as the same moment in UTC, its zone is lost; use "
             "timestamptz, or another plugin";
    case Loss::kTimestampEnd:
      return "the timestamps 294247-01-10 04:00:54.775807 and .775808 arrive as infinity and "
             "-infinity";
    case Loss::kNonFinite:
      return "NaN, Infinity and -Infinity of numeric, real and double precision columns arrive as "
             "null; wal2json 2.6 sends them";
    case Loss::kGeneratedColumn:
      return "stored generated columns are left out; PostgreSQL 18 can publish them";
    case Loss::kNoIdentity:
      return "UPDATE and DELETE of a table with REPLICA IDENTITY NOTHING arrive without a row or "
             "not "
             "at all; give it a primary key or REPLICA IDENTITY FULL";
    case Loss::kBinaryForm:
      return "columns whose binary form is not read (docs/standard-form.md lists those that are) "
             "end the following with an error; use pgoutput as text";
  }
  __builtin_unreachable();
}

std::span<const OutputPlugin> OutputPlugins() { return kPlugins; }

const OutputPlugin* FindOutputPlugin(std::string_view name) {
  const auto it = std::ranges::find(kPlugins, name, &OutputPlugin::name);
  return it == kPlugins.end() ? nullptr : it;
}

std::string_view OutputPluginNames() { return "decoderbufs, wal2json, pgoutput, pgoutput-binary"; }

LossSet LossesOf(std::string_view name, const PluginVersion& version) {
  const auto it =
      std::ranges::find(kTable, name, [](const Entry& entry) { return entry.plugin.name; });
  return it == kTable.end() ? LossSet() : it->losses(version);
}

}  // namespace lockstep::model
