#include "postgres/table_preflight.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>

#include "model/binary_form.h"
#include "model/ids.h"
#include "model/log_schemas.h"
#include "model/relation.h"
#include "model/truncation_log.h"
#include "model/type_oid.h"
#include "postgres/relation_reader.h"
#include "postgres/truncation_trigger.h"
#include "postgres/type_reader.h"

namespace lockstep::postgres {
namespace {

using model::Fail;
using model::Loss;
using model::Oid;
using model::QuoteIfNeeded;
using model::Result;
namespace type_oid = model::type_oid;

// Where triggers that somebody makes on the advice given here write to.
const std::string kLastingLog(model::kLastingTruncationLog);

struct ColumnFacts {
  std::string name;
  Oid type;                     // as declared: plugins send a domain in a form of its own
  Oid base;                     // of a domain: what it is over
  bool is_binary_read = false;  // see model::ReadsBinaryForm
  std::string type_name;        // as declared
  char storage = 'p';           // pg_attribute.attstorage
  char generated = '\0';        // pg_attribute.attgenerated
};

struct TableFacts {
  std::string schema;
  std::string name;
  char kind = 'r';  // pg_class.relkind
  bool unlogged = false;
  char identity = 'd';  // pg_class.relreplident
  bool may_use_schema = true;
  bool may_read = true;
  bool row_security = false;  // it applies to the user
  bool has_toast = false;
  bool inherits = false;  // has parents or children, as no partition has
  bool primary_key_deferrable = false;
  std::string primary_key;     // "id, part", quoted where needed; empty: none
  std::string identity_index;  // the same, of the index of REPLICA IDENTITY USING INDEX
  std::string unique_index;    // the name of one that could be the identity; empty: none
  std::vector<ColumnFacts> columns;

  std::string QualifiedName() const { return QuoteIfNeeded(schema) + "." + QuoteIfNeeded(name); }
  // For SQL that is printed.
  std::string SqlName() const {
    return model::SqlIdentifier(schema) + "." + model::SqlIdentifier(name);
  }
};

// clang-format off
enum TableField { kOid, kSchema, kName, kKind, kPersistence, kIdentity, kMayUse, kMayRead,
                  kRowSecurity, kToast, kInherits, kPrimaryKey, kDeferrable, kIdentityIndex,
                  kUniqueIndex };
enum ColumnField { kTable, kColumn, kType, kBase, kTypeName, kStorage, kGenerated };
// clang-format on

// {}: the schemas. A deferrable primary key is none to logical decoding. An index can be the
// identity when it is unique at once, over all rows, and all its columns are NOT NULL.
constexpr std::string_view kTables = R"(
WITH keys AS (
  SELECT i.indrelid, i.indisprimary, i.indisreplident, i.indimmediate, ic.relname,
         (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY k.position)
          FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY k(attnum, position)
          JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
          WHERE k.position <= i.indnkeyatts) AS columns,
         i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL AND NOT EXISTS (
           SELECT FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[]) k(attnum)
           JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
           WHERE NOT a.attnotnull) AS identifies
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
  WHERE i.indisunique AND i.indisvalid),
candidates AS (
  SELECT indrelid, pg_catalog.min(relname COLLATE "C") AS first
  FROM keys WHERE identifies GROUP BY indrelid),
inheriting AS (
  SELECT h.inhparent, h.inhrelid
  FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_class k ON k.oid = h.inhrelid
  WHERE NOT k.relispartition)
SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence, c.relreplident,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
       pg_catalog.has_table_privilege(c.oid, 'SELECT'),
       pg_catalog.row_security_active(c.oid), c.reltoastrelid <> 0,
       c.oid IN (SELECT inhparent FROM inheriting UNION ALL SELECT inhrelid FROM inheriting),
       p.columns, NOT p.indimmediate, r.columns, u.first
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN keys p ON p.indrelid = c.oid AND p.indisprimary
LEFT JOIN keys r ON r.indrelid = c.oid AND r.indisreplident
LEFT JOIN candidates u ON u.indrelid = c.oid
WHERE c.relkind IN ('r', 'p') AND {}
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C")";

