// A typed cell, the same whatever plugin, COPY or generator it came from.
//
// Values are views: text and bytes point into a Row or a message that must outlive them.
#ifndef LOCKSTEP_MODEL_VALUE_H_
#define LOCKSTEP_MODEL_VALUE_H_

#include <array>
#include <compare>
#include <cstdint>
#include <limits>
#include <string_view>
#include <variant>

namespace lockstep::model {

struct Null {
  friend auto operator<=>(Null, Null) = default;
};

// numeric, by its digits as Postgres prints them ("1.50" is not "1.5"), or NaN, Infinity,
// -Infinity.
struct Numeric {
  std::string_view text;
  friend auto operator<=>(Numeric, Numeric) = default;
};

// text, varchar, char(n) with its padding, name.
struct Text {
  std::string_view text;
  friend auto operator<=>(Text, Text) = default;
};

struct Bytes {
  std::string_view bytes;
  friend auto operator<=>(Bytes, Bytes) = default;
};

// Days since 2000-01-01, Postgres's own epoch (since 1970 the range of its timestamps would not fit
// 64 bits).
struct Date {
  static constexpr std::int32_t kInfinity = std::numeric_limits<std::int32_t>::max();
  static constexpr std::int32_t kMinusInfinity = std::numeric_limits<std::int32_t>::min();
  std::int32_t days = 0;
  friend auto operator<=>(Date, Date) = default;
};

// Microseconds since midnight; 24:00:00 is a value.
struct Time {
  std::int64_t micros = 0;
  friend auto operator<=>(Time, Time) = default;
};

// Microseconds since 2000-01-01 00:00:00, in UTC for timestamptz.
struct Timestamp {
  static constexpr std::int64_t kInfinity = std::numeric_limits<std::int64_t>::max();
  static constexpr std::int64_t kMinusInfinity = std::numeric_limits<std::int64_t>::min();
  std::int64_t micros = 0;
  friend auto operator<=>(Timestamp, Timestamp) = default;
};

struct Uuid {
  std::array<std::uint8_t, 16> bytes = {};
  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

// Any other type: its name as format_type() prints it, and the text form under the pinned session
// settings.
struct Other {
  std::string_view type_name;
  std::string_view text;
  friend auto operator<=>(Other, Other) = default;
};

// All integers are one kind (int4 1 = int8 1), and so are both floats (a float4 is widened).
using Value = std::variant<Null, bool, std::int64_t, double, Numeric, Text, Bytes, Date, Time,
                           Timestamp, Uuid, Other>;

// What a change says of a column when it does not say a value. None of them is null.
struct Unchanged {  // an out-of-line (TOAST) value that the statement did not touch
  friend auto operator<=>(Unchanged, Unchanged) = default;
};
struct NotInIdentity {  // an old row holds only its replica identity
  friend auto operator<=>(NotInIdentity, NotInIdentity) = default;
};
struct NotSent {  // the sender left the column out
  friend auto operator<=>(NotSent, NotSent) = default;
};

using Cell = std::variant<Value, Unchanged, NotInIdentity, NotSent>;

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_VALUE_H_
