#include "generator/number_maker.h"

#include <bit>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string_view>

namespace lockstep::generator {
namespace {

// The boundaries of Postgres's base-10000 digits, trailing zeros and the special values.
constexpr std::string_view kEdgeNumerics[] = {"NaN",
                                              "Infinity",
                                              "-Infinity",
                                              "0",
                                              "0.000",
                                              "1.500",
                                              "-1.500",
                                              "100",
                                              "1000000000000.00000",
                                              "9999",
                                              "10000",
                                              "0.0001",
                                              "0.00001",
                                              "-9999.9999",
                                              "-10000.0001",
                                              "9223372036854775807",
                                              "-9223372036854775809",
                                              "0.30000000000000004"};

constexpr double kEdgeFloat8[] = {std::numeric_limits<double>::quiet_NaN(),
                                  std::numeric_limits<double>::infinity(),
                                  -std::numeric_limits<double>::infinity(),
                                  0.0,
                                  -0.0,
                                  1.0,
                                  -1.0,
                                  0.1,
                                  std::numeric_limits<double>::denorm_min(),
                                  -std::numeric_limits<double>::denorm_min(),
                                  std::numeric_limits<double>::min(),
                                  std::numeric_limits<double>::max(),
                                  std::numeric_limits<double>::lowest(),
                                  std::numeric_limits<double>::epsilon(),
                                  1e-5,
                                  1e15,
                                  1e16,
                                  1e22,
                                  1e23,
                                  9007199254740993.0,
                                  0.30000000000000004};

constexpr float kEdgeFloat4[] = {std::numeric_limits<float>::quiet_NaN(),
                                 std::numeric_limits<float>::infinity(),
                                 -std::numeric_limits<float>::infinity(),
                                 0.0F,
                                 -0.0F,
                                 1.0F,
                                 -1.0F,
                                 0.1F,
                                 std::numeric_limits<float>::denorm_min(),
                                 -std::numeric_limits<float>::denorm_min(),
                                 std::numeric_limits<float>::min(),
                                 std::numeric_limits<float>::max(),
                                 std::numeric_limits<float>::lowest(),
                                 std::numeric_limits<float>::epsilon(),
                                 1e-5F,
                                 1e6F,
                                 1e7F,
                                 16777216.0F,
                                 3.3333333F};

}  // namespace

void AppendDecimal(Random& random, std::uint64_t integer_digits, std::uint64_t scale,
                   std::string& out) {
  std::size_t start = out.size();
  bool zero = true;
  auto append_digit = [&](std::uint64_t digit) {
    out += static_cast<char>('0' + digit);
    if (digit != 0) zero = false;
  };
  std::uint64_t digits = integer_digits == 0 ? 0 : random.Below(integer_digits + 1);
  if (digits == 0) out += '0';
  for (std::uint64_t i = 0; i < digits; ++i) {
    append_digit(i == 0 ? 1 + random.Below(9) : random.Below(10));
  }
  if (scale > 0) out += '.';
  // Trailing zeros more often than chance has them.
  std::uint64_t kept = random.Percent(30) ? random.Below(scale + 1) : scale;
  for (std::uint64_t i = 0; i < scale; ++i) append_digit(i < kept ? random.Below(10) : 0);
  if (random.Percent(40) && !zero) out.insert(start, 1, '-');
}

void AppendNumeric(Random& random, std::string& out) {
  if (random.OneIn(8)) {
    out += random.Pick(kEdgeNumerics);
  } else if (random.OneIn(30)) {
    std::uint64_t integer_digits = random.Below(200);
    AppendDecimal(random, integer_digits, random.Below(100), out);
  } else {
    std::uint64_t integer_digits = 1 + random.Below(10);
    AppendDecimal(random, integer_digits, random.Below(6), out);
  }
}

void AppendScaledNumeric(Random& random, std::uint32_t precision, std::uint32_t scale,
                         std::string& out) {
  // The largest number of the type, or the smallest step and zero: the same digit everywhere but at
  // the end.
  auto append_digits = [&](char digit, char last) {
    out.append(precision > scale && digit != '0' ? precision - scale : 1,
               precision > scale ? digit : '0');
    if (scale > 0) (out += '.').append(scale, digit);
    out.back() = last;
  };
  switch (random.Below(40)) {
    case 0:
      out += "NaN";
      return;
    case 1:
      append_digits('9', '9');
      return;
    case 2:
      out += '-';
      append_digits('9', '9');
      return;
    case 3:
      append_digits('0', '0');
      return;
    case 4:
      append_digits('0', '1');
      return;
    case 5:
      out += '-';
      append_digits('0', '1');
      return;
    default:
      AppendDecimal(random, precision - scale, scale, out);
  }
}

double MakeFloat8(Random& random) {
  switch (random.Below(16)) {
    case 0:
    case 1:
      return random.Pick(kEdgeFloat8);
    case 2: {
      double any = std::bit_cast<double>(random.Next());
      return std::isnan(any) ? std::numeric_limits<double>::quiet_NaN() : any;
    }
    default:
      return static_cast<double>(random.Between(-1'000'000'000, 1'000'000'000)) / 1000.0;
  }
}

double MakeFloat4(Random& random) {
  switch (random.Below(16)) {
    case 0:
    case 1:
      return static_cast<double>(random.Pick(kEdgeFloat4));
    case 2: {
      float any = std::bit_cast<float>(static_cast<std::uint32_t>(random.Next()));
      return std::isnan(any) ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(any);
    }
    default:
      return static_cast<double>(static_cast<float>(random.Between(-1'000'000, 1'000'000)) / 8.0F);
  }
}

std::int64_t MakeInteger(Random& random, int bits) {
  std::int64_t max = INT64_MAX >> (64 - bits);
  std::int64_t min = -max - 1;
  switch (random.Below(16)) {
    case 0: {
      const std::int64_t edges[] = {min, max, 0, -1, 1, min + 1, max - 1, 127, -128};
      return random.Pick(edges);
    }
    case 1:
      return random.Between(min, max);
    default:
      return random.Between(-1000, 10000);
  }
}

}  // namespace lockstep::generator
