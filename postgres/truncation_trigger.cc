#include "postgres/truncation_trigger.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "model/log_schemas.h"
#include "model/relation.h"
#include "model/truncation_log.h"
#include "postgres/lock_wait.h"
#include "postgres/table_reader.h"

namespace lockstep::postgres {
namespace {

using model::Fail;
using model::kTruncationLog;
using model::Result;
using model::SqlLiteral;

// From this version on there is CREATE OR REPLACE TRIGGER.
constexpr int kReplaceableTriggers = 140000;
// For one try, where autovacuum has the table; else it is shorter. And for all of them.
constexpr std::chrono::milliseconds kRemovalTimeout{1'500};
constexpr std::chrono::seconds kRemovalLimit{10};
// For the triggers of all tables, once one of them cannot be had.
constexpr std::chrono::seconds kInstallLimit{1};
// What is raised where something of the log's name is not ours; it says what to do.
constexpr const char* kNotOurs = "55000";
// Of listeners that make the same log at the same time.
constexpr const char* kLogMakersLock =
    "SELECT pg_catalog.pg_advisory_xact_lock("
    "pg_catalog.hashtextextended('lockstep_truncation', 0::pg_catalog.int8));\n";

// Of the log table and the function.
std::string LogName(const std::string& log_schema) {
  return model::SqlIdentifier(log_schema) + "." + std::string(kTruncationLog);
}

std::string NameOf(const TableName& table) {
  return model::SqlIdentifier(table.schema) + "." + model::SqlIdentifier(table.name);
}

// A transaction of its own, in one round trip: no table is held while the next one is waited for.
std::string Alone(const std::string& statements) {
  // What somebody else made while a lock was waited for is to be seen.
  return "BEGIN ISOLATION LEVEL READ COMMITTED;\n" + statements + "COMMIT;\n";
}

// With an error that says what to do; the transaction is over.
Result<void> ExecuteAlone(Connection& connection, const std::string& statements) {
  auto done = connection.Execute(Alone(statements));
  if (done) return {};
  model::Error error = std::move(done.error());
  if (auto ended = connection.Execute("ROLLBACK"); !ended)
    return std::unexpected(std::move(ended.error()));
  if (error.sqlstate == "42501") {
    error.kind = model::ErrorKind::kUsage;
    error.message +=
        "; the user must own the tables, and may CREATE in the database (GRANT CREATE "
        "ON DATABASE), where the log gets a schema of its own";
  } else if (error.sqlstate == kNotOurs) {
    error.kind = model::ErrorKind::kUsage;
  } else if (TellsOfChange(error)) {
    error.kind = model::ErrorKind::kMisfit;
  }
  return std::unexpected(std::move(error));
}

// For the rest of a transaction.
std::string SetLockTimeout(std::chrono::milliseconds lock_timeout) {
  return fmt::format("SET LOCAL lock_timeout = {};\n", lock_timeout.count());
}

// First in a transaction. Users of the table are waited for so long, and whoever comes meanwhile
// waits behind us. With that lock less is waited: whoever changed the table's row in the catalog,
// by GRANT, may come to write to the table.
std::string LockForTrigger(const TableName& table, std::chrono::milliseconds lock_timeout) {
  return fmt::format("SELECT {};\nLOCK TABLE ONLY {} IN SHARE ROW EXCLUSIVE MODE;\nSELECT {};\n",
                     BoundTableWaitSql(lock_timeout, {table}), NameOf(table),
                     BoundWaitWithTableSql(lock_timeout));
}

// As a string constant that needs no escapes, so that the nested ones stay readable. The text must
// not end in a "$".
std::string DollarQuoted(const std::string& text) {
  std::string tag = "$lockstep$";
  while (text.contains(tag)) tag.insert(tag.size() - 1, "_");
  return tag + text + tag;
}

// What is done in place of the log where a subscriber would be sent it.
std::string HidingBody(const std::string& log_schema) {
  if (!model::IsLogSchema(log_schema)) return {};
  constexpr std::string_view kHiding = R"(
  IF EXISTS (SELECT FROM pg_catalog.pg_publication p WHERE p.puballtables
             AND (p.pubinsert OR p.pubdelete) AND p.pubname !~ '^lockstep_[0-9a-f]{{8}}_') THEN
    {0}
    RETURN NULL;
  END IF;)";
  // Whoever else owns the log of schema changes could have made it to run something of his.
  constexpr std::string_view kRewrite = R"(IF EXISTS (
        SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_catalog.pg_roles r ON r.oid = c.relowner AND r.oid = n.nspowner
        WHERE n.nspname = {0} AND c.relname = 'log' AND r.rolname = CURRENT_USER) THEN
      EXECUTE pg_catalog.format('INSERT INTO %I.log VALUES ('
        'pg_catalog.pg_current_wal_insert_lsn(), '
        '%L, %L, %L, true, false)', {0}, TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME);
    END IF;)";
  const std::optional<std::string> ddl_log = model::DdlLogBeside(log_schema);
  return fmt::format(kHiding, ddl_log ? fmt::format(kRewrite, SqlLiteral(*ddl_log)) : "");
}

