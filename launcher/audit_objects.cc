#include "launcher/audit_objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

#include "launcher/source.h"
#include "model/ddl_log.h"
#include "model/output_plugin.h"
#include "model/relation.h"
#include "model/truncation_log.h"
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
  auto names = Texts(
      sql,
      "SELECT pubname FROM pg_catalog.pg_publication WHERE pg_catalog.starts_with(pubname, $1)",
      prefix);
  if (!names) return std::unexpected(names.error());
  Result<void> result;
  for (const std::string& name : *names) {
    auto dropped = postgres::DropPublication(sql, name);
    if (!dropped && result) result = dropped;
  }
  return result;
}

Result<void> RemoveTriggers(Connection& sql, const std::vector<std::string>& kept) {
  auto schemas = ReadTriggerSchemas(sql);
  if (!schemas) return std::unexpected(schemas.error());
  Result<void> result;
  for (const std::string& schema : *schemas) {
    if (std::ranges::find(kept, schema) != kept.end()) continue;
    auto removed = postgres::RemoveTruncationTriggers(sql, schema);
    if (!removed && result) result = removed;
  }
  return result;
}

}  // namespace

Result<std::vector<std::string>> ReadTriggerSchemas(Connection& connection) {
  return Texts(connection,
               "SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
               "ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND c.relname = $1",
               std::string(model::kTruncationLog));
}

std::string AuditNames::slot(const std::string& plugin) const {
  std::string slot = name + "_" + plugin;
  std::ranges::replace(slot, '-', '_');
  return slot;
}

std::vector<std::string> DescribeAuditObjects(const AuditOptions& options,
                                              const AuditNames& names) {
  std::vector<std::string> objects;
  for (const std::string& plugin : options.Plugins()) {
    const std::string slot = names.slot(plugin);
    objects.push_back(fmt::format(
        "replication slot {0}, and for each comparison a temporary one ({0}_check1, ...)", slot));
    if (model::FindOutputPlugin(plugin)->sends_publications && options.publication.empty())
      objects.push_back(fmt::format("publications {0} and {0}_inserts", slot));
  }
  if (options.install_triggers) {
    objects.push_back(
        fmt::format("table {0} in each schema with tables, a function and triggers "
                    "of that name",
                    model::kTruncationLog));
    objects.push_back(
        fmt::format("schema {0} with a log of schema changes and its functions, and the event "
                    "triggers {0}_end, {0}_rewrite and {0}_drop",
                    model::kDdlLogSchema));
  }
  return objects;
}

Result<void> RemoveAuditObjects(const std::string& uri, const AuditOptions& options,
                                const AuditNames& names, const std::vector<std::string>& kept,
                                bool has_ddl_log) {
  // Slots first: a reader that is still there wants its publications.
  Result<void> result = RemoveLeftovers(uri, names.name);
  auto sql = Connection::Open(uri, postgres::ConnectionKind::kSql);
  if (!sql) return result ? std::unexpected(sql.error()) : result;
  auto dropped = DropPublications(*sql, names.name);
  if (!dropped && result) result = dropped;
  if (has_ddl_log) {
    auto gone = postgres::RemoveDdlLog(*sql);
    if (!gone && result) result = gone;
  }
  if (!options.install_triggers) return result;
  auto removed = RemoveTriggers(*sql, kept);
  return result ? removed : result;
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
