#include "replication/replica.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>

#include "model/text_form.h"

namespace lockstep::replication {
namespace {

using model::Relation;
using model::Row;

std::unexpected<Misfit> DoesNotFit(const char* operation, const Relation& relation, const Row& key,
                                   const char* why) {
  return std::unexpected(
      Misfit{relation.name, key,
             fmt::format("{} on {} of key {}: {}", operation, relation.QualifiedName(),
                         model::DescribeKey(relation, key), why),
             std::nullopt, relation.schema});
}

std::unexpected<Misfit> Unfollowable(std::uint32_t table, std::unexpected<Misfit> misfit) {
  misfit.error().unfollowable = table;
  return misfit;
}

// (id integer, note text)
std::string ColumnNames(const Relation& relation) {
  std::string names;
  for (const model::Column& column : relation.columns) {
    names += fmt::format("{}{} {}", names.empty() ? "" : ", ", model::QuoteIfNeeded(column.name),
                         column.type_name);
  }
  return "(" + names + ")";
}

// (id)
std::string KeyNames(const Relation& relation) {
  std::string names;
  for (const std::uint32_t column : relation.key) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ",
                         model::QuoteIfNeeded(relation.columns[column].name));
  }
  return "(" + names + ")";
}

constexpr const char* kAbsent = "the replica has no such row";
constexpr const char* kDuplicate = "the replica has this key already";
constexpr const char* kNoOldRow =
    "nothing identifies the row; give the table a primary key or REPLICA IDENTITY FULL";
// Whether an old row tells all that the plugin sends of its columns.
bool IsWhole(const Row& row) {
  for (const model::Cell cell : row) {
    if (!std::holds_alternative<model::Value>(cell) &&
        !std::holds_alternative<model::NotSent>(cell))
      return false;
  }
  return true;
}

constexpr const char* kNoKey = "the key is not complete in the stream (replica identity)";

}  // namespace

std::expected<Applied, Misfit> Replica::Apply(const model::Transaction& transaction) {
  for (const model::UnreadTable& table : transaction.unread) {
    if (policy_ == FollowPolicy::kStrict)
      return std::unexpected(Misfit{table.name, Row(), table.reason, std::nullopt, table.schema});
    SetAside({table.schema, table.name, table.reason, transaction.end_lsn, table.is_followable});
  }
  // One whose form changes within the transaction is rekeyed once, and then set aside.
  std::set<std::uint32_t> rekeyed;
  while (true) {
    auto applied = ApplyChanges(transaction);
    if (applied || policy_ == FollowPolicy::kStrict || !applied.error().unfollowable)
      return applied;
    Misfit& misfit = applied.error();
    if (misfit.rekeyed && rekeyed.insert(*misfit.unfollowable).second) {
      auto ok = Rekey(*misfit.unfollowable, misfit.rekeyed);
      if (!ok) return std::unexpected(std::move(ok.error()));
      continue;
    }
    const Relation& relation = *database_.table(*misfit.unfollowable).relation();
    SetAside({.schema = relation.schema,
              .name = relation.name,
              .reason = std::move(misfit.message),
              .end_lsn = transaction.end_lsn,
              .unshown_key = misfit.unshown_key});
  }
}

std::expected<Applied, Misfit> Replica::ApplyChanges(const model::Transaction& transaction) {
  Images images;
  digest_.Clear();
  images.reserve(transaction.changes.size());
  for (const model::Change& change : transaction.changes) {
    if (!quarantined_.empty() && IsQuarantined(model::RelationOf(change))) continue;
    auto applied = std::visit([&](const auto& c) { return Apply(c, images); }, change);
    if (!applied) {
      database_.Undo(images);
      return std::unexpected(std::move(applied.error()));
    }
  }
  valid_at_ = transaction.end_lsn;
  return Applied{std::move(images), digest_.digest()};
}

std::expected<void, Misfit> Replica::Apply(const model::Insert& insert, Images& images) {
  auto table = TableOf(insert.relation);
  if (!table) return std::unexpected(std::move(table.error()));
  Row key = database_.table(*table).KeyToInsert(insert.row);
  if (database_.table(*table).Find(key))
    return Duplicate("INSERT", *table, *database_.table(*table).relation(), key);
  digest_.Insert(insert.relation->name, insert.row);
  images.push_back(database_.Write(*table, std::move(key), insert.row));
  return {};
}

