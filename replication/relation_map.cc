#include "replication/relation_map.h"

#include <fmt/format.h>

namespace lockstep::replication {

using model::ErrorKind;
using model::Fail;
model::Result<model::RelationPtr> RelationMap::Find(const QualifiedName& name) const {
  bool schema_followed = false;
  for (const model::RelationPtr& relation : relations_) {
    if (relation->schema != name.schema) continue;
    if (relation->name == name.name) return relation;
    schema_followed = true;
  }
  if (!schema_followed) return nullptr;
  return Fail(
      ErrorKind::kMisfit,
      fmt::format("table {}.{} was not there when the listener attached; attach again to follow it",
                  model::QuoteIfNeeded(name.schema), model::QuoteIfNeeded(name.name)));
}

}  // namespace lockstep::replication
