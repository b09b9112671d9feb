#include "consumer/sabotage.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <set>
#include <utility>
#include <variant>

#include "model/overloaded.h"
#include "model/relation.h"
#include "model/row.h"

namespace lockstep::consumer {
namespace {

using model::Change;
using model::Row;
using model::SabotageKind;
using model::Transaction;
using model::Value;

// The row with one cell in another's place.
Row ReplaceCell(const Row& row, std::size_t column, const Value& value) {
  model::RowBuilder builder;
  std::size_t i = 0;
  for (auto it = row.begin(); it != row.end(); ++it, ++i) {
    if (i == column) {
      builder.Add(value);
    } else {
      builder.AddEncoded(it.encoded());
    }
  }
  return builder.Build();
}

// The new row of an insert or an update; nullptr for a delete.
Row* NewRow(Change& change) {
  return std::visit(model::Overloaded{
                        [](model::Insert& insert) { return &insert.row; },
                        [](model::Update& update) { return &update.row; },
                        [](const auto&) -> Row* { return nullptr; },
                    },
                    change);
}

// Every key that the transaction touches, with its table.
std::set<std::pair<const model::Relation*, Row>> TouchedKeys(const Transaction& transaction) {
  std::set<std::pair<const model::Relation*, Row>> keys;
  for (const Change& change : transaction.changes) {
    if (!model::RelationOf(change)) continue;
    const model::Relation& relation = *model::RelationOf(change);
    std::visit(model::Overloaded{
                   [&](const model::Insert& insert) {
                     keys.emplace(&relation, relation.KeyOf(insert.row));
                   },
                   [&](const model::Update& update) {
                     keys.emplace(&relation, relation.KeyOf(update.row));
                     if (update.old_row) keys.emplace(&relation, relation.KeyOf(*update.old_row));
                   },
                   [&](const model::Delete& erase) {
                     keys.emplace(&relation, relation.KeyOf(erase.old_row));
                   },
                   [](const auto&) {},
               },
               change);
  }
  return keys;
}

// A truncation touches keys that it does not name.
bool ChangesOnlyRows(const Transaction& transaction) {
  return std::ranges::none_of(transaction.changes, [](const Change& change) {
    return std::holds_alternative<model::Truncate>(change) ||
           std::holds_alternative<model::LogicalMessage>(change);
  });
}

bool AreDisjoint(const Transaction& a, const Transaction& b) {
  if (!ChangesOnlyRows(a) || !ChangesOnlyRows(b)) return false;
  const auto keys = TouchedKeys(a);
  return std::ranges::none_of(TouchedKeys(b), [&](const auto& key) { return keys.contains(key); });
}

std::set<std::pair<const model::Relation*, Row>> KeysTouchedAfter(const Transaction& transaction,
                                                                  std::size_t index) {
  Transaction later;
  later.changes.assign(transaction.changes.begin() + static_cast<std::ptrdiff_t>(index) + 1,
                       transaction.changes.end());
  return TouchedKeys(later);
}

// True when no later change of the transaction touches the row that change `index` writes: then
// what is done to it lasts.
bool IsLastOfItsRow(const Transaction& transaction, std::size_t index) {
  Change change = transaction.changes[index];
  const model::Relation* relation = model::RelationOf(change).get();
  const Row* row = NewRow(change);
  if (!row) return true;
  return !KeysTouchedAfter(transaction, index).contains({relation, relation->KeyOf(*row)});
}

bool MovesItsRow(const model::Update& update) {
  return update.old_row &&
         update.relation->KeyOf(*update.old_row) != update.relation->KeyOf(update.row);
}

}  // namespace

model::Result<std::vector<Transaction>> Saboteur::Change(Transaction transaction) {
  const bool may_act = deed_.empty() && !transaction.changes.empty() &&
                       ++seen_ > kFirstTransaction && ChangesOnlyRows(transaction);
  const model::Xid xid = transaction.xid;
  const model::Lsn end_lsn = transaction.end_lsn;
  bool acted = false;
  std::vector<Transaction> result;
  if (may_act || held_) {
    switch (kind_) {
      case SabotageKind::kDropChange:
        acted = DropChange(transaction);
        break;
      case SabotageKind::kNullForUnchanged:
        acted = NullForUnchanged(transaction);
        break;
      case SabotageKind::kCorruptValue:
        acted = CorruptValue(transaction);
        break;
      case SabotageKind::kStaleKey:
        acted = LeaveStaleKey(transaction);
        break;
      case SabotageKind::kReorderChanges:
        acted = ReorderChanges(transaction);
        break;
      case SabotageKind::kSwapCommits:
        return Swap(std::move(transaction));
      case SabotageKind::kDuplicateTransaction:
        return Duplicate(std::move(transaction));
      case SabotageKind::kApplyRolledBack:
        return Invent(std::move(transaction));
    }
  }
  if (acted) deed_ = fmt::format("{} in xid {} at {}", NameOf(kind_), xid.value, ToString(end_lsn));
  result.push_back(std::move(transaction));
  return result;
}

bool Saboteur::DropChange(Transaction& transaction) {
  // The first change is the session row's; without it alone the commit would be one that changes
  // nothing.
  if (transaction.changes.size() < 2) return false;
  // An update may set what is there already; without it the state would be the same.
  if (std::holds_alternative<model::Update>(transaction.changes.back())) return false;
  transaction.changes.pop_back();
  return true;
}

bool Saboteur::NullForUnchanged(Transaction& transaction) {
  for (std::size_t i = 0; i < transaction.changes.size(); ++i) {
    Row* row = NewRow(transaction.changes[i]);
    if (!row || !IsLastOfItsRow(transaction, i)) continue;
    std::size_t column = 0;
    for (const model::Cell cell : *row) {
      if (std::holds_alternative<model::Unchanged>(cell)) {
        *row = ReplaceCell(*row, column, model::Null{});
        return true;
      }
      ++column;
    }
  }
  return false;
}

// Another value of the same kind that differs in one bit; nullopt for kinds that are left alone.
static std::optional<Value> FlipBit(const Value& value, std::string& scratch) {
  const auto flipped = [&](std::string_view text) -> std::optional<std::string_view> {
    if (text.empty()) return std::nullopt;
    scratch = text;
    scratch.back() = static_cast<char>(scratch.back() ^ 1);
    return scratch;
  };
  return std::visit(
      model::Overloaded{
          [](bool v) -> std::optional<Value> { return !v; },
          [](std::int64_t v) -> std::optional<Value> { return v ^ 1; },
          [](model::Date v) -> std::optional<Value> { return model::Date{v.days ^ 1}; },
          [](model::Time v) -> std::optional<Value> { return model::Time{v.micros ^ 1}; },
          [](model::Timestamp v) -> std::optional<Value> { return model::Timestamp{v.micros ^ 1}; },
          [&](model::Text v) -> std::optional<Value> {
            auto text = flipped(v.text);
            return text ? std::optional<Value>(model::Text{*text}) : std::nullopt;
          },
          [&](model::Bytes v) -> std::optional<Value> {
            auto bytes = flipped(v.bytes);
            return bytes ? std::optional<Value>(model::Bytes{*bytes}) : std::nullopt;
          },
          [](const auto&) -> std::optional<Value> { return std::nullopt; },
      },
      value);
}

bool Saboteur::CorruptValue(Transaction& transaction) {
  // The first change is the session row's.
  for (std::size_t i = 1; i < transaction.changes.size(); ++i) {
    Row* row = NewRow(transaction.changes[i]);
    if (!row || !IsLastOfItsRow(transaction, i)) continue;
    const model::Relation& relation = *model::RelationOf(transaction.changes[i]);
    std::uint32_t column = 0;
    for (const model::Cell cell : *row) {
      const auto* value = std::get_if<Value>(&cell);
      std::string scratch;
      auto flipped =
          value && !relation.IsKeyColumn(column) ? FlipBit(*value, scratch) : std::nullopt;
      if (flipped) {
        *row = ReplaceCell(*row, column, *flipped);
        return true;
      }
      ++column;
    }
  }
  return false;
}

bool Saboteur::LeaveStaleKey(Transaction& transaction) {
  for (std::size_t i = 0; i < transaction.changes.size(); ++i) {
    model::Change& change = transaction.changes[i];
    auto* update = std::get_if<model::Update>(&change);
    if (!update || !MovesItsRow(*update) || !update->row.IsComplete()) continue;
    // Another row that moves to the old key would not fit.
    const auto later = KeysTouchedAfter(transaction, i);
    const model::Relation* relation = update->relation.get();
    if (later.contains({relation, relation->KeyOf(*update->old_row)}) ||
        later.contains({relation, relation->KeyOf(update->row)}))
      continue;
    change = model::Insert{update->relation, update->row};
    return true;
  }
  return false;
}

bool Saboteur::ReorderChanges(Transaction& transaction) {
  // The first change is the session row's.
  for (std::size_t i = 1; i + 1 < transaction.changes.size(); ++i) {
    Transaction first;
    Transaction second;
    first.changes.push_back(transaction.changes[i]);
    second.changes.push_back(transaction.changes[i + 1]);
    if (!AreDisjoint(first, second)) continue;
    std::swap(transaction.changes[i], transaction.changes[i + 1]);
    return true;
  }
  return false;
}

std::vector<Transaction> Saboteur::Swap(Transaction transaction) {
  if (!held_) {
    held_ = std::move(transaction);
    return {};
  }
  Transaction first = *std::exchange(held_, std::nullopt);
  if (transaction.changes.empty()) return {std::move(first), std::move(transaction)};
  if (!AreDisjoint(first, transaction)) {
    held_ = std::move(transaction);
    return {std::move(first)};
  }
  std::swap(first.end_lsn, transaction.end_lsn);
  deed_ = fmt::format("{}: xid {} at {} and xid {} at {}", NameOf(kind_), transaction.xid.value,
                      ToString(transaction.end_lsn), first.xid.value, ToString(first.end_lsn));
  return {std::move(transaction), std::move(first)};
}

std::vector<Transaction> Saboteur::Duplicate(Transaction transaction) {
  Transaction again = transaction;
  ++again.end_lsn.value;
  deed_ = fmt::format("{}: xid {} again at {}", NameOf(kind_), again.xid.value,
                      ToString(again.end_lsn));
  return {std::move(transaction), std::move(again)};
}

model::Result<std::vector<Transaction>> Saboteur::Invent(Transaction transaction) {
  model::Change& last = transaction.changes.back();
  const Row* row = NewRow(last);
  if (!row) return std::vector{std::move(transaction)};
  auto xid = rolled_back_xid_();
  if (!xid) return std::unexpected(std::move(xid.error()));
  Transaction invented{.xid = *xid, .end_lsn = {transaction.end_lsn.value + 1}};
  invented.changes.push_back(model::Delete{model::RelationOf(last), *row});
  deed_ = fmt::format("{}: xid {} at {}", NameOf(kind_), xid->value, ToString(invented.end_lsn));
  return std::vector{std::move(transaction), std::move(invented)};
}

}  // namespace lockstep::consumer
