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
// What is raised where something of the log's name is not ours; it says what to do.
constexpr const char* kNotOurs = "55000";
// Of listeners that make the same log at the same time.
constexpr const char* kLogMakersLock =
    "SELECT pg_catalog.pg_advisory_xact_lock("
    "pg_catalog.hashtextextended('lockstep_truncation', 0));\n";

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
  // What somebody else made while a lock was waited for is to be seen.
  return fmt::format("BEGIN ISOLATION LEVEL READ COMMITTED;\n{}{}COMMIT;\n",
                     SetLockTimeout(lock_timeout), statements);
}

// As a string constant that needs no escapes, so that the nested ones stay readable. The text must
// not end in a "$".
std::string DollarQuoted(const std::string& text) {
  std::string tag = "$lockstep$";
  while (text.contains(tag)) tag.insert(tag.size() - 1, "_");
  return tag + text + tag;
}

// Writes as the function's owner, in anybody's session, into whatever has the log's name. The owner
// of the schema, or who may create there once the log is gone, can put a table with triggers of his
// own in its place, and they would run with the rights of the function's owner. So that is the
// schema's owner where a superuser installs it (MakeLogBody): who can replace the log then gains
// nothing that he has not. And a log that belongs to somebody else is not written to; the lock
// keeps the table that was looked at, only its schema can be renamed meanwhile, by the schema's
// owner. SECURITY INVOKER would be worse: those triggers would run as whoever truncates, and
// everybody would need the right to write truncations that never were.
std::string FunctionBody(const std::string& schema) {
  constexpr std::string_view kBody = R"(
DECLARE written bigint;
BEGIN
  LOCK TABLE {0} IN ROW EXCLUSIVE MODE;
  IF (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = {1}::regclass)
     IS DISTINCT FROM current_user THEN
    RAISE EXCEPTION 'table % is not the log of truncations that Lockstep made', {1}
      USING ERRCODE = '{5}', HINT = {4};
  END IF;
  INSERT INTO {0} ({3}) VALUES (TG_TABLE_NAME) RETURNING {2} INTO written;
  DELETE FROM {0} WHERE {2} = written;
  RETURN NULL;
END
)";
  const std::string log = LogName(schema);
  return fmt::format(kBody, log, SqlLiteral(log), model::kTruncationLogId,
                     model::kTruncationLogTable,
                     SqlLiteral(fmt::format("DROP FUNCTION {}() CASCADE ends it", log)), kNotOurs);
}

// Makes both, looks whose they are, and gives those that a superuser made to the schema's owner
// (see FunctionBody). What was there under these names may have been put there to be taken for
// ours; looking afterwards leaves no moment for it. Functions are qualified: the search path is the
// user's.
std::string MakeLogBody(const std::string& schema) {
  // Everybody may read the log, as whoever follows the schema has to. Nobody else may make triggers
  // with the function: they would report truncations that never were.
  constexpr std::string_view kBody = R"(
DECLARE
  maker pg_catalog.name;
  made record;
BEGIN
  CREATE TABLE IF NOT EXISTS {0} ({1} bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    {2} pg_catalog.text NOT NULL);
  CREATE OR REPLACE FUNCTION {0}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS {3};
  SELECT CASE WHEN r.rolsuper THEN pg_catalog.pg_get_userbyid(n.nspowner) ELSE r.rolname END
    INTO maker FROM pg_catalog.pg_roles r, pg_catalog.pg_namespace n
    WHERE r.rolname = current_user AND n.nspname = {4};
  FOR made IN
    SELECT 'TABLE ' AS kind, {5} AS name, (SELECT pg_catalog.pg_get_userbyid(c.relowner)
      FROM pg_catalog.pg_class c WHERE c.oid = {5}::pg_catalog.regclass) AS owner
    UNION ALL
    SELECT 'FUNCTION ', {6}, (SELECT pg_catalog.pg_get_userbyid(p.proowner)
      FROM pg_catalog.pg_proc p WHERE p.oid = {6}::pg_catalog.regprocedure)
  LOOP
    IF made.owner IN (current_user, maker) THEN
      IF made.owner <> maker THEN
        EXECUTE pg_catalog.format('ALTER %s%s OWNER TO %I', made.kind, made.name, maker);
      END IF;
    ELSE
      RAISE EXCEPTION USING ERRCODE = '{7}',
        MESSAGE = pg_catalog.format('there is a %s%s already, and it belongs to %s, not to %s',
          pg_catalog.lower(made.kind), made.name, made.owner, maker),
        HINT = pg_catalog.format('find out whose it is, DROP %s%s CASCADE, and try again',
          made.kind, made.name);
    END IF;
  END LOOP;
  GRANT SELECT ON {0} TO PUBLIC;
  REVOKE ALL ON FUNCTION {0}() FROM PUBLIC;
END
)";
  const std::string log = LogName(schema);
  return fmt::format(kBody, log, model::kTruncationLogId, model::kTruncationLogTable,
                     DollarQuoted(FunctionBody(schema)), SqlLiteral(schema), SqlLiteral(log),
                     SqlLiteral(log + "()"), kNotOurs);
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
  return fmt::format("DO {};\n", DollarQuoted(MakeLogBody(schema)));
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
    error.message +=
        "; the user must own the tables and whatever is named lockstep_truncation in the schema, "
        "and have the right to CREATE there";
  } else if (error.sqlstate == kNotOurs) {
    error.kind = model::ErrorKind::kUsage;
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
