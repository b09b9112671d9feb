#include "postgres/table_activity.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

#include "postgres/partition_tree.h"
#include "postgres/table_list.h"

namespace lockstep::postgres {
namespace {

using model::Result;

// By the transactions that wrote them, later ones having higher numbers. Of c.
constexpr std::string_view kForm =
    "(SELECT pg_catalog.sum(x::pg_catalog.text::pg_catalog.int8)::pg_catalog.int8 FROM ("
    "SELECT a.xmin FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid UNION ALL "
    "SELECT i.xmin FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid "
    "AND (i.indisprimary OR i.indisreplident)) catalog_rows(x)) + "
    "pg_catalog.ascii(c.relreplident::pg_catalog.text)";

}  // namespace

Result<std::vector<TableActivity>> ReadTableActivity(
    Connection& connection, const std::vector<model::RelationPtr>& tables) {
  if (tables.empty()) return std::vector<TableActivity>();
  auto result = connection.Execute(fmt::format(
      "SELECT coalesce(c.oid, 0), coalesce({}, 0) + f.partitions, "
      "coalesce(c.xmin::pg_catalog.text::pg_catalog.int8, 0), f.file, f.updated_or_deleted {}",
      kForm,
      FromTables(
          tables,
          fmt::format("CROSS JOIN LATERAL ({} SELECT "
                      "coalesce(pg_catalog.sum(pg_catalog.pg_relation_filenode(tree.oid)::pg_"
                      "catalog.int8), 0), "
                      "coalesce(pg_catalog.sum(pg_catalog.pg_stat_get_tuples_updated(tree.oid) "
                      "+ pg_catalog.pg_stat_get_tuples_deleted(tree.oid)), 0), "
                      "coalesce(pg_catalog.sum(h.xmin::pg_catalog.text::pg_catalog.int8), "
                      "0)::pg_catalog.int8 "
                      "FROM tree LEFT JOIN pg_catalog.pg_inherits h "
                      "ON h.inhrelid = tree.oid AND tree.oid <> c.oid) "
                      "f(file, updated_or_deleted, partitions)",
                      kPartitionTree))));
  if (!result) return model::Fail("reading the activity of the tables", result.error());
  std::vector<TableActivity> activity;
  for (int row = 0; row < result->rows(); ++row) {
    const auto number = [&](int column) {
      const std::string_view text = result->Text(row, column);
      std::uint64_t value = 0;
      std::from_chars(text.data(), text.data() + text.size(), value);
      return value;
    };
    activity.push_back({.oid = static_cast<std::uint32_t>(number(0)),
                        .form = number(1),
                        .entry = number(2),
                        .file = number(3),
                        .updated_or_deleted = number(4)});
  }
  return activity;
}

}  // namespace lockstep::postgres
