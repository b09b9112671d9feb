// Random decimals as Postgres prints numeric.
#ifndef LOCKSTEP_GENERATOR_NUMBER_MAKER_H_
#define LOCKSTEP_GENERATOR_NUMBER_MAKER_H_

#include <cstdint>
#include <string>

#include "generator/random.h"

namespace lockstep::generator {

// Appends a number of at most `integer_digits` digits before the point and exactly `scale` after
// it: no leading zeros but the one before the point, trailing zeros kept, never minus zero.
void AppendDecimal(Random& random, std::uint64_t integer_digits, std::uint64_t scale,
                   std::string& out);

// Appends a bare numeric, edge values among them: NaN, infinities, many digits, trailing zeros.
void AppendNumeric(Random& random, std::string& out);

// The same for numeric(precision, scale), which has NaN, but no infinities.
void AppendScaledNumeric(Random& random, std::uint32_t precision, std::uint32_t scale,
                         std::string& out);

// Edge values, powers, random bits and everyday numbers; one NaN. A Float4 is a float, widened.
double MakeFloat8(Random& random);
double MakeFloat4(Random& random);

// Edge values, small numbers and any number of so many bits (16, 32, 64).
std::int64_t MakeInteger(Random& random, int bits);

}  // namespace lockstep::generator

#endif  // LOCKSTEP_GENERATOR_NUMBER_MAKER_H_
