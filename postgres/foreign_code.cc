#include "postgres/foreign_code.h"

#include <fmt/format.h>

#include "postgres/partition_tree.h"
#include "postgres/table_list.h"

namespace lockstep::postgres {
namespace {

// Of t, a table or partition. USAGE of a role is having its rights, which superusers always have.
// What a server is made with (OIDs below 16384) is nobody's.
constexpr std::string_view kIsForeign = R"(
NOT pg_catalog.pg_has_role(t.relowner, session_user, 'USAGE')
OR EXISTS (
  SELECT FROM (
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, i.indexrelid
    FROM pg_catalog.pg_index i
    WHERE i.indrelid = t.oid AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
    UNION ALL
    SELECT 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, s.oid
    FROM pg_catalog.pg_statistic_ext s WHERE s.stxrelid = t.oid) x(class, oid)
  JOIN pg_catalog.pg_depend d ON d.classid = x.class AND d.objid = x.oid AND d.refobjid >= 16384
  JOIN (
    SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, p.proowner FROM pg_catalog.pg_proc p
    UNION ALL
    SELECT 'pg_catalog.pg_operator'::pg_catalog.regclass, o.oid, o.oprowner
    FROM pg_catalog.pg_operator o
    UNION ALL
    SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, y.oid, y.typowner
    FROM pg_catalog.pg_type y) used(class, oid, owner)
    ON used.class = d.refclassid AND used.oid = d.refobjid
  WHERE NOT pg_catalog.pg_has_role(used.owner, session_user, 'USAGE')))";

}  // namespace

model::Result<std::vector<bool>> ReadForeignCode(Connection& connection,
                                                 const std::vector<model::RelationPtr>& tables) {
  if (tables.empty()) return std::vector<bool>();
  auto result = connection.Execute(fmt::format(
      "SELECT coalesce(f.is_foreign, true) {}",
      FromTables(tables,
                 fmt::format("CROSS JOIN LATERAL ({} SELECT pg_catalog.bool_or({}) FROM tree "
                             "JOIN pg_catalog.pg_class t ON t.oid = tree.oid) f(is_foreign)",
                             kPartitionTree, kIsForeign))));
  if (!result) return Fail("reading who may run code in the tables", std::move(result.error()));
  std::vector<bool> foreign;
  for (int row = 0; row < result->rows(); ++row) foreign.push_back(result->Text(row, 0) == "t");
  return foreign;
}

}  // namespace lockstep::postgres
