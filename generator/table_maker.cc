#include "generator/table_maker.h"

#include <algorithm>
#include <cassert>
#include <string_view>
#include <utility>
#include <variant>

#include "model/value.h"

namespace lockstep::generator {
namespace {

constexpr std::uint32_t kNullPercent = 15;
constexpr std::uint32_t kOneLongTextIn = 100;

bool Contains(const ColumnSet& columns, std::uint32_t column) {
  return std::ranges::binary_search(columns, column);
}

// Up to three columns by themselves, three pairs or triples, and all together.
std::vector<ColumnSet> MakeUpdateSets(ColumnSet columns, Random& random) {
  std::vector<ColumnSet> sets;
  sets.push_back(columns);
  random.Shuffle(columns);
  for (std::size_t i = 0; i < columns.size() && i < 3; ++i) sets.push_back({columns[i]});
  for (int i = 0; i < 3 && columns.size() > 2; ++i) {
    std::size_t size = 2 + random.Index(std::min<std::size_t>(2, columns.size() - 2));
    random.Shuffle(columns);
    ColumnSet set(columns.begin(), columns.begin() + static_cast<std::ptrdiff_t>(size));
    std::ranges::sort(set);
    if (std::ranges::find(sets, set) == sets.end()) sets.push_back(std::move(set));
  }
  return sets;
}

}  // namespace

TableMaker::TableMaker(model::RelationPtr relation, std::uint32_t sessions, Random shapes)
    : relation_(std::move(relation)),
      keys_(relation_, sessions),
      key_positions_(relation_->columns.size(), SIZE_MAX) {
  for (std::size_t i = 0; i < relation_->key.size(); ++i) key_positions_[relation_->key[i]] = i;
  ColumnSet free_columns;
  for (std::uint32_t i = 0; i < relation_->columns.size(); ++i) {
    const model::Column& column = relation_->columns[i];
    generations_.push_back(FindGeneration(*relation_, i));
    values_.emplace_back(column);
    if (relation_->IsKeyColumn(i) || generations_[i]) continue;
    free_columns.push_back(i);
    // Not a domain over text.
    if (!long_column_ && column.type_name == "text") long_column_ = i;
  }
  is_generated_ = std::ranges::any_of(generations_, [](const auto& g) { return g.has_value(); });
  updates_ = MakeUpdateSets(free_columns, shapes);
  if (!long_column_) return;
  std::ranges::copy_if(updates_, std::back_inserter(updates_beside_long_text_),
                       [this](const ColumnSet& set) { return !Contains(set, *long_column_); });
  if (updates_beside_long_text_.empty()) {
    std::erase(free_columns, *long_column_);
    assert(!free_columns.empty());
    updates_beside_long_text_.push_back(std::move(free_columns));
  }
}

model::Row TableMaker::MakeRow(Random& random, model::SessionId session, KeyOrdinal key) {
  model::Row key_row = MakeKey(session, key);
  model::SplitCells(key_row, cells_);
  for (std::uint32_t i = 0; i < key_positions_.size(); ++i) {
    if (key_positions_[i] != SIZE_MAX) {
      row_.AddEncoded(cells_[key_positions_[i]]);
    } else if (generations_[i]) {
      row_.Add(model::Cell(model::NotSent{}));
    } else {
      AddCell(random, i);
    }
  }
  return AddGeneratedCells(row_.Build());
}

ColumnSet TableMaker::WithGenerated(ColumnSet columns) const {
  const ColumnSet assigned = columns;
  for (std::uint32_t i = 0; i < generations_.size(); ++i) {
    if (generations_[i] && Contains(assigned, generations_[i]->base)) columns.push_back(i);
  }
  std::ranges::sort(columns);
  return columns;
}

const ColumnSet& TableMaker::PickUpdateBesideLongText(Random& random) const {
  return random.Pick(updates_beside_long_text_);
}

model::Row TableMaker::MakeAssignments(Random& random, model::SessionId session, KeyOrdinal key,
                                       const ColumnSet& columns, std::optional<KeyOrdinal> new_key,
                                       bool only_changed_key_columns) {
  model::Row new_row;
  model::Row old_row;
  if (new_key) {
    new_row = MakeKey(session, *new_key);
    old_row = MakeKey(session, key);
    model::SplitCells(new_row, cells_);
    model::SplitCells(old_row, old_cells_);
  }
  for (std::uint32_t i = 0; i < key_positions_.size(); ++i) {
    std::size_t position = key_positions_[i];
    if (Contains(columns, i)) {
      AddCell(random, i);
    } else if (new_key && position != SIZE_MAX &&
               !(only_changed_key_columns && cells_[position] == old_cells_[position])) {
      row_.AddEncoded(cells_[position]);
    } else {
      row_.Add(model::Cell(model::NotSent{}));
    }
  }
  return AddGeneratedCells(row_.Build());
}

model::Row TableMaker::AddGeneratedCells(model::Row row) {
  if (!is_generated_) return row;
  model::SplitCells(row, cells_);
  for (std::size_t i = 0; i < generations_.size(); ++i) {
    if (!generations_[i]) {
      row_.AddEncoded(cells_[i]);
      continue;
    }
    const model::Cell base = row.At(generations_[i]->base);
    if (const auto* value = std::get_if<model::Value>(&base)) {
      AddGenerated(generations_[i]->expression, *value, row_);
    } else {
      row_.Add(base);  // not assigned either
    }
  }
  return row_.Build();
}

bool TableMaker::HasLongText(const model::Row& row) const {
  if (!long_column_) return false;
  model::Cell cell = row.At(*long_column_);
  const auto* value = std::get_if<model::Value>(&cell);
  const auto* text = value ? std::get_if<model::Text>(value) : nullptr;
  return text && text->text.size() >= kLongTextSize;
}

void TableMaker::AddCell(Random& random, std::uint32_t column) {
  if (!relation_->columns[column].not_null && random.Percent(kNullPercent)) {
    row_.Add(model::Value(model::Null{}));
  } else if (column == long_column_ && random.OneIn(kOneLongTextIn)) {
    values_[column].AddLongText(random, row_);
  } else {
    values_[column].Add(random, row_);
  }
}

}  // namespace lockstep::generator