// Writes as the function's owner, in anybody's session, into whatever has the log's name. The owner
// of the schema, or who may create there once the log is gone, can put a table with triggers of his
// own in its place, and they would run with the rights of the function's owner. So that is the
// schema's owner where a superuser installs it (MakeLogBody): who can replace the log then gains
// nothing that he has not. And a log that belongs to somebody else is not written to; the lock
// keeps the table that was looked at, only its schema can be renamed meanwhile, by the schema's
// owner. SECURITY INVOKER would be worse: those triggers would run as whoever truncates, and
// everybody would need the right to write truncations that never were.
//
// The row is deleted by where it lies: looking for it would, among serializable transactions, be
// reading what others write, and end one of them. A TRUNCATE of the user's is worth more than its
// entry.
std::string FunctionBody(const std::string& log_schema) {
  constexpr std::string_view kBody = R"(
DECLARE written pg_catalog.tid;
BEGIN{5}
  LOCK TABLE {0} IN ROW EXCLUSIVE MODE;
  IF (SELECT pg_catalog.pg_get_userbyid(relowner) FROM pg_catalog.pg_class
      WHERE oid = {1}::pg_catalog.regclass) IS DISTINCT FROM CURRENT_USER THEN
    RAISE EXCEPTION 'table % is not the log of truncations that Lockstep made', {1};
  END IF;
  INSERT INTO {0} ({2}, {3}) VALUES (TG_TABLE_SCHEMA, TG_TABLE_NAME) RETURNING ctid INTO written;
  DELETE FROM {0} WHERE ctid = written;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  RAISE WARNING 'Lockstep does not show a TRUNCATE of %.%: %', TG_TABLE_SCHEMA, TG_TABLE_NAME,
    SQLERRM USING HINT = {4};
  RETURN NULL;
END
)";
  const std::string log = LogName(log_schema);
  return fmt::format(
      kBody, log, SqlLiteral(log), model::kTruncationLogTableSchema, model::kTruncationLogTable,
      SqlLiteral(fmt::format("DROP FUNCTION {}() CASCADE ends it", log)), HidingBody(log_schema));
}

