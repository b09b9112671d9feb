#include "postgres/binary_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "model/binary_form.h"
#include "model/exclusion.h"
#include "model/relation.h"
#include "model/type_catalog.h"
#include "postgres/relation_reader.h"
#include "postgres/type_reader.h"

namespace lockstep::postgres {
namespace {

using model::Result;

enum Field { kSchema, kName, kColumn, kType };

// `fails`: types whose output function for binary is missing, or asks one that is missing. An array
// is what array_in reads: int2vector and oidvector have their own functions. to_jsonb: before
// PostgreSQL 14 there are no multiranges and no such column. Of a table the first column.
constexpr const char* kQuery = R"(
WITH RECURSIVE holds(holder, part) AS MATERIALIZED (
  SELECT t.oid, t.typelem FROM pg_catalog.pg_type t
  WHERE t.typinput = 'pg_catalog.array_in'::pg_catalog.regproc
  UNION ALL SELECT t.oid, t.typbasetype FROM pg_catalog.pg_type t WHERE t.typtype = 'd'
  UNION ALL SELECT r.rngtypid, r.rngsubtype FROM pg_catalog.pg_range r
  UNION ALL SELECT (pg_catalog.to_jsonb(r) ->> 'rngmultitypid')::pg_catalog.oid, r.rngtypid
  FROM pg_catalog.pg_range r
  UNION ALL SELECT t.oid, a.atttypid FROM pg_catalog.pg_type t
  JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE t.typtype = 'c'
), fails(oid) AS (
  SELECT t.oid FROM pg_catalog.pg_type t WHERE t.typsend = 0 AND t.typtype <> 'p'
  UNION SELECT h.holder FROM fails f JOIN holds h ON h.part = f.oid
)
SELECT DISTINCT ON (c.oid) n.nspname, c.relname, a.attname,
       pg_catalog.format_type(a.atttypid, a.atttypmod)
FROM fails f
JOIN pg_catalog.pg_type t ON t.oid = f.oid AND t.typsend <> 0
JOIN pg_catalog.pg_attribute a ON a.atttypid = f.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND n.nspname NOT LIKE 'pg\_%'
  AND n.nspname <> 'information_schema'
ORDER BY c.oid, a.attnum)";

}  // namespace

Result<void> ExcludeWithoutBinaryOutput(Connection& connection, ScopeTables& tables) {
  auto columns = connection.Execute(kQuery);
  if (!columns)
    return model::Fail("looking for types without binary output", std::move(columns.error()));
  std::map<TableName, std::string> reasons;
  for (int row = 0; row < columns->rows(); ++row) {
    TableName table{std::string(columns->Text(row, kSchema)),
                    std::string(columns->Text(row, kName))};
    tables.unpublishable.push_back(table);
    reasons.emplace(std::move(table),
                    fmt::format("the server cannot send column {} ({}) in binary: a type in it has "
                                "no binary output function; follow the table with pgoutput",
                                model::QuoteIfNeeded(std::string(columns->Text(row, kColumn))),
                                columns->Text(row, kType)));
  }
  Exclude(tables, [&](const model::Relation& relation) -> std::optional<model::Exclusion> {
    const auto reason = reasons.find({relation.schema, relation.name});
    if (reason == reasons.end()) return std::nullopt;
    return model::Exclusion{model::ExclusionKind::kNoBinaryForm, reason->second};
  });
  return {};
}

Result<void> ExcludeUnreadBinaryForms(Connection& connection, ScopeTables& tables) {
  const auto reads_all = [&](const model::TypeCatalog& types) {
    return std::ranges::all_of(tables.followed, [&](const model::RelationPtr& relation) {
      return std::ranges::all_of(relation->columns, [&](const model::Column& column) {
        return model::ReadsBinaryForm(types, column.type);
      });
    });
  };
  if (reads_all(model::TypeCatalog())) return {};
  auto types = ReadTypes(connection);
  if (!types) return std::unexpected(std::move(types.error()));
  // They are sent as text.
  auto unsent = connection.Execute("SELECT oid FROM pg_catalog.pg_type WHERE typsend = 0");
  if (!unsent) return model::Fail("looking for types without binary output", unsent.error());
  std::set<std::string, std::less<>> as_text;
  for (int row = 0; row < unsent->rows(); ++row) as_text.emplace(unsent->Text(row, 0));
  Exclude(tables, [&](const model::Relation& relation) -> std::optional<model::Exclusion> {
    for (const model::Column& column : relation.columns) {
      if (model::ReadsBinaryForm(**types, column.type) ||
          as_text.contains(fmt::to_string(column.type.value)))
        continue;
      return model::Exclusion{
          model::ExclusionKind::kNoBinaryForm,
          fmt::format(
              "the binary form of column {} ({}) is not read; follow the table with pgoutput",
              model::QuoteIfNeeded(column.name), column.type_name)};
    }
    return std::nullopt;
  });
  return {};
}

}  // namespace lockstep::postgres
