// Rows as tests write and read them: {Int(1), Txt("a"), kUnchanged}, printed the same way.
#ifndef LOCKSTEP_TESTS_REPLICATION_ROW_LITERALS_H_
#define LOCKSTEP_TESTS_REPLICATION_ROW_LITERALS_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <string>
#include <string_view>

#include "model/change.h"
#include "model/relation.h"
#include "model/row.h"
#include "model/value.h"

namespace lockstep::replication {

inline const model::Cell kNull = model::Value(model::Null{});
inline const model::Cell kUnchanged = model::Unchanged{};
inline const model::Cell kNotInIdentity = model::NotInIdentity{};

inline model::Cell Bool(bool value) { return model::Value(value); }
inline model::Cell Int(std::int64_t value) { return model::Value(value); }
inline model::Cell Float(double value) { return model::Value(value); }
inline model::Cell Num(std::string_view text) { return model::Value(model::Numeric{text}); }
inline model::Cell Txt(std::string_view text) { return model::Value(model::Text{text}); }
inline model::Cell Byt(std::string_view bytes) { return model::Value(model::Bytes{bytes}); }
inline model::Cell Day(std::int32_t days) { return model::Value(model::Date{days}); }
inline model::Cell Clock(std::int64_t micros) { return model::Value(model::Time{micros}); }
inline model::Cell Stamp(std::int64_t micros) { return model::Value(model::Timestamp{micros}); }
inline model::Cell Oth(std::string_view type_name, std::string_view text) {
  return model::Value(model::Other{type_name, text});
}

model::Row RowOf(std::initializer_list<model::Cell> cells);
// The row with another cell in a column, from 0.
model::Row WithCell(const model::Row& row, std::size_t column, const model::Cell& cell);

}  // namespace lockstep::replication

// For GoogleTest's messages.
namespace lockstep::model {
std::string Show(const Row& row);
void PrintTo(const Row& row, std::ostream* out);
void PrintTo(const Insert& insert, std::ostream* out);
void PrintTo(const Update& update, std::ostream* out);
void PrintTo(const Delete& erase, std::ostream* out);
}  // namespace lockstep::model

#endif  // LOCKSTEP_TESTS_REPLICATION_ROW_LITERALS_H_