constexpr std::string_view kColumns = R"(
SELECT a.attrelid, a.attname, a.atttypid, base.oid,
       pg_catalog.format_type(a.atttypid, a.atttypmod), a.attstorage, a.attgenerated
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
  WITH RECURSIVE d(oid, typtype, typbasetype) AS (
    SELECT t.oid, t.typtype, t.typbasetype FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid
    UNION ALL
    SELECT t.oid, t.typtype, t.typbasetype FROM d JOIN pg_catalog.pg_type t ON t.oid = d.typbasetype
    WHERE d.typtype = 'd')
  SELECT d.oid FROM d WHERE d.typtype <> 'd') base
WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND {}
ORDER BY a.attrelid, a.attnum)";

Oid ToOid(std::string_view text) {
  Oid oid;
  std::from_chars(text.data(), text.data() + text.size(), oid.value);
  return oid;
}

char FirstOf(std::string_view text) { return text.empty() ? '\0' : text.front(); }

std::string SchemaFilter(const std::vector<std::string>& schemas) {
  if (schemas.empty()) {
    return fmt::format(
        "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND n.nspname !~ '{}'",
        model::kLogSchemaPattern);
  }
  std::string list;
  for (const std::string& schema : schemas) {
    list += (list.empty() ? "" : ", ") + model::SqlLiteral(schema);
  }
  return "n.nspname IN (" + list + ")";
}

Result<std::vector<TableFacts>> ReadTables(Connection& connection, const std::string& filter) {
  auto tables = connection.Execute(fmt::format(fmt::runtime(kTables), filter));
  if (!tables) return Fail("reading tables", tables.error());
  auto columns = connection.Execute(fmt::format(fmt::runtime(kColumns), filter));
  if (!columns) return Fail("reading columns", columns.error());
  auto types = ReadTypes(connection);
  if (!types) return std::unexpected(types.error());

  std::map<std::string, std::vector<ColumnFacts>, std::less<>> columns_of;  // by the table's OID
  for (int row = 0; row < columns->rows(); ++row) {
    columns_of[std::string(columns->Text(row, kTable))].push_back(
        {.name = std::string(columns->Text(row, kColumn)),
         .type = ToOid(columns->Text(row, kType)),
         .base = ToOid(columns->Text(row, kBase)),
         .is_binary_read = model::ReadsBinaryForm(**types, ToOid(columns->Text(row, kType))),
         .type_name = std::string(columns->Text(row, kTypeName)),
         .storage = FirstOf(columns->Text(row, kStorage)),
         .generated = FirstOf(columns->Text(row, kGenerated))});
  }
  std::vector<TableFacts> facts;
  for (int row = 0; row < tables->rows(); ++row) {
    const auto is = [&](TableField field) { return tables->Text(row, field) == "t"; };
    const auto text = [&](TableField field) { return std::string(tables->Text(row, field)); };
    facts.push_back({.schema = text(kSchema),
                     .name = text(kName),
                     .kind = FirstOf(text(kKind)),
                     .unlogged = text(kPersistence) == "u",
                     .identity = FirstOf(text(kIdentity)),
                     .may_use_schema = is(kMayUse),
                     .may_read = is(kMayRead),
                     .row_security = is(kRowSecurity),
                     .has_toast = is(kToast),
                     .inherits = is(kInherits),
                     .primary_key_deferrable = is(kDeferrable),
                     .primary_key = text(kPrimaryKey),
                     .identity_index = text(kIdentityIndex),
                     .unique_index = text(kUniqueIndex),
                     .columns = std::move(columns_of[text(kOid)])});
  }
  return facts;
}

// How each type-bound loss shows on a column.
struct TypeLoss {
  Loss loss;
  Severity severity;
  const char* check;
  bool (*hits)(const ColumnFacts&);
  const char* text;
  const char* remedy;
};

