#include "postgres/relation_reader.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <memory>
#include <utility>

namespace lockstep::postgres {
namespace {

using model::ErrorKind;
using model::Fail;
using model::Relation;
using model::RelationPtr;
using model::ReplicaIdentity;
using model::Result;

enum Field {
  kSchema,
  kName,
  kKind,
  kIdentity,
  kColumn,
  kType,
  kTypeName,
  kNotNull,
  kGenerated,
  kKeyPosition,
  kIsDomain,
  kIsVirtual
};

// One row a column, a table without columns one row with nulls. Where format_type() puts the
// table's own schema before a type's name, it is cut off. A deferrable primary key is no key: two
// rows may have the same one until the transaction ends.
constexpr std::string_view kQuery = R"(
SELECT n.nspname, c.relname, c.relkind, c.relreplident, a.attname,
       (WITH RECURSIVE d(oid, typtype, typbasetype) AS (
          SELECT t.oid, t.typtype, t.typbasetype FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid
          UNION ALL
          SELECT t.oid, t.typtype, t.typbasetype
          FROM d JOIN pg_catalog.pg_type t ON t.oid = d.typbasetype
          WHERE d.typtype = 'd')
        SELECT d.oid FROM d WHERE d.typtype <> 'd'),
       CASE WHEN t.typnamespace = n.oid
              AND pg_catalog.starts_with(p.type, pg_catalog.quote_ident(n.nspname) || '.')
            THEN pg_catalog.substr(p.type, pg_catalog.length(pg_catalog.quote_ident(n.nspname)) + 2)
            ELSE p.type END,
       a.attnotnull,
       CASE WHEN a.attgenerated <> '' THEN d.adbin END,
       (SELECT k.position
        FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY k(attnum, position)
        WHERE k.attnum = a.attnum AND k.position <= i.indnkeyatts),
       t.typtype = 'd', a.attgenerated = 'v'
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
CROSS JOIN LATERAL (SELECT pg_catalog.format_type(a.atttypid, a.atttypmod)) p(type)
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
LEFT JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indimmediate
  AND CASE c.relreplident WHEN 'i' THEN i.indisreplident ELSE i.indisprimary END
WHERE {}
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C", a.attnum)";

template <typename Number>
Number ToNumber(std::string_view text) {
  Number number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// The table whose rows begin at `row`, which is moved past them.
Relation TakeRelation(const QueryResult& result, int& row) {
  Relation relation;
  relation.schema = result.Text(row, kSchema);
  relation.name = result.Text(row, kName);
  relation.identity = static_cast<ReplicaIdentity>(result.Text(row, kIdentity)[0]);
  relation.is_partitioned = result.Text(row, kKind) == "p";
  std::map<int, std::uint32_t> key;  // position in the index -> column
  for (; row < result.rows() && result.Text(row, kSchema) == relation.schema &&
         result.Text(row, kName) == relation.name;
       ++row) {
    if (result.IsNull(row, kColumn)) continue;
    if (result.Text(row, kIsVirtual) == "t") {
      relation.virtual_columns.emplace_back(result.Text(row, kColumn));
      continue;
    }
    if (int position = ToNumber<int>(result.Text(row, kKeyPosition)); position > 0) {
      key[position] = static_cast<std::uint32_t>(relation.columns.size());
    }
    relation.columns.push_back(
        {.name = std::string(result.Text(row, kColumn)),
         .type = model::Oid{ToNumber<std::uint32_t>(result.Text(row, kType))},
         .type_name = std::string(result.Text(row, kTypeName)),
         .not_null = result.Text(row, kNotNull) == "t",
         .generated = std::string(result.Text(row, kGenerated)),
         .is_domain = result.Text(row, kIsDomain) == "t"});
  }
  for (const auto& [position, column] : key) relation.key.push_back(column);
  return relation;
}

}  // namespace

std::string TableName::QualifiedName() const {
  return model::QuoteIfNeeded(schema) + "." + model::QuoteIfNeeded(name);
}

Result<std::vector<RelationPtr>> ReadSchema(Connection& connection, const std::string& schema) {
  return ReadRelationsWhere(
      connection,
      "c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname = " + model::SqlLiteral(schema));
}

Result<std::vector<RelationPtr>> ReadRelationsWhere(Connection& connection,
                                                    const std::string& condition) {
  Result<QueryResult> result = connection.Execute(fmt::format(fmt::runtime(kQuery), condition));
  if (!result) return Fail("reading tables where " + condition, result.error());
  std::vector<RelationPtr> relations;
  for (int row = 0; row < result->rows();) {
    relations.push_back(std::make_shared<const Relation>(TakeRelation(*result, row)));
  }
  return relations;
}

Result<std::vector<RelationPtr>> ReadRelations(Connection& connection,
                                               const std::vector<TableName>& tables) {
  if (tables.empty()) return std::vector<RelationPtr>();
  std::string list;
  for (const TableName& table : tables) {
    list += fmt::format("{}({}, {})", list.empty() ? "" : ", ", model::SqlLiteral(table.schema),
                        model::SqlLiteral(table.name));
  }
  Result<QueryResult> result = connection.Execute(
      fmt::format(fmt::runtime(kQuery), fmt::format("(n.nspname, c.relname) IN ({})", list)));
  if (!result) return Fail("reading tables", result.error());

  std::map<std::pair<std::string, std::string>, RelationPtr> found;
  for (int row = 0; row < result->rows();) {
    char kind = result->Text(row, kKind)[0];
    Relation relation = TakeRelation(*result, row);
    if (kind != 'r') {
      return Fail(
          ErrorKind::kUnsupported,
          fmt::format("{} is not an ordinary table (relkind {}){}", relation.QualifiedName(), kind,
                      kind == 'p' ? ": list its partitions instead" : ""));
    }
    auto name = std::pair(relation.schema, relation.name);
    found.emplace(std::move(name), std::make_shared<const Relation>(std::move(relation)));
  }
  std::vector<RelationPtr> relations;
  for (const TableName& table : tables) {
    auto at = found.find({table.schema, table.name});
    if (at == found.end()) {
      return Fail(ErrorKind::kMisfit,
                  fmt::format("there is no table {}.{} in the database ({})",
                              model::QuoteIfNeeded(table.schema), model::QuoteIfNeeded(table.name),
                              connection.description()));
    }
    relations.push_back(at->second);
  }
  return relations;
}

}  // namespace lockstep::postgres
