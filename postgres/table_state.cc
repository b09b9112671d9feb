#include "postgres/table_state.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

#include "postgres/partition_tree.h"
#include "postgres/table_list.h"

namespace lockstep::postgres {

using model::Result;

Result<std::vector<TableState>> ReadTableStates(Connection& connection,
                                                const std::vector<model::RelationPtr>& tables) {
  if (tables.empty()) return std::vector<TableState>();
  // A table that is not there at all (c.oid is null) counts as replaced, too.
  Result<QueryResult> result = connection.Execute(fmt::format(
      "SELECT c.oid IS DISTINCT FROM pg_catalog.to_regclass(pg_catalog.format('%I.%I', l.s, l.t)) "
      "OR f.replaced, f.bytes {}",
      FromTables(
          tables,
          fmt::format("CROSS JOIN LATERAL ({} SELECT coalesce(pg_catalog.bool_or(t.relfilenode <> "
                      "coalesce(pg_catalog.pg_relation_filenode(t.oid), 0) OR t.oid IS DISTINCT "
                      "FROM pg_catalog.to_regclass(pg_catalog.format('%I.%I', p.nspname, "
                      "t.relname))), true), "
                      "pg_catalog.sum((t.relpages + coalesce(o.relpages, 0))::pg_catalog.int8 "
                      "* pg_catalog.current_setting('block_size')::pg_catalog.int8)"
                      "::pg_catalog.int8 FROM tree "
                      "JOIN pg_catalog.pg_class t ON t.oid = tree.oid "
                      "JOIN pg_catalog.pg_namespace p ON p.oid = t.relnamespace "
                      "LEFT JOIN pg_catalog.pg_class o ON o.oid = t.reltoastrelid) "
                      "f(replaced, bytes)",
                      kPartitionTree))));
  if (!result) return Fail("reading the state of the tables", result.error());
  std::vector<TableState> states;
  for (int row = 0; row < result->rows(); ++row) {
    TableState state{.replaced = result->Text(row, 0) == "t"};
    const std::string_view bytes = result->Text(row, 1);
    std::from_chars(bytes.data(), bytes.data() + bytes.size(), state.bytes);
    states.push_back(state);
  }
  return states;
}

}  // namespace lockstep::postgres
