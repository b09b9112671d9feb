#include "auditor/schedule.h"

#include <fmt/format.h>

#include <charconv>
#include <system_error>

namespace lockstep::auditor {

model::Result<Interval> ParseInterval(std::string_view text) {
  constexpr std::uint64_t kMax = 1'000'000'000;
  std::string_view digits = text;
  const bool is_time = digits.ends_with('s');
  if (is_time) digits.remove_suffix(1);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || number == 0 ||
      number > kMax) {
    return model::Fail(model::ErrorKind::kUsage,
                       fmt::format("--checkpoint \"{}\" is neither a number of commits (5000) nor "
                                   "of seconds (10s)",
                                   text));
  }
  if (is_time) return Interval{.time = std::chrono::seconds(number)};
  return Interval{.commits = number};
}

}  // namespace lockstep::auditor
