#include "postgres/ddl_log.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "model/ddl_log.h"

namespace lockstep::postgres {
namespace {

using model::Fail;
using model::kDdlLogSchema;
using model::Result;

// A function of the schema and the event trigger that calls it.
struct Logger {
  const char* function;
  const char* trigger;
  const char* event;  // as CREATE EVENT TRIGGER wants it
  const char* entries;
};

// What their SELECT gives is inserted. Of a command that makes or alters tables: "table", "table
// column". Our own ones, which make triggers, tell nothing of the table.
constexpr Logger kLoggers[] = {
    {"on_end", "lockstep_ddl_end",
     "ddl_command_end WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', "
     "'CREATE SCHEMA', 'ALTER TABLE')",
     "SELECT pg_current_wal_insert_lsn(), d.command_tag, n.nspname, c.relname, false, false "
     "FROM pg_event_trigger_ddl_commands() d "
     "JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid "
     "JOIN pg_namespace n ON n.oid = c.relnamespace "
     "WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' "
     "AND NOT starts_with(current_setting('application_name'), 'lockstep ')"},
    {"on_rewrite", "lockstep_ddl_rewrite", "table_rewrite",
     "SELECT pg_current_wal_insert_lsn(), TG_TAG, n.nspname, c.relname, true, false "
     "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
     "WHERE c.relpersistence <> 't' AND (c.oid = pg_event_trigger_table_rewrite_oid() OR c.oid IN "
     "(SELECT relid FROM pg_partition_ancestors(pg_event_trigger_table_rewrite_oid())))"},
    {"on_drop", "lockstep_ddl_drop", "sql_drop",
     "SELECT pg_current_wal_insert_lsn(), TG_TAG, d.schema_name, d.object_name, false, true "
     "FROM pg_event_trigger_dropped_objects() d "
     "WHERE d.object_type = 'table' AND NOT d.is_temporary"},
};

// ALWAYS: also for what a subscription of this server applies.
std::string LoggerSql(const Logger& logger) {
  // A statement of the user's is worth more than its entry: without it, it is found later or by
  // comparing.
  return fmt::format(
      "CREATE FUNCTION {0}.{1}() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER "
      "SET search_path = pg_catalog, pg_temp AS "
      "$$ BEGIN INSERT INTO {0}.log {2}; EXCEPTION WHEN OTHERS THEN NULL; END $$;\n"
      "REVOKE ALL ON FUNCTION {0}.{1}() FROM PUBLIC;\n"
      "CREATE EVENT TRIGGER {3} ON {4} EXECUTE FUNCTION {0}.{1}();\n"
      "ALTER EVENT TRIGGER {3} ENABLE ALWAYS;\n",
      kDdlLogSchema, logger.function, logger.entries, logger.trigger, logger.event);
}

// A row without names tells from where on the log has everything.
std::string InstallSql() {
  std::string sql = fmt::format(
      "CREATE SCHEMA {0};\n"
      "CREATE TABLE {0}.log (lsn pg_lsn NOT NULL, tag text NOT NULL, schema_name text, "
      "table_name text, is_rewrite bool NOT NULL, is_drop bool NOT NULL);\n",
      kDdlLogSchema);
  for (const Logger& logger : kLoggers) sql += LoggerSql(logger);
  return sql;
}

Result<bool> IsUsable(Connection& connection) {
  auto usable = connection.Execute(
      fmt::format("SELECT FROM pg_catalog.pg_class c "
                  "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
                  "WHERE n.nspname = '{0}' AND c.relname = 'log' "
                  "AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') "
                  "AND pg_catalog.has_table_privilege(c.oid, 'SELECT') "
                  "AND (SELECT count(*) FROM pg_catalog.pg_event_trigger WHERE evtenabled = 'A' "
                  "AND evtname IN ('{1}', '{2}', '{3}')) = 3",
                  kDdlLogSchema, kLoggers[0].trigger, kLoggers[1].trigger, kLoggers[2].trigger));
  if (!usable) return std::unexpected(std::move(usable.error()));
  return usable->rows() > 0;
}

Result<DdlLog> Parse(const QueryResult& rows) {
  DdlLog log;
  for (int row = 0; row < rows.rows(); ++row) {
    auto lsn = model::ParseLsn(rows.Text(row, 0));
    if (!lsn) return std::unexpected(std::move(lsn.error()));
    if (rows.IsNull(row, 2)) {
      log.since = *lsn;
      continue;
    }
    log.entries.push_back(
        {.lsn = *lsn,
         .tag = std::string(rows.Text(row, 1)),
         .table = {std::string(rows.Text(row, 2)), std::string(rows.Text(row, 3))},
         .is_rewrite = rows.Text(row, 4) == "t",
         .is_drop = rows.Text(row, 5) == "t"});
  }
  return log;
}

}  // namespace

Result<bool> HasDdlLog(Connection& connection) {
  auto count = connection.Scalar(fmt::format(
      "SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = '{}'", kDdlLogSchema));
  if (!count) return Fail("looking for a log of schema changes", std::move(count.error()));
  return *count != "0";
}

Result<void> InstallDdlLog(Connection& connection) {
  // One simple query is one transaction. What commits meanwhile is not yet logged.
  auto installed = connection.Execute(InstallSql());
  const bool is_there = installed.has_value();
  if (is_there) {
    installed = connection.Execute(
        fmt::format("INSERT INTO {}.log VALUES (pg_current_wal_insert_lsn(), 'installed', NULL, "
                    "NULL, false, false)",
                    kDdlLogSchema));
  }
  if (installed) return {};
  if (is_there) (void)RemoveDdlLog(connection);
  model::Error error = std::move(installed.error());
  if (error.sqlstate == "42501") {
    error.kind = model::ErrorKind::kUsage;
    error.message += "; only a superuser may make event triggers";
  }
  return Fail("making a log of schema changes", std::move(error));
}

Result<void> RemoveDdlLog(Connection& connection) {
  // The triggers first: they would log what becomes of the log.
  std::string sql = "SET LOCAL lock_timeout = '10s';\n";
  for (const Logger& logger : kLoggers)
    sql += fmt::format("DROP EVENT TRIGGER IF EXISTS {};\n", logger.trigger);
  for (const Logger& logger : kLoggers)
    sql += fmt::format("DROP FUNCTION IF EXISTS {}.{}();\n", kDdlLogSchema, logger.function);
  sql += fmt::format("DROP TABLE IF EXISTS {0}.log;\nDROP SCHEMA IF EXISTS {0}", kDdlLogSchema);
  auto removed = connection.Execute(sql);
  if (!removed) return Fail("removing the log of schema changes", std::move(removed.error()));
  return {};
}

Result<std::optional<DdlLog>> ReadDdlLog(Connection& connection) {
  constexpr std::string_view kWhat = "reading the log of schema changes";
  auto usable = IsUsable(connection);
  if (!usable) return Fail(std::string(kWhat), std::move(usable.error()));
  if (!*usable) return std::nullopt;
  auto rows = connection.Execute(
      fmt::format("SELECT lsn, tag, schema_name, table_name, is_rewrite, is_drop "
                  "FROM {}.log ORDER BY lsn",
                  kDdlLogSchema));
  if (!rows) return Fail(std::string(kWhat), std::move(rows.error()));
  auto log = Parse(*rows);
  if (!log) return Fail(std::string(kWhat), std::move(log.error()));
  // Whoever makes it has not come so far, or never will.
  if (!log->since.IsValid()) return std::nullopt;
  return std::move(*log);
}

}  // namespace lockstep::postgres
