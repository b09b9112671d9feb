#include "postgres/table_scope.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "model/exclusion.h"
#include "model/log_schemas.h"
#include "model/truncation_log.h"
#include "postgres/one_snapshot.h"
#include "postgres/relation_reader.h"
#include "postgres/replica_identity.h"

namespace lockstep::postgres {
namespace {

using model::Exclusion;
using model::ExclusionKind;
using model::Fail;
using model::RelationPtr;
using model::Result;
using model::SqlLiteral;

constexpr std::string_view kTemporary = "pg_temp_";
constexpr std::string_view kInformation = "information_schema";

bool IsNobodys(std::string_view schema) {
  return (schema.starts_with("pg_") && !schema.starts_with(kTemporary)) || schema == kInformation ||
         model::IsLogSchema(schema);
}

std::vector<std::string> SplitPatterns(std::string_view list) {
  std::vector<std::string> patterns;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view pattern = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    while (pattern.starts_with(' ')) pattern.remove_prefix(1);
    while (pattern.ends_with(' ')) pattern.remove_suffix(1);
    if (!pattern.empty()) patterns.emplace_back(pattern);
  }
  return patterns;
}

// Without its first character, which in UTF-8 may be several bytes.
std::string_view Rest(std::string_view text) {
  std::size_t next = 1;
  while (next < text.size() && (static_cast<unsigned char>(text[next]) & 0xC0) == 0x80) ++next;
  return text.substr(next);
}

bool Matches(std::string_view pattern, std::string_view text) {
  // Where to go on when what follows the last * does not match: one character later.
  std::optional<std::pair<std::string_view, std::string_view>> retry;
  while (!text.empty() || !pattern.empty()) {
    if (pattern.starts_with('*')) {
      pattern.remove_prefix(1);
      retry = {pattern, text};
    } else if (!text.empty() && pattern.starts_with('?')) {
      pattern.remove_prefix(1);
      text = Rest(text);
    } else if (!text.empty() && !pattern.empty() && pattern.front() == text.front()) {
      pattern.remove_prefix(1);
      text.remove_prefix(1);
    } else if (retry && !retry->second.empty()) {
      retry->second = Rest(retry->second);
      std::tie(pattern, text) = *retry;
    } else {
      return false;
    }
  }
  return true;
}

bool MatchesOne(const std::vector<std::string>& patterns, std::string_view text) {
  return patterns.empty() ||
         std::ranges::any_of(patterns, [&](const auto& pattern) { return Matches(pattern, text); });
}

// name LIKE '...' OR ..., in parentheses.
std::string LikeOne(const std::vector<std::string>& patterns, const char* name) {
  std::string condition;
  for (const std::string& pattern : patterns) {
    std::string like;
    for (const char c : pattern) {
      if (c == '%' || c == '_' || c == '\\') like.push_back('\\');
      like.push_back(c == '*' ? '%' : c == '?' ? '_' : c);
    }
    condition +=
        fmt::format("{}{} LIKE {}", condition.empty() ? "" : " OR ", name, SqlLiteral(like));
  }
  return "(" + condition + ")";
}

// What a pattern that excludes tables is held against.
bool IsQualified(const std::string& pattern) { return pattern.contains('.'); }

// Conditions of relation_reader's query.
constexpr const char* kOrdinary = "c.relkind = 'r' AND c.relpersistence = 'p' AND ";

// The log of truncations of a schema. Whoever owns the schema can put another in its place: one
// that stands outside of a run must be the user's own or a superuser's.
constexpr std::string_view kLog =
    "c.relkind = 'r' AND c.relname = {0} AND n.nspname = {1} "
    "AND (n.nspname !~ '{2}' OR EXISTS (SELECT FROM pg_catalog.pg_roles o "
    "WHERE o.oid = n.nspowner AND (o.rolsuper OR o.rolname = CURRENT_USER)))";

enum Field { kSchema, kName, kKind, kPersistence, kMayRead, kRowSecurity, kIdentity, kOwned };

// {0}: whether it has an identity; {1}: whose tables.
constexpr std::string_view kTables = R"(
SELECT n.nspname, c.relname, c.relkind, c.relpersistence,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE')
         AND pg_catalog.has_table_privilege(c.oid, 'SELECT'),
       pg_catalog.row_security_active(c.oid),
       {0},
       pg_catalog.pg_has_role(c.relowner, 'USAGE')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f', 'm') AND {1}
ORDER BY n.nspname COLLATE pg_catalog."C", c.relname COLLATE pg_catalog."C")";

