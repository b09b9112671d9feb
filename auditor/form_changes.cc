#include "auditor/form_changes.h"

#include <fmt/format.h>

#include <cstdint>
#include <set>
#include <string_view>
#include <utility>

namespace lockstep::auditor {

using model::RelationPtr;

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
  std::set<std::pair<std::string_view, std::string_view>> there;
  for (const RelationPtr& table : tables) there.emplace(table->schema, table->name);
  for (std::uint32_t i = 0; i < replica.table_count(); ++i) {
    const model::Relation& known = *replica.table(i).relation();
    if (!there.contains({known.schema, known.name}))
      changes.push_back(fmt::format("table {} is gone", known.QualifiedName()));
  }
  return changes;
}

}  // namespace lockstep::auditor
