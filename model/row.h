// A row as one immutable packed buffer: what is stored is what is hashed and what travels.
//
// Canonical encoding, one cell after the other in column order, no header:
//
//   cell    = tag:u8 length:varint payload[length]
//   varint  = LEB128, shortest form
//   payload by tag
// clang-format off
//     'n' null       -
//     'b' bool       0 or 1
//     'i' integer    two's complement, little endian, shortest form (0: empty)
//     'f' float      IEEE 754 double, little endian; one NaN (0x7FF8...)
//     'd' numeric    digits as printed
//     't' text       bytes in the database's encoding
//     'x' bytes      raw
//     'D' date       i32 little endian, days since 2000
//     'T' time       i64 little endian, microseconds
//     'S' timestamp  i64 little endian, microseconds since 2000
//     'u' uuid       16 bytes
//     'o' other      varint n, type name[n], text
//     'U' unchanged, 'I' not in identity, '-' not sent: empty; only in the rows of changes and
//         operations
// clang-format on
//
// Equal values have equal bytes, so rows compare and hash by their bytes.
#ifndef LOCKSTEP_MODEL_ROW_H_
#define LOCKSTEP_MODEL_ROW_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.h"
#include "model/shared_bytes.h"
#include "model/value.h"

namespace lockstep::model {

// Copies share one buffer.
class Row {
 public:
  // Walks the cells. The cells are views into the row.
  class Iterator {
   public:
    using value_type = Cell;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;

    Cell operator*() const;
    // The cell's canonical bytes, tag and length included.
    std::string_view encoded() const;
    Iterator& operator++();
    void operator++(int) { ++*this; }
    friend bool operator==(Iterator a, Iterator b) { return a.rest_.data() == b.rest_.data(); }

   private:
    friend class Row;
    explicit Iterator(std::string_view rest) : rest_(rest) {}
    std::string_view rest_;
  };

  Row() = default;

  // Takes canonical bytes that came from outside. kMalformed, with the offset, when they are not
  // exactly `columns` well-formed cells.
  static Result<Row> FromCanonical(std::string_view bytes, std::size_t columns);
  // The same for any number of columns.
  static Result<Row> FromCanonical(std::string_view bytes);

  std::string_view bytes() const { return bytes_.view(); }
  Iterator begin() const { return Iterator(bytes()); }
  Iterator end() const { return Iterator(bytes().substr(bytes().size())); }

  // The cell of column `index`, which must exist. Walks from the start.
  Cell At(std::size_t index) const;
  std::size_t CountColumns() const;
  // True when every cell is a Value.
  bool IsComplete() const;

  friend bool operator==(const Row&, const Row&) = default;
  friend auto operator<=>(const Row&, const Row&) = default;

 private:
  friend class RowBuilder;
  explicit Row(std::string_view bytes) : bytes_(bytes) {}
  SharedBytes bytes_;
};

// Builds one row after the other, cell by cell, without an allocation per cell.
class RowBuilder {
 public:
  void Add(const Value& value);
  void Add(const Cell& cell);
  // Copies a cell from another row.
  void AddEncoded(std::string_view encoded_cell) { bytes_ += encoded_cell; }
  // The row of what was added; the builder is empty again.
  Row Build();
  void Clear() { bytes_.clear(); }

 private:
  std::string bytes_;
};

// A row of these values.
Row MakeRow(const std::vector<Value>& values);

// The canonical bytes of each cell, views into `row`. `cells` is overwritten.
void SplitCells(const Row& row, std::vector<std::string_view>& cells);

// Appends/reads the varint of the grammar above. ReadVarint removes it from `bytes`; false when it
// is cut off or longer than ten bytes.
void AppendVarint(std::uint64_t value, std::string& out);
bool ReadVarint(std::string_view& bytes, std::uint64_t& value);

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_ROW_H_