// Why a table is not followed; nullopt: it is.
std::optional<Exclusion> WhyExcluded(const QueryResult& tables, int row) {
  switch (tables.Text(row, kKind)[0]) {
    case 'p':
      return Exclusion{ExclusionKind::kPartitioned, "partitioned: its partitions hold the rows"};
    case 'f':
      return Exclusion{ExclusionKind::kForeign, "foreign: its rows are elsewhere"};
    case 'm':
      return Exclusion{ExclusionKind::kMaterializedView,
                       "materialized view: its changes are not decoded"};
    default:
      break;
  }
  const std::string_view persistence = tables.Text(row, kPersistence);
  if (persistence == "t")
    return Exclusion{ExclusionKind::kTemporary, "temporary: its changes are not decoded"};
  if (persistence == "u")
    return Exclusion{ExclusionKind::kUnlogged, "unlogged: its changes are not in the WAL"};
  if (tables.Text(row, kName) == model::kTruncationLog)
    return Exclusion{ExclusionKind::kOwnLog, "Lockstep's own log of truncations"};
  if (tables.Text(row, kMayRead) == "f") {
    return Exclusion{ExclusionKind::kNotReadable, "not readable: the user has no right to SELECT"};
  }
  if (tables.Text(row, kRowSecurity) == "t") {
    return Exclusion{ExclusionKind::kRowSecurity, "row security may hide rows from the user"};
  }
  return std::nullopt;
}

}  // namespace

TableScope TableScope::OneSchema(std::string schema) {
  TableScope scope;
  scope.one_schema_ = true;
  scope.truncation_log_ = schema;
  scope.schemas_.push_back(std::move(schema));
  return scope;
}

TableScope TableScope::Matching(std::string_view schemas, std::string_view tables,
                                std::string_view excluded) {
  TableScope scope;
  scope.schemas_ = SplitPatterns(schemas);
  scope.tables_ = SplitPatterns(tables);
  scope.excluded_ = SplitPatterns(excluded);
  return scope;
}

TableScope TableScope::Narrowed(std::string schema, std::string table) const {
  TableScope scope = *this;
  scope.only_ = TableName{std::move(schema), std::move(table)};
  return scope;
}

bool TableScope::Covers(std::string_view schema, std::string_view table) const {
  if (only_ && (only_->schema != schema || only_->name != table)) return false;
  if (one_schema_) return schema == schemas_.front();
  return !IsNobodys(schema) && MatchesOne(schemas_, schema) && MatchesOne(tables_, table) &&
         !IsExcluded(schema, table);
}

bool TableScope::IsExcluded(std::string_view schema, std::string_view table) const {
  const std::string qualified = fmt::format("{}.{}", schema, table);
  return std::ranges::any_of(excluded_, [&](const std::string& pattern) {
    return Matches(pattern, IsQualified(pattern) ? std::string_view(qualified) : table);
  });
}

std::string TableScope::SqlCondition() const {
  const std::string only = only_ ? fmt::format(" AND n.nspname = {} AND c.relname = {}",
                                               SqlLiteral(only_->schema), SqlLiteral(only_->name))
                                 : std::string();
  if (one_schema_) return "n.nspname = " + SqlLiteral(schemas_.front()) + only;
  std::string condition = fmt::format(
      "(n.nspname NOT LIKE 'pg\\_%' OR n.nspname LIKE 'pg\\_temp\\_%') AND n.nspname <> '{}' "
      "AND n.nspname !~ '{}'",
      kInformation, model::kLogSchemaPattern);
  if (!schemas_.empty()) condition += " AND " + LikeOne(schemas_, "n.nspname");
  if (!tables_.empty()) condition += " AND " + LikeOne(tables_, "c.relname");
  for (const std::string& pattern : excluded_) {
    const char* name =
        IsQualified(pattern) ? "pg_catalog.concat(n.nspname, '.', c.relname)" : "c.relname";
    condition += " AND NOT " + LikeOne({pattern}, name);
  }
  return condition + only;
}

