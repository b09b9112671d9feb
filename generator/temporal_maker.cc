#include "generator/temporal_maker.h"

#include <fmt/format.h>

#include <cstdlib>
#include <iterator>
#include <string_view>

#include "model/text_form.h"
#include "model/type_oid.h"

namespace lockstep::generator {
namespace {

// 1992-02-29, 2000-01-01 (day 0), 1999-12-31, 1970-01-01, 0001-01-01, 0001-12-31 BC, 4713-01-01 BC,
// 2038-01-19, 9999-12-31, 10000-01-01, and the first and last of all.
constexpr std::int32_t kEdgeDates[] = {model::Date::kInfinity,
                                       model::Date::kMinusInfinity,
                                       kMinDate,
                                       kMaxDate,
                                       -2862,
                                       0,
                                       -1,
                                       -10957,
                                       -730119,
                                       -730120,
                                       -2451507,
                                       13898,
                                       2921939,
                                       2921940};

constexpr std::int64_t kEdgeTimestamps[] = {model::Timestamp::kInfinity,
                                            model::Timestamp::kMinusInfinity,
                                            kMinTimestamp,
                                            kMaxTimestamp,
                                            0,
                                            -1,
                                            1,
                                            -kMicrosFrom1970To2000,
                                            -730119 * kMicrosPerDay,
                                            -730120 * kMicrosPerDay + 1,
                                            2921940 * kMicrosPerDay - 1,
                                            999'999};

constexpr std::int64_t kEdgeTimes[] = {
    0, 1, kMicrosPerDay - 1, kMicrosPerDay, kMicrosPerDay / 2, 999'999};

// As timetz prints them; the outermost are the last that Postgres takes.
constexpr std::string_view kZones[] = {"+00",       "+01",       "-08",    "+05:30", "-03:30",
                                       "+12:45",    "+14",       "-00:01", "+00:30", "-04:56:02",
                                       "+15:59:59", "-15:59:59", "-12",    "+08:45", "+00:00:01"};

// One of an interval's whole numbers; nothing when it is zero. `sign` is that of the last one
// before.
void AppendPart(std::int64_t number, std::string_view unit, bool& negative_before,
                std::string& out) {
  if (number == 0) return;
  fmt::format_to(std::back_inserter(out), "{}{}{} {}{}", out.empty() ? "" : " ",
                 negative_before && number > 0 ? "+" : "", number, unit, number == 1 ? "" : "s");
  negative_before = number < 0;
}

}  // namespace

model::Date MakeDate(Random& random) {
  if (random.OneIn(8)) return {random.Pick(kEdgeDates)};
  if (random.OneIn(30)) return {static_cast<std::int32_t>(random.Between(kMinDate, kMaxDate))};
  return {static_cast<std::int32_t>(random.Between(-15000, 15000))};
}

model::Time MakeTime(Random& random) {
  if (random.OneIn(8)) return {random.Pick(kEdgeTimes)};
  if (random.Percent(50)) return {random.Between(0, 86'399) * 1'000'000};
  return {random.Between(0, kMicrosPerDay - 1)};
}

model::Timestamp MakeTimestamp(Random& random) {
  if (random.OneIn(8)) return {random.Pick(kEdgeTimestamps)};
  if (random.OneIn(30)) return {random.Between(kMinTimestamp, kMaxTimestamp)};
  // Rare, since not every plugin can show them.
  if (random.OneIn(60)) return {kMaxTimestamp + random.Between(1, 2)};
  std::int64_t seconds = random.Between(-1'000'000'000, 1'200'000'000);
  static constexpr std::int64_t kSteps[] = {1'000'000, 1000, 1};  // whole seconds, ms, µs
  std::int64_t step = random.Pick(kSteps);
  return {seconds * 1'000'000 + random.Between(0, 999'999) / step * step};
}

void AppendTimetz(Random& random, std::string& out) {
  model::AppendText(model::type_oid::kTime, MakeTime(random), out);
  out += random.Pick(kZones);
}

void AppendInterval(Random& random, std::string& out) {
  static constexpr std::int64_t kEdges[] = {0, 1, -1, 12, -12, 11, 30, -365, 178'000'000};
  auto number = [&](std::int64_t most) -> std::int64_t {
    switch (random.Below(4)) {
      case 0:
        return 0;
      case 1: {
        std::int64_t edge = random.Pick(kEdges);
        return std::abs(edge) <= most ? edge : 0;
      }
      default:
        return random.Between(-most, most);
    }
  };
  std::int64_t months = number(200);
  std::int64_t days = number(random.OneIn(10) ? 178'000'000 : 400);
  std::int64_t micros = 0;
  switch (random.Below(5)) {
    case 0:
      break;
    case 1:
      micros = random.Between(-999'999, 999'999);
      break;
    case 2:
      micros = random.Between(-100'000, 100'000) * 1'000'000;
      break;
    case 3:
      micros = random.Between(-1'000'000, 1'000'000) * kMicrosPerDay / 24;
      break;
    default:
      micros = random.Between(-2 * kMicrosPerDay, 2 * kMicrosPerDay);
  }
  std::string text;
  AppendInterval(months, days, micros, text);
  out += text;
}

void AppendInterval(std::int64_t months, std::int64_t days, std::int64_t micros, std::string& out) {
  std::string text;
  bool negative_before = false;
  AppendPart(months / 12, "year", negative_before, text);
  AppendPart(months % 12, "mon", negative_before, text);
  AppendPart(days, "day", negative_before, text);
  if (micros != 0 || text.empty()) {
    if (!text.empty()) text += ' ';
    text += micros < 0 ? "-" : negative_before ? "+" : "";
    // A Time prints hours beyond a day as well.
    model::AppendText(model::type_oid::kTime, model::Time{std::abs(micros)}, text);
  }
  out += text;
}

}  // namespace lockstep::generator
