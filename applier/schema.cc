#include "applier/schema.h"

#include <fmt/format.h>

#include <string>

#include "applier/statements.h"
#include "model/relation.h"
#include "postgres/truncation_trigger.h"

namespace lockstep::applier {

namespace {

using model::SqlIdentifier;

// A TRUNCATE shows itself to every plugin. The log that it makes is no table of the run: it is not
// published.
std::string TruncationTriggersSql(const model::Catalog& catalog, int server_version) {
  std::string sql = postgres::TruncationLogSql(catalog.schema);
  for (const model::RelationPtr& relation : catalog.tables) {
    sql += postgres::TruncationTriggerSql(catalog.schema, {relation->schema, relation->name},
                                          server_version);
  }
  return sql;
}

}  // namespace

model::Result<void> CreateSchema(postgres::Connection& connection, const model::Catalog& catalog,
                                 TruncationTriggers triggers) {
  const std::string schema = SqlIdentifier(catalog.schema);
  // One simple query is one transaction, and leaves no failed one behind.
  // Tables name the run's types without schema (model::Column::type_name).
  std::string sql = fmt::format(
      "CREATE SCHEMA {0};\nSET LOCAL search_path = pg_catalog, {0}, pg_temp;\n", schema);
  for (const model::UserType& type : catalog.types)
    sql += CreateTypeSql(catalog.schema, type) + ";\n";
  std::string tables;
  for (const model::RelationPtr& relation : catalog.tables) {
    sql += CreateTableSql(*relation) + ";\n";
    tables +=
        fmt::format("{}{}.{}", tables.empty() ? "" : ", ", schema, SqlIdentifier(relation->name));
  }
  sql += fmt::format("INSERT INTO {}.{} SELECT n, 0 FROM pg_catalog.generate_series(1, {}) n;\n",
                     schema, SqlIdentifier(catalog.tables[model::kSessionTable]->name),
                     catalog.sessions);
  if (triggers == TruncationTriggers::kMake)
    sql += TruncationTriggersSql(catalog, connection.server_version());
  sql += fmt::format("CREATE PUBLICATION {} FOR TABLE {}", schema, tables);
  constexpr int kPublishesGeneratedColumns = 180000;
  if (connection.server_version() >= kPublishesGeneratedColumns)
    sql += " WITH (publish_generated_columns = stored)";
  auto created = connection.Execute(sql);
  if (!created)
    return model::Fail(fmt::format("creating the schema {}", catalog.schema),
                       std::move(created.error()));
  return {};
}

model::Result<void> DropSchema(postgres::Connection& connection, const model::Catalog& catalog) {
  const std::string schema = SqlIdentifier(catalog.schema);
  // A reader that is still leaving holds its locks for a moment.
  auto dropped =
      connection.Execute(fmt::format("SET lock_timeout = '10s'; SET client_min_messages = warning; "
                                     "DROP PUBLICATION IF EXISTS {0}; "
                                     "DROP SCHEMA IF EXISTS {0} CASCADE",
                                     schema));
  if (!dropped)
    return model::Fail(fmt::format("dropping the schema {}", catalog.schema),
                       std::move(dropped.error()));
  return {};
}

}  // namespace lockstep::applier