std::string TableScope::Describe() const {
  if (only_) return "table " + only_->QualifiedName();
  if (one_schema_) return "schema " + schemas_.front();
  std::string text = schemas_.empty() ? std::string("any schema")
                                      : fmt::format("schemas {}", fmt::join(schemas_, ", "));
  if (!tables_.empty()) text += fmt::format(", tables {}", fmt::join(tables_, ", "));
  if (!excluded_.empty()) text += fmt::format(", without {}", fmt::join(excluded_, ", "));
  return text;
}

namespace {

Result<ScopeTables> ReadScopeNow(Connection& connection, const TableScope& scope) {
  auto tables = connection.Execute(
      fmt::format(fmt::runtime(kTables), kHasReplicaIdentity, scope.SqlCondition()));
  if (!tables) return Fail("reading the tables of " + scope.Describe(), tables.error());
  ScopeTables read;
  std::set<std::pair<std::string, std::string>> excluded;
  for (int row = 0; row < tables->rows(); ++row) {
    std::optional<Exclusion> why = WhyExcluded(*tables, row);
    TableName name{std::string(tables->Text(row, kSchema)), std::string(tables->Text(row, kName))};
    if (!why) {
      if (tables->Text(row, kOwned) == "f") read.not_owned.push_back(name);
      if (tables->Text(row, kIdentity) == "f") read.insert_only.push_back(std::move(name));
      continue;
    }
    ExcludedTable table{.schema = std::move(name.schema),
                        .name = std::move(name.name),
                        .reason = std::move(why->reason),
                        .kind = why->kind,
                        .is_ordinary = tables->Text(row, kKind) == "r" &&
                                       tables->Text(row, kPersistence) == "p" &&
                                       tables->Text(row, kName) != model::kTruncationLog};
    table.is_readable_root = tables->Text(row, kKind) == "p" &&
                             tables->Text(row, kMayRead) == "t" &&
                             tables->Text(row, kRowSecurity) == "f";
    excluded.emplace(table.schema, table.name);
    read.excluded.push_back(std::move(table));
  }
  auto relations = ReadRelationsWhere(connection, kOrdinary + scope.SqlCondition());
  if (!relations) return std::unexpected(std::move(relations.error()));
  for (RelationPtr& relation : *relations) {
    if (!excluded.contains({relation->schema, relation->name}))
      read.followed.push_back(std::move(relation));
  }
  auto logs = ReadRelationsWhere(
      connection, fmt::format(fmt::runtime(kLog), SqlLiteral(std::string(model::kTruncationLog)),
                              SqlLiteral(scope.truncation_log()), model::kLogSchemaPattern));
  if (!logs) return std::unexpected(std::move(logs.error()));
  read.truncation_logs = std::move(*logs);
  return read;
}

}  // namespace

void Exclude(ScopeTables& tables,
             const std::function<std::optional<Exclusion>(const model::Relation&)>& why) {
  std::set<TableName> gone;
  std::erase_if(tables.followed, [&](const RelationPtr& relation) {
    std::optional<Exclusion> found = why(*relation);
    if (!found) return false;
    gone.insert({relation->schema, relation->name});
    tables.excluded.push_back(
        {relation->schema, relation->name, std::move(found->reason), found->kind, true});
    return true;
  });
  if (gone.empty()) return;
  const auto is_gone = [&](const TableName& table) { return gone.contains(table); };
  std::erase_if(tables.insert_only, is_gone);
  std::erase_if(tables.not_owned, is_gone);
  std::ranges::sort(tables.excluded, {},
                    [](const ExcludedTable& table) { return std::tie(table.schema, table.name); });
}

// A table that came between the two questions would be one without rights, owner or identity.
Result<ScopeTables> ReadScope(Connection& connection, const TableScope& scope) {
  return InOneSnapshot(connection, [&] { return ReadScopeNow(connection, scope); });
}

}  // namespace lockstep::postgres