// Domains, arrays and the like are sent as text: only the declared type itself is hit.
constexpr std::array<TypeLoss, 5> kTypeLosses = {{
    {Loss::kTimeZone, Severity::kLoss, "type",
     [](const ColumnFacts& c) { return c.type == type_oid::kTimetz; },
     "arrives in UTC, its zone is lost", "use timestamptz, or another plugin"},
    {Loss::kTimestampEnd, Severity::kNote, "type",
     [](const ColumnFacts& c) {
       return c.type == type_oid::kTimestamp || c.type == type_oid::kTimestamptz;
     },
     "294247-01-10 04:00:54.775807 and .775808 arrive as infinity and -infinity", ""},
    {Loss::kNonFinite, Severity::kWarning, "type",
     [](const ColumnFacts& c) {
       return c.type == type_oid::kNumeric || c.type == type_oid::kFloat4 ||
              c.type == type_oid::kFloat8;
     },
     "NaN and infinities arrive as null", "use a newer version of the plugin, or another plugin"},
    {Loss::kGeneratedColumn, Severity::kLoss, "generated",
     [](const ColumnFacts& c) { return c.generated == 's'; }, "generated, and not sent",
     "compute it from the others, or use another plugin"},
    {Loss::kBinaryForm, Severity::kError, "type",
     [](const ColumnFacts& c) { return !c.is_binary_read; },
     "has a binary form that is not read: following ends there", "use pgoutput"},
}};

class TableChecks {
 public:
  // `user` as SQL.
  TableChecks(const TableFacts& table, const TablePreflightOptions& options,
              const std::string& user, bool has_trigger, std::vector<Finding>& findings)
      : table_(table),
        options_(options),
        user_(user),
        has_trigger_(has_trigger),
        findings_(findings) {}

  void Run() {
    if (table_.kind == 'p') {
      return Add(Severity::kNote, "partitioned", "followed by its partitions, each a table");
    }
    if (table_.unlogged) {
      return Add(Severity::kLoss, "unlogged", "unlogged: its changes are not in the WAL",
                 fmt::format("ALTER TABLE {} SET LOGGED;", table_.SqlName()));
    }
    CheckIdentity();
    CheckKey();
    CheckRights();
    CheckTruncation();
    CheckOutOfLine();
    CheckTypes();
    if (table_.inherits) {
      Add(Severity::kNote, "inheritance",
          "has parents or children: each is followed by itself, with its own rows only");
    }
  }

 private:
  void Add(Severity severity, const char* check, std::string text, std::string remedy = {},
           std::vector<std::string> plugins = {}) {
    findings_.push_back({.severity = severity,
                         .check = check,
                         .text = std::move(text),
                         .remedy = std::move(remedy),
                         .subject = table_.QualifiedName(),
                         .plugins = std::move(plugins)});
  }

  // The plugins on which this loss occurs, or those on which it does not.
  std::vector<std::string> PluginsWith(Loss loss, bool has = true) const {
    std::vector<std::string> names;
    for (const FollowingPlugin& plugin : options_.plugins) {
      if (model::LossesOf(plugin.name, plugin.version).Has(loss) == has) {
        names.push_back(plugin.name);
      }
    }
    return names;
  }

  bool HasIdentity() const {
    if (table_.identity == 'd') return HasUsableKey();
    return table_.identity == 'f' || (table_.identity == 'i' && !table_.identity_index.empty());
  }
  bool HasUsableKey() const {
    return !table_.primary_key.empty() && !table_.primary_key_deferrable;
  }

  // What gives the table an identity.
  std::string IdentityRemedy() const {
    const std::string alter = "ALTER TABLE " + table_.SqlName();
    if (HasUsableKey()) return alter + " REPLICA IDENTITY DEFAULT;";
    if (!table_.unique_index.empty()) {
      return fmt::format("{} REPLICA IDENTITY USING INDEX {};", alter,
                         model::SqlIdentifier(table_.unique_index));
    }
    if (!table_.primary_key.empty()) return alter + " REPLICA IDENTITY FULL;";
    return alter + " ADD PRIMARY KEY (...);";
  }

