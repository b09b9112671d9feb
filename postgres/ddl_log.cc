#include "postgres/ddl_log.h"

#include <fmt/format.h>

#include <chrono>
#include <iterator>
#include <string_view>
#include <thread>
#include <utility>

#include "model/log_schemas.h"
#include "model/relation.h"
#include "postgres/identity_guard.h"

namespace lockstep::postgres {
namespace {

using model::Fail;
using model::Result;

// For statements that may be firing the triggers that were dropped.
constexpr std::chrono::seconds kFiringLimit{5};
constexpr std::chrono::milliseconds kFiringPause{20};
// Of a user's statement, for a publication that another one's transaction has altered.
constexpr std::chrono::milliseconds kLongestWait{1500};

// A function of the schema and the event trigger that calls it, which is named as the schema with
// its suffix.
struct Logger {
  const char* function;
  const char* suffix;
  const char* event;  // as CREATE EVENT TRIGGER wants it
  const char* entries;
};

// What their SELECT gives is inserted; {}: model::kLogSchemaPattern. Of a command that makes or
// alters tables: "table", "table column". Our own ones, which make triggers, tell nothing of the
// table.
constexpr Logger kLoggers[] = {
    {"on_end", "_end",
     "ddl_command_end WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', "
     "'CREATE SCHEMA', 'ALTER TABLE')",
     "SELECT pg_catalog.pg_current_wal_insert_lsn(), d.command_tag, n.nspname, c.relname, false, "
     "false FROM pg_catalog.pg_event_trigger_ddl_commands() d "
     "JOIN pg_catalog.pg_class c ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass "
     "AND c.oid = d.objid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
     "WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND NOT pg_catalog.starts_with("
     "pg_catalog.current_setting('application_name'), 'lockstep ')"},
    {"on_rewrite", "_rewrite", "table_rewrite",
     "SELECT pg_catalog.pg_current_wal_insert_lsn(), TG_TAG, n.nspname, c.relname, true, false "
     "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
     "WHERE c.relpersistence <> 't' AND "
     "(c.oid = pg_catalog.pg_event_trigger_table_rewrite_oid() OR c.oid IN "
     "(SELECT a.relid FROM pg_catalog.pg_partition_ancestors("
     "pg_catalog.pg_event_trigger_table_rewrite_oid()) a))"},
    {"on_drop", "_drop", "sql_drop",
     "SELECT pg_catalog.pg_current_wal_insert_lsn(), TG_TAG, d.schema_name, d.object_name, false, "
     "true FROM pg_catalog.pg_event_trigger_dropped_objects() d "
     "WHERE d.object_type = 'table' AND NOT d.is_temporary "
     "AND d.schema_name !~ '{}'"},
};

// ALWAYS: also for what a subscription of this server applies.
std::string LoggerSql(const Logger& logger, const std::string& schema,
                      const std::string& publications) {
  const std::string name = model::SqlIdentifier(schema);
  // A statement of the user's is worth more than its entry: without it, it is found later or by
  // comparing.
  return fmt::format(
      "CREATE FUNCTION {0}.{1}() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER "
      "SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' AS "
      "$lockstep$ BEGIN "
      "BEGIN INSERT INTO {0}.log {2}; EXCEPTION WHEN OTHERS THEN NULL; END; {5}; "
      "END $lockstep$;\n"
      "REVOKE ALL ON FUNCTION {0}.{1}() FROM PUBLIC;\n"
      "CREATE EVENT TRIGGER {3} ON {4} EXECUTE FUNCTION {0}.{1}();\n"
      "ALTER EVENT TRIGGER {3} ENABLE ALWAYS;\n",
      name, logger.function, fmt::format(fmt::runtime(logger.entries), model::kLogSchemaPattern),
      model::SqlIdentifier(schema + logger.suffix), logger.event,
      UnpublishLostSql(publications, kLongestWait));
}

// A row without names tells from where on the log has everything.
std::string InstallSql(const std::string& schema, const std::string& publications) {
  std::string sql = fmt::format(
      "CREATE SCHEMA {0};\n"
      "CREATE UNLOGGED TABLE {0}.log (lsn pg_catalog.pg_lsn NOT NULL, "
      "tag pg_catalog.text NOT NULL, schema_name pg_catalog.text, table_name pg_catalog.text, "
      "is_rewrite pg_catalog.bool NOT NULL, is_drop pg_catalog.bool NOT NULL);\n",
      model::SqlIdentifier(schema));
  for (const Logger& logger : kLoggers) sql += LoggerSql(logger, schema, publications);
  return sql;
}

Result<bool> IsUsable(Connection& connection, const std::string& schema) {
  std::string triggers;
  for (const Logger& logger : kLoggers)
    triggers += (triggers.empty() ? "" : ", ") + model::SqlLiteral(schema + logger.suffix);
  auto usable = connection.Execute(
      fmt::format("SELECT FROM pg_catalog.pg_class c "
                  "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
                  "WHERE n.nspname = {} AND c.relname = 'log' "
                  "AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') "
                  "AND pg_catalog.has_table_privilege(c.oid, 'SELECT') "
                  "AND (SELECT pg_catalog.count(*) FROM pg_catalog.pg_event_trigger "
                  "WHERE evtenabled = 'A' AND evtname IN ({})) = {}",
                  model::SqlLiteral(schema), triggers, std::size(kLoggers)));
  if (!usable) return std::unexpected(std::move(usable.error()));
  return usable->rows() > 0;
}

// A statement that was under way when its triggers were dropped may still be about to call their
// functions, and would fail for one that is gone. Only one that holds a lock of a table as DDL does
// fires them.
Result<bool> MayBeFired(Connection& connection, const std::string& dropped_at) {
  auto count = connection.Scalar(
      fmt::format("SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity a "
                  "WHERE a.datname = pg_catalog.current_database() AND a.state = 'active' "
                  "AND a.backend_type = 'client backend' AND a.pid <> pg_catalog.pg_backend_pid() "
                  "AND a.query_start <= {}::pg_catalog.timestamptz "
                  "AND EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.pid = a.pid AND l.granted "
                  "AND l.locktype = 'relation' "
                  "AND l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock'))",
                  model::SqlLiteral(dropped_at)));
  if (!count) return std::unexpected(std::move(count.error()));
  return *count != "0";
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

Result<void> InstallDdlLog(Connection& connection, const std::string& schema,
                           const std::string& publications) {
  // One simple query is one transaction. What commits meanwhile is not yet logged.
  auto installed = connection.Execute(InstallSql(schema, publications));
  const bool is_there = installed.has_value();
  if (is_there) {
    installed = connection.Execute(
        fmt::format("INSERT INTO {}.log VALUES (pg_catalog.pg_current_wal_insert_lsn(), "
                    "'installed', NULL, NULL, false, false)",
                    model::SqlIdentifier(schema)));
  }
  if (installed) return {};
  if (is_there) (void)RemoveDdlLog(connection, schema);
  model::Error error = std::move(installed.error());
  if (error.sqlstate == "42501") {
    error.kind = model::ErrorKind::kUsage;
    error.message += "; only a superuser may make event triggers";
  }
  return Fail("making a log of schema changes", std::move(error));
}

Result<void> RemoveDdlLog(Connection& connection, const std::string& schema) {
  constexpr std::string_view kWhat = "removing the log of schema changes";
  const std::string name = model::SqlIdentifier(schema);
  // The triggers first: they would log what becomes of the log.
  std::string triggers;
  for (const Logger& logger : kLoggers) {
    triggers += fmt::format("DROP EVENT TRIGGER IF EXISTS {};\n",
                            model::SqlIdentifier(schema + logger.suffix));
  }
  auto removed = connection.Execute(triggers);
  if (!removed) return Fail(std::string(kWhat), std::move(removed.error()));
  auto now = connection.Scalar("SELECT pg_catalog.clock_timestamp()::pg_catalog.text");
  if (!now) return Fail(std::string(kWhat), std::move(now.error()));
  for (const auto end = std::chrono::steady_clock::now() + kFiringLimit;
       std::chrono::steady_clock::now() < end; std::this_thread::sleep_for(kFiringPause)) {
    auto fired = MayBeFired(connection, *now);
    if (!fired) return Fail(std::string(kWhat), std::move(fired.error()));
    if (!*fired) break;
  }
  std::string sql = "SET LOCAL lock_timeout = '10s';\n";
  for (const Logger& logger : kLoggers)
    sql += fmt::format("DROP FUNCTION IF EXISTS {}.{}();\n", name, logger.function);
  sql += fmt::format("DROP TABLE IF EXISTS {0}.log;\nDROP SCHEMA IF EXISTS {0}", name);
  removed = connection.Execute(sql);
  if (!removed) return Fail(std::string(kWhat), std::move(removed.error()));
  return {};
}

Result<std::optional<DdlLog>> ReadDdlLog(Connection& connection, const std::string& schema) {
  constexpr std::string_view kWhat = "reading the log of schema changes";
  if (schema.empty()) return std::nullopt;
  auto usable = IsUsable(connection, schema);
  if (!usable) return Fail(std::string(kWhat), std::move(usable.error()));
  if (!*usable) return std::nullopt;
  auto rows = connection.Execute(
      fmt::format("SELECT lsn, tag, schema_name, table_name, is_rewrite, is_drop "
                  "FROM {}.log ORDER BY lsn",
                  model::SqlIdentifier(schema)));
  if (!rows) return Fail(std::string(kWhat), std::move(rows.error()));
  auto log = Parse(*rows);
  if (!log) return Fail(std::string(kWhat), std::move(log.error()));
  // Whoever makes it has not come so far, or never will; or a crash emptied it, and nobody knows
  // what stood there.
  if (!log->since.IsValid()) return std::nullopt;
  return std::move(*log);
}

}  // namespace lockstep::postgres
