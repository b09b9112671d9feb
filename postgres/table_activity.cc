#include "postgres/table_activity.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

#include "postgres/partition_tree.h"

namespace lockstep::postgres {

using model::Result;

Result<std::vector<TableActivity>> ReadTableActivity(
    Connection& connection, const std::vector<model::RelationPtr>& tables) {
  if (tables.empty()) return std::vector<TableActivity>();
  std::string list;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    list += fmt::format("{}({}, {}, {})", list.empty() ? "" : ", ", i,
                        model::SqlLiteral(tables[i]->schema), model::SqlLiteral(tables[i]->name));
  }
  auto result = connection.Execute(fmt::format(
      "SELECT f.file, f.updated_or_deleted "
      "FROM (VALUES {}) l(i, s, t) LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = l.s "
      "LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = l.t "
      "CROSS JOIN LATERAL ({} SELECT "
      "coalesce(sum(pg_catalog.pg_relation_filenode(tree.oid)::int8), 0), "
      "coalesce(sum(pg_catalog.pg_stat_get_tuples_updated(tree.oid) "
      "+ pg_catalog.pg_stat_get_tuples_deleted(tree.oid)), 0) FROM tree) "
      "f(file, updated_or_deleted) ORDER BY l.i",
      list, kPartitionTree));
  if (!result) return model::Fail("reading the activity of the tables", result.error());
  std::vector<TableActivity> activity;
  for (int row = 0; row < result->rows(); ++row) {
    const auto number = [&](int column) {
      const std::string_view text = result->Text(row, column);
      std::uint64_t value = 0;
      std::from_chars(text.data(), text.data() + text.size(), value);
      return value;
    };
    activity.push_back({.file = number(0), .updated_or_deleted = number(1)});
  }
  return activity;
}

}  // namespace lockstep::postgres