  void CheckIdentity() {
    if (table_.identity == 'f') {
      return Add(Severity::kNote, "identity",
                 "REPLICA IDENTITY FULL: each UPDATE and DELETE writes the whole old row to the "
                 "WAL",
                 HasUsableKey() ? IdentityRemedy() : "");
    }
    if (HasIdentity()) {
      return Add(Severity::kOk, "identity",
                 table_.identity == 'i' ? fmt::format("index ({})", table_.identity_index)
                                        : fmt::format("primary key ({})", table_.primary_key));
    }
    std::string why = "there is no primary key";
    if (table_.identity == 'n') why = "REPLICA IDENTITY NOTHING";
    if (table_.identity == 'i') why = "the index of REPLICA IDENTITY USING INDEX is gone";
    if (table_.identity == 'd' && table_.primary_key_deferrable) {
      why = "the primary key is deferrable, which does not identify rows";
    }
    if (auto plugins = PluginsWith(Loss::kNoIdentity); !plugins.empty()) {
      Add(Severity::kLoss, "identity", why + ": UPDATE and DELETE are not sent", IdentityRemedy(),
          std::move(plugins));
    }
    // Here it is the database that suffers.
    if (auto plugins = PluginsWith(Loss::kNoIdentity, false); !plugins.empty()) {
      Add(Severity::kError, "identity", why + ": UPDATE and DELETE fail once it is published",
          IdentityRemedy(), std::move(plugins));
    }
  }

  void CheckKey() {
    if (table_.identity == 'i' ? !table_.identity_index.empty() : HasUsableKey()) return;
    if (!table_.primary_key_deferrable) {
      return Add(Severity::kError, "key",
                 "there is no key: rows cannot be told apart, listeners refuse it",
                 IdentityRemedy());
    }
    Add(Severity::kError, "key",
        "the primary key is deferrable: two rows may have the same one for a while, listeners "
        "refuse it",
        table_.unique_index.empty()
            ? fmt::format("ALTER TABLE {} DROP CONSTRAINT ..., ADD PRIMARY KEY ({});",
                          table_.SqlName(), table_.primary_key)
            : IdentityRemedy());
  }

  void CheckRights() {
    if (!table_.may_use_schema) {
      Add(Severity::kError, "right", "the user may not use the schema",
          fmt::format("GRANT USAGE ON SCHEMA {} TO {};", model::SqlIdentifier(table_.schema),
                      user_));
    }
    if (!table_.may_read) {
      Add(Severity::kError, "right", "the user may not read the table: its first rows cannot come",
          fmt::format("GRANT SELECT ON {} TO {};", table_.SqlName(), user_));
    }
    if (table_.row_security) {
      Add(Severity::kLoss, "row security",
          "its policies hide rows from the user: the first rows would not be all",
          fmt::format("ALTER ROLE {} BYPASSRLS;", user_));
    }
  }

  void CheckTruncation() {
    if (has_trigger_) return;
    auto plugins = PluginsWith(Loss::kTruncate);
    if (plugins.empty()) return;
    // The version of the server is any plugin's.
    Add(Severity::kLoss, "truncation", "TRUNCATE is not sent; a trigger would make it visible",
        TruncationTriggerSql(kLastingLog, {table_.schema, table_.name},
                             options_.plugins[0].version.server),
        std::move(plugins));
  }

  void CheckOutOfLine() {
    if (!table_.has_toast) return;
    std::string names;
    int count = 0;
    for (const ColumnFacts& column : table_.columns) {
      if (column.storage != 'x' && column.storage != 'e') continue;
      names += (names.empty() ? "" : ", ") + QuoteIfNeeded(column.name);
      ++count;
    }
    if (count == 0) return;
    Add(Severity::kNote, "out of line",
        fmt::format("{} {}: a long value that an UPDATE leaves alone is not sent",
                    count == 1 ? "column" : "columns", names));
  }

