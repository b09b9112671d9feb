#include "report/number_text.h"

#include <fmt/format.h>

#include <array>

namespace lockstep::report {

std::string Grouped(std::uint64_t number) {
  std::string text = fmt::to_string(number);
  for (std::size_t left = text.size(); left > 3;) {
    left -= 3;
    text.insert(left, 1, ',');
  }
  return text;
}

std::string ByteText(std::uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  constexpr std::array<const char*, 4> kUnits = {"kB", "MB", "GB", "TB"};
  double amount = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  // 999.95 would be printed as 1000.0.
  while (amount >= 999.95 && unit + 1 < kUnits.size()) {
    amount /= 1000;
    ++unit;
  }
  return fmt::format("{:.1f} {}", amount, kUnits[unit]);
}

}  // namespace lockstep::report
