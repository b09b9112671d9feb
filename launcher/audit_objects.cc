#include "launcher/audit_objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "launcher/source.h"
#include "model/output_plugin.h"
#include "model/relation.h"
#include "model/truncation_log.h"
#include "postgres/connection.h"
#include "postgres/publication.h"
#include "postgres/relation_reader.h"
#include "postgres/truncation_trigger.h"

namespace lockstep::launcher {
namespace {

using model::Result;
using postgres::Connection;

bool WantsPublication(const AuditOptions& options) {
  return std::ranges::any_of(options.Plugins(), [](const std::string& plugin) {
    return model::FindOutputPlugin(plugin)->library == "pgoutput";
  });
}

}  // namespace

std::string AuditNames::slot(const std::string& plugin) const {
  std::string slot = name + "_" + plugin;
  std::ranges::replace(slot, '-', '_');
  return slot;
}

std::vector<std::string> DescribeAuditObjects(const AuditOptions& options,
                                              const AuditNames& names) {
  std::vector<std::string> objects;
  for (const std::string& plugin : options.Plugins()) {
    objects.push_back(
        fmt::format("replication slot {0}, and for each comparison a temporary one "
                    "({0}_check)",
                    names.slot(plugin)));
  }
  if (WantsPublication(options)) {
    objects.push_back(
        fmt::format("publication {} of the tables of schema {}", names.name, options.schema));
  }
  if (options.install_triggers) {
    objects.push_back(
        fmt::format("table {0}.{1}, a function and a trigger on each table of that "
                    "name",
                    model::QuoteIfNeeded(options.schema), model::kTruncationLog));
  }
  return objects;
}

Result<void> MakeAuditObjects(const std::string& uri, const AuditOptions& options,
                              const AuditNames& names) {
  if (!WantsPublication(options)) return {};
  auto sql = Connection::Open(uri, postgres::ConnectionKind::kSql);
  if (!sql) return std::unexpected(sql.error());
  auto relations = postgres::ReadSchema(*sql, options.schema);
  if (!relations) return std::unexpected(relations.error());
  std::vector<postgres::TableName> tables;
  for (const model::RelationPtr& relation : *relations)
    tables.push_back({relation->schema, relation->name});
  if (tables.empty()) {
    return model::Fail(model::ErrorKind::kUsage,
                       fmt::format("schema {} has no tables to audit", options.schema));
  }
  return postgres::CreatePublication(*sql, names.name, tables);
}

Result<void> RemoveAuditObjects(const std::string& uri, const AuditOptions& options,
                                const AuditNames& names) {
  Result<void> result = RemoveLeftovers(uri, names.name);
  if (!options.install_triggers) return result;
  auto sql = Connection::Open(uri, postgres::ConnectionKind::kSql);
  if (!sql) return std::unexpected(sql.error());
  auto removed = postgres::RemoveTruncationTriggers(*sql, options.schema);
  return result ? removed : result;
}

}  // namespace lockstep::launcher