  void CheckTypes() {
    for (const ColumnFacts& column : table_.columns) {
      for (const TypeLoss& loss : kTypeLosses) {
        if (!loss.hits(column)) continue;
        auto plugins = PluginsWith(loss.loss);
        if (plugins.empty()) continue;
        const bool of_type = loss.loss != Loss::kGeneratedColumn;
        Add(loss.severity, loss.check, of_type ? column.type_name + " " + loss.text : loss.text,
            loss.remedy, std::move(plugins));
        findings_.back().subject += "." + QuoteIfNeeded(column.name);
      }
      if (column.generated == 'v') {
        Add(Severity::kNote, "generated", "computed when it is read, and never sent");
        findings_.back().subject += "." + QuoteIfNeeded(column.name);
      }
    }
  }

  const TableFacts& table_;
  const TablePreflightOptions& options_;
  const std::string& user_;
  const bool has_trigger_;
  std::vector<Finding>& findings_;
};

Finding SchemaFinding(Severity severity, const std::string& schema, std::string check,
                      std::string text, std::string remedy = {}) {
  return {.severity = severity,
          .check = std::move(check),
          .text = std::move(text),
          .remedy = std::move(remedy),
          .subject = QuoteIfNeeded(schema)};
}

// Schemas that were asked for and are not there, or have nothing to follow.
Result<std::vector<Finding>> CheckSchemas(Connection& connection,
                                          const std::vector<TableFacts>& tables,
                                          const std::vector<std::string>& schemas) {
  std::vector<Finding> findings;
  for (const std::string& schema : schemas) {
    if (std::ranges::find(tables, schema, &TableFacts::schema) != tables.end()) continue;
    auto count = connection.Scalar(
        "SELECT pg_catalog.count(*) FROM pg_catalog.pg_namespace WHERE nspname = " +
        model::SqlLiteral(schema));
    if (!count) return std::unexpected(count.error());
    findings.push_back(SchemaFinding(
        Severity::kError, schema, "schema",
        *count == "0" ? "there is no such schema in the database" : "it has no tables"));
  }
  if (schemas.empty() && tables.empty()) {
    findings.push_back({Severity::kWarning, "schema", "the database has no tables"});
  }
  return findings;
}

Result<std::vector<Finding>> Check(Connection& connection, const TablePreflightOptions& options) {
  Result<std::vector<TableFacts>> tables = ReadTables(connection, SchemaFilter(options.schemas));
  if (!tables) return std::unexpected(tables.error());
  Result<std::vector<Finding>> findings = CheckSchemas(connection, *tables, options.schemas);
  if (!findings) return findings;

  Result<std::vector<TableName>> logged = ReadTruncationTriggers(connection, kLastingLog);
  if (!logged) return std::unexpected(logged.error());
  Result<std::string> user = connection.Scalar("SELECT pg_catalog.quote_ident(current_user)");
  if (!user) return std::unexpected(user.error());
  std::vector<Finding> of_tables;
  for (const TableFacts& table : *tables) {
    if (table.name == model::kTruncationLog) continue;
    TableChecks(table, options, *user,
                std::ranges::binary_search(*logged, TableName{table.schema, table.name}), of_tables)
        .Run();
  }
  // The triggers write to a log that has to be made first. The statement also looks whether one
  // that is there may be used.
  const auto missing = std::ranges::find(of_tables, "truncation", &Finding::check);
  if (missing != of_tables.end()) {
    findings->push_back(
        SchemaFinding(Severity::kNote, kLastingLog, "truncation log",
                      "the triggers for TRUNCATE need a log, in a schema of its own",
                      TruncationLogSql(kLastingLog)));
    findings->back().plugins = missing->plugins;
  }
  std::ranges::move(of_tables, std::back_inserter(*findings));
  return findings;
}

}  // namespace

Result<std::vector<Finding>> CheckTables(Connection& connection,
                                         const TablePreflightOptions& options) {
  auto begun = connection.Execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
  if (!begun) return std::unexpected(begun.error());
  Result<std::vector<Finding>> findings = Check(connection, options);
  (void)connection.Execute("ROLLBACK");
  return findings;
}

}  // namespace lockstep::postgres
