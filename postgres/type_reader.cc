#include "postgres/type_reader.h"

#include <charconv>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lockstep::postgres {
namespace {

using model::Oid;
using model::Result;

enum Field { kOid, kKind, kRelated, kName };

// An array is what array_in reads: int2vector and oidvector print in their own way. to_jsonb:
// before PostgreSQL 14 there are no multiranges and no such column.
constexpr const char* kQuery = R"(
SELECT t.oid, CASE WHEN t.typinput = 'pg_catalog.array_in'::pg_catalog.regproc THEN 'a'
                   ELSE t.typtype END,
       CASE WHEN t.typtype = 'd' THEN t.typbasetype
            WHEN t.typtype = 'r'
              THEN (SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid)
            WHEN t.typtype = 'm'
              THEN (SELECT (pg_catalog.to_jsonb(r) ->> 'rngtypid')::pg_catalog.oid
                    FROM pg_catalog.pg_range r
                    WHERE (pg_catalog.to_jsonb(r) ->> 'rngmultitypid')::pg_catalog.oid = t.oid)
            WHEN t.typinput = 'pg_catalog.array_in'::pg_catalog.regproc THEN t.typelem
            ELSE 0 END,
       pg_catalog.format_type(t.oid, -1)
FROM pg_catalog.pg_type t
WHERE t.typtype <> 'p' AND t.typisdefined)";

std::uint32_t ToNumber(std::string_view text) {
  std::uint32_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

Result<model::TypeCatalogPtr> ReadTypes(Connection& connection) {
  Result<QueryResult> result = connection.Execute(kQuery);
  if (!result) return model::Fail("reading the types", std::move(result.error()));
  std::vector<model::Type> types;
  types.reserve(static_cast<std::size_t>(result->rows()));
  for (int row = 0; row < result->rows(); ++row) {
    types.push_back({.oid = Oid{ToNumber(result->Text(row, kOid))},
                     .kind = static_cast<model::TypeKind>(result->Text(row, kKind)[0]),
                     .related = Oid{ToNumber(result->Text(row, kRelated))},
                     .name = std::string(result->Text(row, kName))});
  }
  return std::make_shared<const model::TypeCatalog>(std::move(types));
}

}  // namespace lockstep::postgres
