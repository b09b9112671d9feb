#include "wire/message.h"

#include <algorithm>

#include "model/relation.h"

namespace lockstep::wire {

bool operator==(const CatalogMade& a, const CatalogMade& b) {
  return a.seed == b.seed && a.bracket_commits == b.bracket_commits &&
         a.catalog.schema == b.catalog.schema && a.catalog.sessions == b.catalog.sessions &&
         a.catalog.types == b.catalog.types && a.catalog.owners == b.catalog.owners &&
         std::ranges::equal(
             a.catalog.tables, b.catalog.tables,
             [](const model::RelationPtr& x, const model::RelationPtr& y) { return *x == *y; });
}

}  // namespace lockstep::wire
