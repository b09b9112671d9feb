#include "replication/relation_map.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "model/truncation_log.h"

namespace lockstep::replication {

using model::ErrorKind;
using model::Fail;

model::RelationPtr RelationMap::FindTruncationLog(const QualifiedName& name) const {
  if (name.name != model::kTruncationLog) return nullptr;
  for (const model::RelationPtr& relation : relations_) {
    if (relation->schema == name.schema && relation->name == name.name) return relation;
  }
  return nullptr;
}

model::Result<model::RelationPtr> RelationMap::Find(const Encounter& met) {
  const QualifiedName& name = met.name;
  if (name.name == model::kTruncationLog) return nullptr;
  bool schema_followed = false;
  for (const model::RelationPtr& relation : relations_) {
    if (relation->schema != name.schema) continue;
    if (relation->name == name.name) return relation;
    schema_followed = true;
  }
  if (covers_ ? !covers_(name) : !schema_followed) return nullptr;
  if (auto made = on_new_ ? on_new_(met) : std::nullopt) return Take(name, std::move(*made));
  return Fail(
      ErrorKind::kMisfit,
      fmt::format("table {}.{} was not there when the listener attached; attach again to follow it",
                  model::QuoteIfNeeded(name.schema), model::QuoteIfNeeded(name.name)));
}

model::RelationPtr RelationMap::FindMadeAnew(const Encounter& met) {
  auto made = on_new_ ? on_new_(met) : std::nullopt;
  return made ? Take(met.name, std::move(*made)) : nullptr;
}

model::RelationPtr RelationMap::FindKeyed(const Encounter& met, const model::RelationPtr& known) {
  const bool needs_key =
      known->key.empty() && known->identity != model::ReplicaIdentity::kFull && on_keyless_;
  if (!needs_key || keyless_.contains(met.name)) return nullptr;
  model::RelationPtr keyed = on_keyless_(met);
  if (keyed && !keyed->key.empty() && keyed->HasRowsOf(*known))
    return Take(met.name, {std::move(keyed)});
  keyless_.insert(met.name);
  return nullptr;
}

model::RelationPtr RelationMap::Take(const QualifiedName& name, NewTable made) {
  if (!made.relation) return nullptr;
  if (made.types) types_ = std::move(made.types);
  std::erase_if(relations_, [&](const model::RelationPtr& relation) {
    return relation->schema == name.schema && relation->name == name.name;
  });
  relations_.push_back(made.relation);
  return std::move(made.relation);
}

}  // namespace lockstep::replication
