#include "replication/pgoutput_relation.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "model/output_plugin.h"
#include "model/projection.h"

namespace lockstep::replication {
namespace {

using model::Column;
using model::ErrorKind;
using model::Fail;
using model::Relation;
using model::ReplicaIdentity;
using model::Result;
using model::TypeCatalog;

// Whether a column that is sent with type `sent` can be `known`, which holds a domain's base type.
// Without the database's types nothing is known of the OIDs it gave itself.
bool TypeFits(const Column& known, model::Oid sent, const TypeCatalog& types) {
  constexpr std::uint32_t kFirstUnpinned =
      12'000;  // below it OIDs are fixed by the server's source
  if (types.BaseOf(sent) == known.type) return true;
  return !types.is_complete() && sent.value >= kFirstUnpinned && !types.Find(sent);
}

// Where each known column is in what is sent; nothing when the columns are not the known ones.
// Only stored generated columns may be missing.
std::optional<std::vector<std::optional<std::size_t>>> MatchColumns(const SentRelation& sent,
                                                                    const Relation& known,
                                                                    const TypeCatalog& types) {
  std::vector<std::optional<std::size_t>> positions;
  std::size_t next = 0;
  for (const Column& column : known.columns) {
    if (next < sent.columns.size() && sent.columns[next].name == column.name &&
        TypeFits(column, sent.columns[next].type, types)) {
      positions.emplace_back(next++);
    } else if (!column.generated.empty()) {
      positions.emplace_back(std::nullopt);
    } else {
      return std::nullopt;
    }
  }
  if (next != sent.columns.size()) return std::nullopt;
  return positions;
}

Result<Column> MakeColumn(const SentColumn& sent, const Relation& known, const TypeCatalog& types) {
  const auto it = std::ranges::find(known.columns, sent.name, &Column::name);
  if (it != known.columns.end() && TypeFits(*it, sent.type, types)) return *it;
  const model::Type* type = types.Find(sent.type);
  if (!type) {
    return Fail(ErrorKind::kMisfit,
                fmt::format("column {} has a type (OID {}) that was not there when the listener "
                            "attached; attach again",
                            sent.name, sent.type.value));
  }
  return Column{.name = sent.name,
                .type = types.BaseOf(sent.type),
                .type_name = FormatType(types, *type, sent.modifier)};
}

// The key of `relation`, whose columns are those of `known` or new: the known one, by name, when
// the description does not tell one (FULL, NOTHING) or tells the same; else what is told.
std::vector<std::uint32_t> KeyFor(const Relation& relation, const std::vector<bool>& told,
                                  const Relation& known) {
  std::vector<std::uint32_t> key;
  for (const std::uint32_t column : known.key) {
    const auto it = std::ranges::find(relation.columns, known.columns[column].name, &Column::name);
    if (it == relation.columns.end()) break;
    key.push_back(static_cast<std::uint32_t>(it - relation.columns.begin()));
  }
  if (key.size() != known.key.size()) key.clear();
  if (relation.identity == ReplicaIdentity::kFull) return key;
  const auto count = static_cast<std::size_t>(std::ranges::count(told, true));
  // With NOTHING a key is one all the same.
  if (count == 0) return key;
  if (count == key.size() && std::ranges::all_of(key, [&](auto column) { return told[column]; }))
    return key;
  key.clear();
  for (std::size_t i = 0; i < told.size(); ++i) {
    if (told[i]) key.push_back(static_cast<std::uint32_t>(i));
  }
  return key;
}

}  // namespace

Result<SentTable> MatchRelation(const SentRelation& sent, const model::RelationPtr& known,
                                const TypeCatalog& types) {
  SentTable table;
  table.sent_columns = sent.columns.size();
  Relation relation;
  if (auto positions = MatchColumns(sent, *known, types)) {
    table.positions = std::move(*positions);
    relation = *known;
  } else {
    relation.schema = known->schema;
    relation.name = known->name;
    for (std::size_t i = 0; i < sent.columns.size(); ++i) {
      auto column = MakeColumn(sent.columns[i], *known, types);
      if (!column) return std::unexpected(std::move(column.error()));
      relation.columns.push_back(std::move(*column));
      table.positions.emplace_back(i);
    }
  }
  relation.identity = sent.identity;
  for (const auto& position : table.positions)
    table.in_identity.push_back(position && sent.columns[*position].in_identity);
  relation.key = KeyFor(relation, table.in_identity, *known);
  for (const std::uint32_t column : relation.key) {
    if (table.positions[column]) continue;
    return Fail(ErrorKind::kUnsupported,
                model::Describe(relation, {column, model::Loss::kGeneratedColumn}));
  }
  table.relation =
      relation == *known ? known : std::make_shared<const Relation>(std::move(relation));
  return table;
}

}  // namespace lockstep::replication