std::expected<void, Misfit> Replica::Apply(const model::Update& update, Images& images) {
  auto table = TableOf(update.relation);
  if (!table) return std::unexpected(std::move(table.error()));
  const Relation& relation = *database_.table(*table).relation();
  if (relation.key.empty()) return UpdateCopy(*table, update, images);
  Row old_key = relation.KeyOf(update.old_row ? *update.old_row : update.row);
  if (!old_key.IsComplete())
    return Unfollowable(*table, DoesNotFit("UPDATE", relation, old_key, kNoKey));
  const Row* found = database_.table(*table).Find(old_key);
  if (!found) return DoesNotFit("UPDATE", relation, old_key, kAbsent);
  Row row = update.row.IsComplete() ? update.row : FillUnchanged(update.row, *found);
  Row key = update.old_row ? relation.KeyOf(row) : old_key;
  const bool moved = key != old_key;
  digest_.Update(relation.name, moved ? &old_key : nullptr, row);
  if (moved) {
    if (database_.table(*table).Find(key)) return Duplicate("UPDATE", *table, relation, key);
    images.push_back(database_.Write(*table, std::move(old_key), std::nullopt));
    old_key = std::move(key);
  }
  images.push_back(database_.Write(*table, std::move(old_key), std::move(row)));
  return {};
}

std::expected<void, Misfit> Replica::Apply(const model::Delete& erase, Images& images) {
  auto table = TableOf(erase.relation);
  if (!table) return std::unexpected(std::move(table.error()));
  const Relation& relation = *database_.table(*table).relation();
  if (relation.key.empty()) return DeleteCopy(*table, erase, images);
  Row key = relation.KeyOf(erase.old_row);
  if (!key.IsComplete()) return Unfollowable(*table, DoesNotFit("DELETE", relation, key, kNoKey));
  if (!database_.table(*table).Find(key)) return DoesNotFit("DELETE", relation, key, kAbsent);
  digest_.Delete(relation.name, key);
  images.push_back(database_.Write(*table, std::move(key), std::nullopt));
  return {};
}

std::expected<void, Misfit> Replica::UpdateCopy(std::uint32_t table, const model::Update& update,
                                                Images& images) {
  const Relation& relation = *update.relation;
  if (!update.old_row || !IsWhole(*update.old_row))
    return Unfollowable(table, DoesNotFit("UPDATE", relation, Row(), kNoOldRow));
  const Row& old_row = *update.old_row;
  const std::uint64_t copies = database_.table(table).CountCopies(old_row);
  if (copies == 0) return DoesNotFit("UPDATE", relation, old_row, kAbsent);
  Row row = update.row.IsComplete() ? update.row : FillUnchanged(update.row, old_row);
  digest_.Update(relation.name, row == old_row ? nullptr : &old_row, row);
  Row old_key = model::Table::CopyKey(old_row, copies - 1);
  images.push_back(database_.Write(table, std::move(old_key), std::nullopt));
  Row key = database_.table(table).KeyToInsert(row);
  images.push_back(database_.Write(table, std::move(key), std::move(row)));
  return {};
}

std::expected<void, Misfit> Replica::DeleteCopy(std::uint32_t table, const model::Delete& erase,
                                                Images& images) {
  const Relation& relation = *erase.relation;
  if (!IsWhole(erase.old_row))
    return Unfollowable(table, DoesNotFit("DELETE", relation, Row(), kNoOldRow));
  const std::uint64_t copies = database_.table(table).CountCopies(erase.old_row);
  if (copies == 0) return DoesNotFit("DELETE", relation, erase.old_row, kAbsent);
  digest_.Delete(relation.name, erase.old_row);
  Row key = model::Table::CopyKey(erase.old_row, copies - 1);
  images.push_back(database_.Write(table, std::move(key), std::nullopt));
  return {};
}

std::expected<void, Misfit> Replica::Apply(const model::Truncate& truncate, Images& images) {
  auto table = TableOf(truncate.relation);
  if (!table) return std::unexpected(std::move(table.error()));
  digest_.Truncate(truncate.relation->name);
  for (model::RowImage& image : database_.EraseAll(*table)) images.push_back(std::move(image));
  return {};
}

std::expected<void, Misfit> Replica::Apply(const model::LogicalMessage& message, Images&) {
  digest_.Message(message.prefix, message.content);
  return {};
}

