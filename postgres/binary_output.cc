#include "postgres/binary_output.h"

#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>

#include "model/exclusion.h"
#include "model/relation.h"
#include "postgres/relation_reader.h"

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

}  // namespace lockstep::postgres