// Makes all, looks whose they are, and gives those that a superuser made to the schema's owner (see
// FunctionBody). What was there under these names may have been put there to be taken for ours;
// looking afterwards leaves no moment for it. Who owns a schema outside of a run could let its
// function do anything with the rights of those who truncate: it must be the user or a superuser.
std::string MakeLogBody(const std::string& log_schema) {
  // Everybody may read the log, as whoever follows the tables has to. Nobody else may make triggers
  // with the function: they would report truncations that never were.
  constexpr std::string_view kBody = R"(
DECLARE
  maker pg_catalog.name;
  made record;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = {4}) THEN
    CREATE SCHEMA {8};
    GRANT USAGE ON SCHEMA {8} TO PUBLIC;
  END IF;
  CREATE TABLE IF NOT EXISTS {0} ({1} pg_catalog.int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    {9} pg_catalog.text NOT NULL, {2} pg_catalog.text NOT NULL);
  CREATE OR REPLACE FUNCTION {0}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS {3};
  SELECT CASE WHEN r.rolsuper THEN pg_catalog.pg_get_userbyid(n.nspowner) ELSE r.rolname END
    INTO maker FROM pg_catalog.pg_roles r, pg_catalog.pg_namespace n
    WHERE r.rolname = CURRENT_USER AND n.nspname = {4};
  FOR made IN
    SELECT 'TABLE ' AS kind, {5} AS name, (SELECT pg_catalog.pg_get_userbyid(c.relowner)
      FROM pg_catalog.pg_class c WHERE c.oid = {5}::pg_catalog.regclass) AS owner
    UNION ALL
    SELECT 'FUNCTION ', {6}, (SELECT pg_catalog.pg_get_userbyid(p.proowner)
      FROM pg_catalog.pg_proc p WHERE p.oid = {6}::pg_catalog.regprocedure)
    UNION ALL
    SELECT 'SCHEMA ', pg_catalog.quote_ident(n.nspname), r.rolname
      FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_roles r ON r.oid = n.nspowner
      WHERE n.nspname = {4} AND n.nspname ~ '{10}' AND NOT r.rolsuper
  LOOP
    IF made.owner = CURRENT_USER OR made.owner = maker AND made.kind <> 'SCHEMA ' THEN
      IF made.owner <> maker THEN
        EXECUTE pg_catalog.format('ALTER %s%s OWNER TO %I', made.kind, made.name, maker);
      END IF;
    ELSE
      RAISE EXCEPTION USING ERRCODE = '{7}',
        MESSAGE = pg_catalog.format('there is a %s%s already, and it belongs to %s, not to %s',
          pg_catalog.lower(made.kind), made.name, made.owner,
          CASE made.kind WHEN 'SCHEMA ' THEN CURRENT_USER ELSE maker END),
        HINT = pg_catalog.format('find out whose it is, DROP %s%s CASCADE, and try again',
          made.kind, made.name);
    END IF;
  END LOOP;
  GRANT SELECT ON {0} TO PUBLIC;
  REVOKE ALL ON FUNCTION {0}() FROM PUBLIC;
END
)";
  const std::string log = LogName(log_schema);
  return fmt::format(kBody, log, model::kTruncationLogId, model::kTruncationLogTable,
                     DollarQuoted(FunctionBody(log_schema)), SqlLiteral(log_schema),
                     SqlLiteral(log), SqlLiteral(log + "()"), kNotOurs,
                     model::SqlIdentifier(log_schema), model::kTruncationLogTableSchema,
                     model::kLogSchemaPattern);
}

// In one transaction, tried again while somebody is at work on the tables.
Result<void> ExecutePatiently(Connection& connection, const std::vector<TableName>& tables,
                              const std::string& statements) {
  const auto end = std::chrono::steady_clock::now() + kRemovalLimit;
  while (true) {
    auto done = connection.Execute(
        fmt::format("SELECT {};\n{}", BoundTableWaitSql(kRemovalTimeout, tables), statements));
    if (done) return {};
    if (done.error().sqlstate != "55P03" || std::chrono::steady_clock::now() > end)
      return std::unexpected(std::move(done.error()));
  }
}

// No such table or schema.
bool IsGone(const model::Error& error) {
  return error.sqlstate == "42P01" || error.sqlstate == "3F000";
}

// A trigger that writes to a log of truncations.
struct Trigger {
  TableName table;
  std::string name;
  bool fires;  // on a TRUNCATE of ordinary sessions
};

// By table.
Result<std::vector<Trigger>> ReadTriggers(Connection& connection, const std::string& log_schema) {
  // tgtype & 32: fires on TRUNCATE.
  auto result = connection.Execute(fmt::format(
      "SELECT n.nspname, c.relname, t.tgname, NOT t.tgisinternal AND t.tgtype & 32 <> 0 "
      "AND t.tgenabled IN ('O', 'A') FROM pg_catalog.pg_trigger t "
      "JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid "
      "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
      "JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid "
      "JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace "
      "WHERE pn.nspname = {} AND p.proname = {} "
      "ORDER BY n.nspname COLLATE pg_catalog.\"C\", c.relname COLLATE pg_catalog.\"C\"",
      SqlLiteral(log_schema), SqlLiteral(std::string(kTruncationLog))));
  if (!result) return std::unexpected(std::move(result.error()));
  std::vector<Trigger> triggers;
  for (int row = 0; row < result->rows(); ++row) {
    triggers.push_back({{std::string(result->Text(row, 0)), std::string(result->Text(row, 1))},
                        std::string(result->Text(row, 2)),
                        result->Text(row, 3) == "t"});
  }
  return triggers;
}

}  // namespace

