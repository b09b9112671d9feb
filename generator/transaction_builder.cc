#include "generator/transaction_builder.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace lockstep::generator {
namespace {

// Enough to find one that is still there; the oldest is forgotten.
constexpr std::size_t kRememberedLongTexts = 64;

}  // namespace

std::size_t SessionRows::CountRows() const {
  std::size_t count = 0;
  for (const LiveKeys& keys : live) count += keys.size();
  return count;
}

bool SessionRows::Owns(std::uint32_t table) const {
  return std::ranges::find(owned, table) != owned.end();
}

TransactionBuilder::TransactionBuilder(std::vector<std::optional<TableMaker>>& tables,
                                       SessionRows& rows, Random& random)
    : tables_(tables), rows_(rows), random_(random) {}

void TransactionBuilder::Insert(std::uint32_t table, KeyOrdinal key) {
  model::Row row = tables_[table]->MakeRow(random_, rows_.session, key);
  if (tables_[table]->HasLongText(row)) RememberLongText(table, key);
  operations_.emplace_back(model::InsertRow{table, std::move(row)});
  if (failed_) return;
  if (live(table).Contains(key)) {
    failed_ = true;
  } else {
    Add(table, key);
  }
}

void TransactionBuilder::Upsert(std::uint32_t table, KeyOrdinal key) {
  model::Row row = tables_[table]->MakeRow(random_, rows_.session, key);
  if (tables_[table]->HasLongText(row)) RememberLongText(table, key);
  ColumnSet updated = tables_[table]->WithGenerated(tables_[table]->PickUpdate(random_));
  operations_.emplace_back(model::UpsertRow{table, std::move(row), std::move(updated)});
  if (!failed_ && !live(table).Contains(key)) Add(table, key);
}

void TransactionBuilder::Update(std::uint32_t table, KeyOrdinal key) {
  PushUpdate(table, key, tables_[table]->PickUpdate(random_), std::nullopt);
}

void TransactionBuilder::UpdateBesideLongText(std::uint32_t table, KeyOrdinal key) {
  PushUpdate(table, key, tables_[table]->PickUpdateBesideLongText(random_), std::nullopt);
}

void TransactionBuilder::ChangeKey(std::uint32_t table, KeyOrdinal key, KeyOrdinal new_key) {
  ColumnSet columns;
  if (random_.Percent(30)) {
    columns = tables_[table]->HasLongText() ? tables_[table]->PickUpdateBesideLongText(random_)
                                            : tables_[table]->PickUpdate(random_);
  }
  PushUpdate(table, key, columns, new_key);
  if (failed_ || key == new_key || !live(table).Contains(key)) return;
  if (live(table).Contains(new_key)) {
    failed_ = true;
  } else {
    Remove(table, key);
    Add(table, new_key);
  }
}

void TransactionBuilder::Delete(std::uint32_t table, KeyOrdinal key) {
  operations_.emplace_back(model::DeleteRow{table, tables_[table]->MakeKey(rows_.session, key)});
  if (!failed_ && live(table).Contains(key)) Remove(table, key);
}

void TransactionBuilder::Truncate(std::uint32_t table) {
  assert(rows_.Owns(table));
  operations_.emplace_back(model::TruncateTable{table});
  if (failed_) return;
  // From the end, where nothing moves.
  while (live(table).size() > 0) Remove(table, live(table)[live(table).size() - 1]);
}

void TransactionBuilder::EmitMessage(std::string prefix, std::string content) {
  operations_.emplace_back(model::EmitMessage{std::move(prefix), std::move(content)});
}

void TransactionBuilder::Savepoint() {
  assert(!failed_);
  operations_.emplace_back(model::Savepoint{});
  savepoints_.push_back(steps_.size());
}

void TransactionBuilder::RollBackToSavepoint() {
  assert(!savepoints_.empty());
  operations_.emplace_back(model::RollbackToSavepoint{});
  UndoTo(savepoints_.back());
  failed_ = false;
}

void TransactionBuilder::ReleaseSavepoint() {
  assert(!failed_ && !savepoints_.empty());
  operations_.emplace_back(model::ReleaseSavepoint{});
  savepoints_.pop_back();
}

model::Script TransactionBuilder::Finish(model::TransactionId id, model::ScriptEnd end) {
  if (failed_ || end == model::ScriptEnd::kRollback) UndoTo(0);
  return {id, rows_.session, std::move(operations_), end};
}

void TransactionBuilder::Add(std::uint32_t table, KeyOrdinal key) {
  rows_.live[table].Add(key);
  steps_.push_back({table, key, true});
}

void TransactionBuilder::Remove(std::uint32_t table, KeyOrdinal key) {
  rows_.live[table].Remove(key);
  steps_.push_back({table, key, false});
}

void TransactionBuilder::UndoTo(std::size_t steps) {
  while (steps_.size() > steps) {
    const Step& step = steps_.back();
    if (step.added) {
      rows_.live[step.table].Remove(step.key);
    } else {
      rows_.live[step.table].Add(step.key);
    }
    steps_.pop_back();
  }
}

void TransactionBuilder::PushUpdate(std::uint32_t table, KeyOrdinal key, const ColumnSet& columns,
                                    std::optional<KeyOrdinal> new_key) {
  bool only_changed = new_key && *new_key != key && random_.Percent(50);
  model::Row assignments =
      tables_[table]->MakeAssignments(random_, rows_.session, key, columns, new_key, only_changed);
  if (tables_[table]->HasLongText(assignments)) RememberLongText(table, key);
  operations_.emplace_back(
      model::UpdateRow{table, tables_[table]->MakeKey(rows_.session, key), std::move(assignments)});
}

void TransactionBuilder::RememberLongText(std::uint32_t table, KeyOrdinal key) {
  std::vector<KeyOrdinal>& keys = rows_.long_texts[table];
  if (keys.size() == kRememberedLongTexts) keys.erase(keys.begin());
  keys.push_back(key);
}

}  // namespace lockstep::generator
