// The rows of a database as a plugin with losses shows them (model/output_plugin.h).
//
// The expected state is projected before it is compared with a listener on such a plugin, and so
// are the rows that the listener copied at its attachment: its replica holds nothing but projected
// rows. Only losses that change values matter here; a row without such a value stays as it is.
#ifndef LOCKSTEP_MODEL_PROJECTION_H_
#define LOCKSTEP_MODEL_PROJECTION_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "model/output_plugin.h"
#include "model/relation.h"
#include "model/row.h"
#include "model/value.h"

namespace lockstep::model {

// Cells that were projected, by Loss.
struct LossCounts {
  std::array<std::uint64_t, kLossCount> cells = {};

  std::uint64_t& operator[](Loss loss) { return cells[static_cast<std::size_t>(loss)]; }
  std::uint64_t operator[](Loss loss) const { return cells[static_cast<std::size_t>(loss)]; }
  LossCounts& operator+=(const LossCounts& other);
  friend bool operator==(const LossCounts&, const LossCounts&) = default;
};

// A column of a table's key that is not shown as it is: by it two rows may become one.
struct KeyLoss {
  std::uint32_t column = 0;  // of the relation
  Loss loss = Loss::kGeneratedColumn;
  friend bool operator==(const KeyLoss&, const KeyLoss&) = default;
};

// Why the rows of the table cannot be told apart: the same sentence wherever it is found.
std::string Describe(const Relation& relation, const KeyLoss& lost);

class Projection {
 public:
  explicit Projection(LossSet losses) : losses_(losses) {}

  LossSet losses() const { return losses_; }
  // Whether a row of this table can hold a value that is lost.
  bool MayLose(const Relation& relation) const;
  // The row as it is shown; nullopt: as it is. Adds what was projected to `counts`, if there is
  // one.
  std::optional<Row> Project(const Relation& relation, const Row& row,
                             LossCounts* counts = nullptr) const;

  // ---- keys; of a table without one nothing is lost: equal rows are counted ----
  // A column of the key that is never sent, whatever the rows are.
  std::optional<KeyLoss> UnsentInKey(const Relation& relation) const;
  // The first column of the key whose value in `row`, which is as the source has it, is not shown
  // as it is.
  std::optional<KeyLoss> LostInKey(const Relation& relation, const Row& row) const;
  // The first column of the key whose value in `key`, which is as the plugin shows it, may stand
  // for another one: two keys of the source may be this one.
  std::optional<KeyLoss> DoubtInKey(const Relation& relation, const Row& key) const;

 private:
  struct Lost {
    Loss loss;
    Cell shown;
  };
  bool MayLose(const Column& column) const;
  std::optional<Loss> DoubtIn(const Column& column, const Value& shown) const;
  // nullopt: shown as it is. `shown` may view into `value` and `scratch`.
  std::optional<Lost> Project(const Column& column, const Value& value, std::string& scratch) const;

  LossSet losses_;
};

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_PROJECTION_H_
