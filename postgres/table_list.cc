#include "postgres/table_list.h"

#include <fmt/format.h>

#include <cassert>
#include <cstddef>

namespace lockstep::postgres {

std::string FromTables(const std::vector<model::RelationPtr>& tables, std::string_view joined) {
  assert(!tables.empty());
  std::string list;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    list += fmt::format("{}({}, {}, {})", list.empty() ? "" : ", ", i,
                        model::SqlLiteral(tables[i]->schema), model::SqlLiteral(tables[i]->name));
  }
  return fmt::format(
      "FROM (VALUES {}) l(i, s, t) LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = l.s "
      "LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = l.t {} "
      "ORDER BY l.i",
      list, joined);
}

}  // namespace lockstep::postgres
