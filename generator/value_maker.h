// Typed random values for one column, edge values among them, exactly as Postgres prints them.
//
// Values that Postgres would refuse or print otherwise are never made: numeric(p,s) has s digits
// after the point and no infinity, nothing is "-0" but a float, a varchar(n) has at most n
// characters, text is valid UTF-8 without NUL.
#ifndef LOCKSTEP_GENERATOR_VALUE_MAKER_H_
#define LOCKSTEP_GENERATOR_VALUE_MAKER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "generator/random.h"
#include "model/relation.h"
#include "model/row.h"
#include "model/value.h"

namespace lockstep::generator {

// The last timestamp that every plugin can show: decoderbufs sends microseconds since 1970, and
// INT64_MAX there is infinity.
inline constexpr std::int64_t kMicrosFrom1970To2000 = 946'684'800'000'000;
inline constexpr std::int64_t kMaxTimestamp = INT64_MAX - 2 - kMicrosFrom1970To2000;
inline constexpr std::int64_t kMinTimestamp = -211'813'488'000'000'000;  // 4714-11-24 BC
inline constexpr std::int32_t kMinDate = -2'451'545;                     // 4714-11-24 BC
inline constexpr std::int32_t kMaxDate = 2'145'031'948;                  // 5874897-12-31
inline constexpr std::int64_t kMicrosPerDay = 86'400'000'000;

class ValueMaker {
 public:
  // `column` has one of the types of catalog_maker.h; its modifier is read from the type's name.
  explicit ValueMaker(const model::Column& column);

  // Appends a value, never null.
  void Add(Random& random, model::RowBuilder& row);
  // Appends 3 to 12 kB of text that does not compress, so that Postgres stores it out of line. For
  // text only.
  void AddLongText(Random& random, model::RowBuilder& row);

 private:
  model::Value MakeNumeric(Random& random);
  model::Value MakeText(Random& random);
  model::Value MakeBytes(Random& random);

  model::Oid type_;
  // numeric(p,s): both; varchar(n): precision_ = n; 0: no modifier.
  std::uint32_t precision_ = 0;
  std::uint32_t scale_ = 0;
  std::string scratch_;  // what the value last made points to
};

// The first `characters` characters of valid UTF-8.
std::string_view ClipToCharacters(std::string_view text, std::size_t characters);

}  // namespace lockstep::generator

#endif  // LOCKSTEP_GENERATOR_VALUE_MAKER_H_
