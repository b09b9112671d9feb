#include "auditor/followed_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "model/truncation_log.h"
#include "postgres/relation_reader.h"

namespace lockstep::auditor {

using model::RelationPtr;
using model::Result;

Result<std::vector<RelationPtr>> ReadFollowedTables(postgres::Connection& connection,
                                                    const std::string& schema) {
  auto tables = postgres::ReadSchema(connection, schema);
  if (!tables) return tables;
  std::erase_if(*tables,
                [](const RelationPtr& table) { return table->name == model::kTruncationLog; });
  return tables;
}

std::vector<std::string> FormChanges(const model::Database& replica,
                                     const std::vector<RelationPtr>& tables) {
  std::vector<std::string> changes;
  for (const RelationPtr& table : tables) {
    const auto known = replica.FindTable(table->schema, table->name);
    if (!known) {
      changes.push_back(fmt::format("table {} was made", table->QualifiedName()));
    } else if (*replica.table(*known).relation() != *table) {
      changes.push_back(fmt::format("table {} was altered", table->QualifiedName()));
    }
  }
  for (std::uint32_t i = 0; i < replica.table_count(); ++i) {
    const model::Relation& known = *replica.table(i).relation();
    const bool there = std::ranges::any_of(tables, [&](const RelationPtr& table) {
      return table->schema == known.schema && table->name == known.name;
    });
    if (!there) changes.push_back(fmt::format("table {} is gone", known.QualifiedName()));
  }
  return changes;
}

}  // namespace lockstep::auditor