std::string TruncationLogSql(const std::string& log_schema) {
  return fmt::format("DO {};\n", DollarQuoted(MakeLogBody(log_schema)));
}

std::string TruncationTriggerSql(const std::string& log_schema, const TableName& table,
                                 int server_version) {
  const std::string name = NameOf(table);
  const std::string trigger = model::SqlIdentifier(log_schema);
  const bool replace = server_version >= kReplaceableTriggers;
  std::string sql;
  if (!replace) sql = fmt::format("DROP TRIGGER IF EXISTS {} ON {};\n", trigger, name);
  // ALWAYS: also for what a subscription of this server applies.
  return sql + fmt::format(
                   "CREATE {2}TRIGGER {0} AFTER TRUNCATE ON {1} "
                   "FOR EACH STATEMENT EXECUTE FUNCTION {3}();\n"
                   "ALTER TABLE {1} ENABLE ALWAYS TRIGGER {0};\n",
                   trigger, name, replace ? "OR REPLACE " : "", LogName(log_schema));
}

Result<void> InstallTruncationTriggers(Connection& connection, const std::string& log_schema,
                                       const std::vector<TableName>& tables,
                                       std::chrono::milliseconds lock_timeout) {
  const std::string what = "installing truncation triggers with a log in schema " + log_schema;
  auto have = ReadTruncationTriggers(connection, log_schema);
  if (!have) return Fail(what, std::move(have.error()));
  const auto log = ExecuteAlone(
      connection, SetLockTimeout(lock_timeout) + kLogMakersLock + TruncationLogSql(log_schema));
  if (!log) return Fail(what, log.error());
  const auto begin = std::chrono::steady_clock::now();
  Result<void> installed;  // or why not all of them; better one that may pass
  for (const TableName& table : tables) {
    if (std::ranges::find(*have, table) != have->end()) continue;
    auto made = ExecuteAlone(
        connection, LockForTrigger(table, lock_timeout) +
                        TruncationTriggerSql(log_schema, table, connection.server_version()));
    if (made) continue;
    const bool may_pass = made.error().kind == model::ErrorKind::kMisfit;
    const bool is_of_table = may_pass || made.error().sqlstate == "42501";
    if (installed || may_pass) installed = Fail(what, std::move(made.error()));
    if (!is_of_table || std::chrono::steady_clock::now() - begin > kInstallLimit) break;
  }
  return installed;
}

Result<void> RemoveTruncationTriggers(Connection& connection, const std::string& log_schema) {
  const std::string what = "removing truncation triggers with a log in schema " + log_schema;
  auto triggers = ReadTriggers(connection, log_schema);
  if (!triggers) return Fail(what, std::move(triggers.error()));
  for (const Trigger& trigger : *triggers) {
    auto removed =
        ExecutePatiently(connection, {trigger.table},
                         fmt::format("DROP TRIGGER IF EXISTS {} ON {}",
                                     model::SqlIdentifier(trigger.name), NameOf(trigger.table)));
    if (!removed && !IsGone(removed.error())) return Fail(what, std::move(removed.error()));
  }
  // A schema that is not there has none: IF EXISTS knows that too. A trigger that was made
  // meanwhile goes with its function.
  std::string rest = fmt::format("DROP FUNCTION IF EXISTS {0}() CASCADE;\nDROP TABLE IF EXISTS {0}",
                                 LogName(log_schema));
  if (model::IsLogSchema(log_schema))
    rest += ";\nDROP SCHEMA IF EXISTS " + model::SqlIdentifier(log_schema);
  auto removed = ExecutePatiently(connection, {}, rest);
  return removed ? removed : Fail(what, std::move(removed.error()));
}

Result<std::vector<TableName>> ReadTruncationTriggers(Connection& connection,
                                                      const std::string& log_schema) {
  auto triggers = ReadTriggers(connection, log_schema);
  if (!triggers)
    return Fail("reading truncation triggers of schema " + log_schema, triggers.error());
  std::vector<TableName> tables;
  for (Trigger& trigger : *triggers) {
    if (trigger.fires) tables.push_back(std::move(trigger.table));
  }
  return tables;
}

}  // namespace lockstep::postgres
