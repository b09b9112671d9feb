// Rows and updates of one table.
#ifndef LOCKSTEP_GENERATOR_TABLE_MAKER_H_
#define LOCKSTEP_GENERATOR_TABLE_MAKER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "generator/generated_columns.h"
#include "generator/key_maker.h"
#include "generator/random.h"
#include "generator/value_maker.h"
#include "model/ids.h"
#include "model/relation.h"
#include "model/row.h"

namespace lockstep::generator {

// Columns of a table, ascending.
using ColumnSet = std::vector<std::uint32_t>;

class TableMaker {
 public:
  // Texts of this size and more are those that Postgres stores out of line.
  static constexpr std::size_t kLongTextSize = 3000;

  TableMaker(model::RelationPtr relation, std::uint32_t sessions, Random shapes);

  bool HasLongText() const { return long_column_.has_value(); }
  bool HasCompositeKey() const { return keys_.IsComposite(); }
  model::Row MakeKey(model::SessionId session, KeyOrdinal key) const {
    return keys_.MakeKey(session, key);
  }

  // A complete row. About one in a hundred has a long text, where the table has a column for it.
  model::Row MakeRow(Random& random, model::SessionId session, KeyOrdinal key);

  // One of a few sets of columns outside the key, none generated, that updates assign: few, since
  // each is a statement to prepare.
  const ColumnSet& PickUpdate(Random& random) const { return random.Pick(updates_); }
  // The same without the column of long texts, which the table must have.
  const ColumnSet& PickUpdateBesideLongText(Random& random) const;

  // And the columns that are generated from these: what changes when they are assigned.
  ColumnSet WithGenerated(ColumnSet columns) const;

  // Assigns `columns`, what is generated from them, and the key columns of `new_key` when there is
  // one: all of them, or only those that differ from the ones of `key`.
  model::Row MakeAssignments(Random& random, model::SessionId session, KeyOrdinal key,
                             const ColumnSet& columns, std::optional<KeyOrdinal> new_key,
                             bool only_changed_key_columns);

  bool HasLongText(const model::Row& row) const;

 private:
  void AddCell(Random& random, std::uint32_t column);
  // The row with what its other cells give in generated columns.
  model::Row AddGeneratedCells(model::Row row);

  model::RelationPtr relation_;
  KeyMaker keys_;
  std::vector<ValueMaker> values_;                      // by column
  std::vector<std::optional<Generation>> generations_;  // by column
  bool is_generated_ = false;                           // any column
  std::vector<std::size_t> key_positions_;              // by column: place in the key, or SIZE_MAX
  std::optional<std::uint32_t> long_column_;            // the first text outside the key
  std::vector<ColumnSet> updates_;
  std::vector<ColumnSet> updates_beside_long_text_;
  model::RowBuilder row_;
  std::vector<std::string_view> cells_;
  std::vector<std::string_view> old_cells_;
};

}  // namespace lockstep::generator

#endif  // LOCKSTEP_GENERATOR_TABLE_MAKER_H_