// The source has each key once: where this one may stand for two of its keys, nothing is wrong but
// that they look alike.
std::unexpected<Misfit> Replica::Duplicate(const char* operation, std::uint32_t table,
                                           const Relation& relation, const Row& key) const {
  auto misfit = DoesNotFit(operation, relation, key, kDuplicate);
  if (const auto doubt = projection_.DoubtInKey(relation, key)) {
    misfit.error().message = model::Describe(relation, *doubt);
    misfit.error().unfollowable = table;
    misfit.error().unshown_key = true;
  }
  return misfit;
}

std::expected<std::uint32_t, Misfit> Replica::TableOf(const model::RelationPtr& relation) {
  if (relation == last_relation_) return last_table_;
  if (auto known = tables_.find(relation); known != tables_.end()) {
    last_relation_ = relation;
    return last_table_ = known->second;
  }
  auto table = database_.FindTable(relation->schema, relation->name);
  if (!table) {
    return std::unexpected(
        Misfit{relation->name, Row(),
               fmt::format("the replica has no table {}", relation->QualifiedName()), std::nullopt,
               relation->schema});
  }
  const Relation& known = *database_.table(*table).relation();
  // A change that was decoded before the key was known is one of the same rows.
  const bool is_from_before =
      relation->key.empty() && !known.key.empty() && relation->HasRowsOf(known);
  if (!is_from_before && (relation->columns != known.columns || relation->key != known.key)) {
    Misfit misfit{
        relation->name, Row(),
        fmt::format("table {} changed since the listener attached: its columns were {} with key "
                    "{}, and are {} with key {}; attach again",
                    relation->QualifiedName(), ColumnNames(known), KeyNames(known),
                    ColumnNames(*relation), KeyNames(*relation)),
        *table, relation->schema};
    if (relation->HasRowsOf(known)) misfit.rekeyed = relation;
    return std::unexpected(std::move(misfit));
  }
  tables_.emplace(relation, *table);
  last_relation_ = relation;
  return last_table_ = *table;
}

std::uint32_t Replica::Join(const model::RelationPtr& relation) {
  std::erase_if(set_aside_, [&](const SetAsideTable& table) {
    return table.schema == relation->schema && table.name == relation->name;
  });
  const auto known = database_.FindTable(relation->schema, relation->name);
  if (!known) {
    const std::uint32_t added = database_.AddTable(relation);
    if (!quarantined_.empty()) quarantined_.resize(database_.table_count());
    return added;
  }
  database_.ReplaceTable(*known, relation);
  ForgetRelationsOf(*known);
  if (*known < quarantined_.size()) quarantined_[*known] = false;
  return *known;
}

void Replica::ForgetRelationsOf(std::uint32_t table) {
  std::erase_if(tables_, [&](const auto& met) { return met.second == table; });
  last_relation_ = nullptr;
}

std::expected<void, Misfit> Replica::Rekey(std::uint32_t table,
                                           const model::RelationPtr& relation) {
  if (const auto key = database_.Rekey(table, relation))
    return Duplicate("ALTER TABLE", table, *relation, *key);
  ForgetRelationsOf(table);
  return {};
}

void Replica::Quarantine(std::uint32_t table) {
  quarantined_.resize(database_.table_count());
  quarantined_[table] = true;
  (void)database_.EraseAll(table);
}

void Replica::SetAside(SetAsideTable table) {
  if (auto known = database_.FindTable(table.schema, table.name)) Quarantine(*known);
  const auto same = [&](const SetAsideTable& known) {
    return known.schema == table.schema && known.name == table.name;
  };
  if (!std::ranges::any_of(set_aside_, same)) set_aside_.push_back(std::move(table));
}

// By the name: its columns may be others than the replica's.
bool Replica::IsQuarantined(const model::RelationPtr& relation) const {
  if (!relation) return false;
  if (relation == last_relation_) return quarantined_[last_table_];
  const auto table = database_.FindTable(relation->schema, relation->name);
  return table && quarantined_[*table];
}

Row Replica::FillUnchanged(const Row& row, const Row& old_row) {
  auto old = old_row.begin();
  for (auto it = row.begin(); it != row.end(); ++it, ++old) {
    builder_.AddEncoded(std::holds_alternative<model::Unchanged>(*it) ? old.encoded()
                                                                      : it.encoded());
  }
  return builder_.Build();
}

}  // namespace lockstep::replication
