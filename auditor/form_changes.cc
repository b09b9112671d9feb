#include "auditor/form_changes.h"

#include <set>
#include <utility>

namespace lockstep::auditor {
namespace {

FormChange HowChanged(const model::Relation& known, const model::Relation& now) {
  return now.HasRowsOf(known) ? FormChange::kRekeyed : FormChange::kAltered;
}

}  // namespace

using model::RelationPtr;

std::string_view ToString(FormChange change) {
  switch (change) {
    case FormChange::kMade:
      return "made";
    case FormChange::kAltered:
    case FormChange::kRekeyed:
      return "altered";
    case FormChange::kGone:
      break;
  }
  return "dropped";
}

std::vector<ChangedTable> FormChanges(const model::Database& replica,
                                      const std::vector<RelationPtr>& tables) {
  std::vector<ChangedTable> changes;
  std::set<std::pair<std::string_view, std::string_view>> there;
  for (const RelationPtr& table : tables) {
    there.emplace(table->schema, table->name);
    const auto known = replica.FindTable(table->schema, table->name);
    const model::RelationPtr before = known ? replica.table(*known).relation() : nullptr;
    if (before && *before == *table) continue;
    changes.push_back({{table->schema, table->name},
                       before ? HowChanged(*before, *table) : FormChange::kMade,
                       table});
  }
  for (std::uint32_t i = 0; i < replica.table_count(); ++i) {
    const model::Relation& known = *replica.table(i).relation();
    if (!there.contains({known.schema, known.name}))
      changes.push_back({{known.schema, known.name}, FormChange::kGone});
  }
  return changes;
}

}  // namespace lockstep::auditor
