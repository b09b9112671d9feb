// Random dates and times, edge values among them.
#ifndef LOCKSTEP_GENERATOR_TEMPORAL_MAKER_H_
#define LOCKSTEP_GENERATOR_TEMPORAL_MAKER_H_

#include <cstdint>
#include <string>

#include "generator/random.h"
#include "model/value.h"

namespace lockstep::generator {

// decoderbufs sends microseconds since 1970, and INT64_MAX there is infinity: the two timestamps
// after this one, 294247-01-10 04:00:54.775807 and .775808, arrive as infinity and -infinity.
inline constexpr std::int64_t kMicrosFrom1970To2000 = 946'684'800'000'000;
inline constexpr std::int64_t kMaxTimestamp = INT64_MAX - 1 - kMicrosFrom1970To2000;
inline constexpr std::int64_t kMinTimestamp = -211'813'488'000'000'000;  // 4714-11-24 BC
inline constexpr std::int32_t kMinDate = -2'451'545;                     // 4714-11-24 BC
inline constexpr std::int32_t kMaxDate = 2'145'031'948;                  // 5874897-12-31
inline constexpr std::int64_t kMicrosPerDay = 86'400'000'000;

model::Date MakeDate(Random& random);
model::Time MakeTime(Random& random);
// Up to kMaxTimestamp, the two after it, and the infinities.
model::Timestamp MakeTimestamp(Random& random);

// Appends a time with time zone; the zone is often a quarter of an hour or a second off.
void AppendTimetz(Random& random, std::string& out);

// Appends an interval as IntervalStyle postgres has it.
void AppendInterval(Random& random, std::string& out);
// The same for these numbers.
void AppendInterval(std::int64_t months, std::int64_t days, std::int64_t micros, std::string& out);

}  // namespace lockstep::generator

#endif  // LOCKSTEP_GENERATOR_TEMPORAL_MAKER_H_
