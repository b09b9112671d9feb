#include "launcher/audit_objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

#include "launcher/source.h"
#include "model/log_schemas.h"
#include "model/output_plugin.h"
#include "postgres/connection.h"
#include "postgres/ddl_log.h"
#include "postgres/publication.h"
#include "postgres/slot.h"
#include "postgres/truncation_trigger.h"

namespace lockstep::launcher {
namespace {

using model::Result;
using postgres::Connection;

// The first column of all rows.
Result<std::vector<std::string>> Texts(Connection& sql, const std::string& query,
                                       const std::string& parameter) {
  const std::optional<std::string_view> parameters[] = {parameter};
  auto result = sql.Execute(query, parameters);
  if (!result) return std::unexpected(result.error());
  std::vector<std::string> texts;
  for (int row = 0; row < result->rows(); ++row) texts.emplace_back(result->Text(row, 0));
  return texts;
}

Result<void> DropPublications(Connection& sql, const std::string& prefix) {
  auto names = Texts(sql,
                     "SELECT pubname FROM pg_catalog.pg_publication "
                     "WHERE pg_catalog.starts_with(pubname::pg_catalog.text, $1)",
                     prefix);
  if (!names) return std::unexpected(names.error());
  Result<void> result;
  for (const std::string& name : *names) {
    auto dropped = postgres::DropPublication(sql, name);
    if (!dropped && result) result = dropped;
  }
  return result;
}

bool NeedsTruncationLog(const AuditOptions& options) {
  return std::ranges::any_of(options.Plugins(), [](const std::string& plugin) {
    return model::LossesOf(plugin, {}).Has(model::Loss::kTruncate);
  });
}

}  // namespace

std::string AuditNames::slot(const std::string& plugin) const {
  std::string slot = name + "_" + plugin;
  std::ranges::replace(slot, '-', '_');
  return slot;
}

std::string AuditNames::truncation_log() const { return model::TruncationLogSchema(name); }

std::string AuditNames::ddl_log() const { return model::DdlLogSchema(name); }

std::vector<std::string> DescribeAuditObjects(const AuditOptions& options,
                                              const AuditNames& names) {
  std::vector<std::string> objects;
  for (const std::string& plugin : options.Plugins()) {
    const std::string slot = names.slot(plugin);
    objects.push_back(fmt::format(
        "replication slot {0}, and for each comparison a temporary one ({0}_check1, ...)", slot));
    if (model::FindOutputPlugin(plugin)->sends_publications && options.publication.empty())
      objects.push_back(
          fmt::format("publications {0} and {0}_inserts; until they are gone, the server refuses "
                      "ALTER TABLE ... SET UNLOGGED of the tables in the first",
                      slot));
  }
  if (options.install_triggers && NeedsTruncationLog(options)) {
    objects.push_back(fmt::format(
        "schema {0} with a log of truncations and a function, and a trigger of that name on each "
        "table",
        names.truncation_log()));
  }
  if (options.install_triggers) {
    objects.push_back(
        fmt::format("schema {0} with a log of schema changes and its functions, and the event "
                    "triggers {0}_end, {0}_rewrite and {0}_drop",
                    names.ddl_log()));
  }
  return objects;
}

Result<void> CheckTriggers(Connection& connection, const AuditOptions& options) {
  if (!options.install_triggers || !NeedsTruncationLog(options)) return {};
  auto names = postgres::PublicationsOfAllTables(connection);
  if (!names) return std::unexpected(names.error());
  if (names->empty()) return {};
  return model::Fail(
      model::ErrorKind::kUsage,
      fmt::format("--install-triggers: publication {} is FOR ALL TABLES, and would send the log "
                  "that makes TRUNCATE visible on decoderbufs to its subscribers, which stop for a "
                  "table that they do not have; leave out --install-triggers or decoderbufs",
                  names->front()));
}

Result<void> RemoveAuditObjects(const std::string& uri, const AuditOptions& options,
                                const AuditNames& names) {
  // Slots first: a reader that is still there wants its publications.
  Result<void> result = RemoveLeftovers(uri, names.name);
  auto sql = Connection::Open(uri, postgres::ConnectionKind::kSql);
  if (!sql) return result ? std::unexpected(sql.error()) : result;
  auto dropped = DropPublications(*sql, names.name);
  if (!dropped && result) result = dropped;
  if (!options.install_triggers) return result;
  for (auto removed : {postgres::RemoveDdlLog(*sql, names.ddl_log()),
                       postgres::RemoveTruncationTriggers(*sql, names.truncation_log())}) {
    if (!removed && result) result = removed;
  }
  return result;
}

Result<void> RemoveAuditorObjects(const std::string& uri, const AuditOptions& options,
                                  const std::string& slot) {
  // Of the server, to see that its client is gone.
  constexpr std::chrono::seconds kPatience{2};
  auto sql = Connection::Open(uri, postgres::ConnectionKind::kSql);
  if (!sql) return std::unexpected(sql.error());
  if (auto dropped = postgres::DropSlot(*sql, slot, kPatience); !dropped) return dropped;
  if (!options.publication.empty()) return {};
  return postgres::DropScopePublications(*sql, slot);
}

}  // namespace lockstep::launcher
