#include "postgres/truncation_trigger.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "model/relation.h"
#include "model/truncation_log.h"
#include "postgres/table_reader.h"

namespace lockstep::postgres {
namespace {

using model::Fail;
using model::kTruncationLog;
using model::Result;
using model::SqlLiteral;

// From this version on there is CREATE OR REPLACE TRIGGER.
constexpr int kReplaceableTriggers = 140000;
constexpr std::chrono::seconds kRemovalTimeout{1};
constexpr int kRemovalAttempts = 10;
// Of listeners that make the same log at the same time.
constexpr const char* kLogMakersLock =
    "SELECT pg_advisory_xact_lock(hashtextextended('lockstep_truncation', 0));\n";

// Of the log table, the function and (without the schema) the triggers.
std::string LogName(const std::string& schema) {
  return model::SqlIdentifier(schema) + "." + std::string(kTruncationLog);
}

// For one transaction. Users of a table are waited for so long, and whoever comes meanwhile waits
// behind us.
std::string SetLockTimeout(std::chrono::milliseconds lock_timeout) {
  return fmt::format("SET LOCAL lock_timeout = {};\n", lock_timeout.count());
}

// A transaction of its own in one round trip with others: no lock is held while the next one is
// waited for, so that nobody's transaction ends in a deadlock.
std::string Alone(const std::string& statements, std::chrono::milliseconds lock_timeout) {
  return fmt::format("BEGIN;\n{}{}COMMIT;\n", SetLockTimeout(lock_timeout), statements);
}

// In one transaction, tried again while somebody is at work on the table.
Result<void> ExecutePatiently(Connection& connection, const std::string& statements) {
  for (int attempt = 1;; ++attempt) {
    auto done = connection.Execute(SetLockTimeout(kRemovalTimeout) + statements);
    if (done) return {};
    if (done.error().sqlstate != "55P03" || attempt == kRemovalAttempts)
      return std::unexpected(std::move(done.error()));
  }
}

// No such table or schema.
bool IsGone(const model::Error& error) {
  return error.sqlstate == "42P01" || error.sqlstate == "3F000";
}

// Quoted, with their schemas: those whose truncations are written to the log of this schema.
Result<std::vector<std::string>> ReadTriggeredTables(Connection& connection,
                                                     const std::string& schema) {
  auto result = connection.Execute(
      fmt::format("SELECT format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_trigger t "
                  "JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid "
                  "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
                  "JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid "
                  "JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace "
                  "WHERE pn.nspname = {0} AND p.proname = {1} AND t.tgname = {1} ORDER BY 1",
                  SqlLiteral(schema), SqlLiteral(std::string(kTruncationLog))));
  if (!result) return std::unexpected(std::move(result.error()));
  std::vector<std::string> tables;
  for (int row = 0; row < result->rows(); ++row) tables.emplace_back(result->Text(row, 0));
  return tables;
}

}  // namespace

std::string TruncationLogSql(const std::string& schema) {
  const std::string log = LogName(schema);
  const std::string body = fmt::format(
      "DECLARE written bigint; "
      "BEGIN INSERT INTO {0} ({2}) VALUES (TG_TABLE_NAME) RETURNING {1} INTO written; "
      "DELETE FROM {0} WHERE {1} = written; RETURN NULL; END",
      log, model::kTruncationLogId, model::kTruncationLogTable);
  // Everybody may read the log, as whoever follows the schema has to. Nobody else may make triggers
  // with the function: they would report truncations that never were.
  return fmt::format(
      "CREATE TABLE IF NOT EXISTS {0} ({1} bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
      "{2} text NOT NULL);\n"
      "GRANT SELECT ON {0} TO PUBLIC;\n"
      "CREATE OR REPLACE FUNCTION {0}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
      "SET search_path = pg_catalog, pg_temp AS {3};\n"
      "REVOKE ALL ON FUNCTION {0}() FROM PUBLIC;\n",
      log, model::kTruncationLogId, model::kTruncationLogTable, SqlLiteral(body));
}

std::string TruncationTriggerSql(const std::string& schema, const std::string& table,
                                 int server_version) {
  const std::string name = model::SqlIdentifier(schema) + "." + model::SqlIdentifier(table);
  const bool replace = server_version >= kReplaceableTriggers;
  std::string sql;
  if (!replace) sql = fmt::format("DROP TRIGGER IF EXISTS {} ON {};\n", kTruncationLog, name);
  // ALWAYS: also for what a subscription of this server applies.
  return sql + fmt::format(
                   "CREATE {2}TRIGGER {0} AFTER TRUNCATE ON {1} "
                   "FOR EACH STATEMENT EXECUTE FUNCTION {3}();\n"
                   "ALTER TABLE {1} ENABLE ALWAYS TRIGGER {0};\n",
                   kTruncationLog, name, replace ? "OR REPLACE " : "", LogName(schema));
}

std::string TruncationTriggerSql(const std::string& schema, const std::vector<std::string>& tables,
                                 int server_version) {
  std::string sql = TruncationLogSql(schema);
  for (const std::string& table : tables) {
    if (table != kTruncationLog) sql += TruncationTriggerSql(schema, table, server_version);
  }
  return sql;
}

Result<void> InstallTruncationTriggers(Connection& connection, const std::string& schema,
                                       const std::vector<std::string>& tables,
                                       std::chrono::milliseconds lock_timeout) {
  const std::string what = "installing truncation triggers in schema " + schema;
  auto have = ReadTruncationTriggers(connection, schema);
  if (!have) return Fail(what, std::move(have.error()));
  std::string sql = Alone(kLogMakersLock + TruncationLogSql(schema), lock_timeout);
  for (const std::string& table : tables) {
    if (table == kTruncationLog || std::ranges::binary_search(*have, table)) continue;
    sql += Alone(TruncationTriggerSql(schema, table, connection.server_version()), lock_timeout);
  }
  auto installed = connection.Execute(sql);
  if (installed) return {};
  model::Error error = std::move(installed.error());
  if (auto ended = connection.Execute("ROLLBACK"); !ended) return Fail(what, ended.error());
  if (error.sqlstate == "42501") {
    error.kind = model::ErrorKind::kUsage;
    error.message += "; the user must own the tables and have the right to CREATE in the schema";
  } else if (TellsOfChange(error)) {
    error.kind = model::ErrorKind::kMisfit;
  }
  return Fail(what, std::move(error));
}

Result<void> RemoveTruncationTriggers(Connection& connection, const std::string& schema) {
  const std::string what = "removing truncation triggers in schema " + schema;
  auto tables = ReadTriggeredTables(connection, schema);
  if (!tables) return Fail(what, std::move(tables.error()));
  for (const std::string& table : *tables) {
    auto removed = ExecutePatiently(
        connection, fmt::format("DROP TRIGGER IF EXISTS {} ON {}", kTruncationLog, table));
    if (!removed && !IsGone(removed.error())) return Fail(what, std::move(removed.error()));
  }
  // A schema that is not there has none: IF EXISTS knows that too. A trigger that was made
  // meanwhile goes with its function.
  auto removed = ExecutePatiently(connection, fmt::format("DROP FUNCTION IF EXISTS {0}() CASCADE;\n"
                                                          "DROP TABLE IF EXISTS {0}",
                                                          LogName(schema)));
  return removed ? removed : Fail(what, std::move(removed.error()));
}

Result<std::vector<std::string>> ReadTruncationTriggers(Connection& connection,
                                                        const std::string& schema) {
  // tgtype & 32: fires on TRUNCATE. A table that was moved to another schema writes to the log of
  // the old one, so it has none here.
  auto result = connection.Execute(fmt::format(
      "SELECT c.relname FROM pg_catalog.pg_trigger t "
      "JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid "
      "JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid AND p.pronamespace = c.relnamespace "
      "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
      "WHERE n.nspname = {} AND t.tgname = {} AND p.proname = t.tgname AND NOT t.tgisinternal "
      "AND t.tgtype & 32 <> 0 AND t.tgenabled IN ('O', 'A') ORDER BY c.relname COLLATE \"C\"",
      SqlLiteral(schema), SqlLiteral(std::string(kTruncationLog))));
  if (!result) return Fail("reading truncation triggers of schema " + schema, result.error());
  std::vector<std::string> tables;
  for (int row = 0; row < result->rows(); ++row) tables.emplace_back(result->Text(row, 0));
  return tables;
}

}  // namespace lockstep::postgres
