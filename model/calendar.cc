#include "model/calendar.h"

namespace lockstep::model {
namespace {

// Years are counted from March, so that the leap day is the last of its year; eras are 400 years of
// 146,097 days.
constexpr std::int64_t kDaysPerEra = 146097;
// From 0000-03-01 to 2000-01-01.
constexpr std::int64_t kEpoch = 730425;

std::int64_t FloorDivide(std::int64_t a, std::int64_t b) { return (a >= 0 ? a : a - (b - 1)) / b; }

}  // namespace

std::int64_t DaysOf(const CivilDate& date) {
  const std::int64_t year = date.month <= 2 ? date.year - 1 : date.year;
  const std::int64_t era = FloorDivide(year, 400);
  const std::int64_t year_of_era = year - era * 400;
  const int months_since_march = (date.month + 9) % 12;
  const std::int64_t day_of_year = (153 * months_since_march + 2) / 5 + date.day - 1;
  const std::int64_t day_of_era =
      year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * kDaysPerEra + day_of_era - kEpoch;
}

CivilDate CivilOf(std::int64_t days) {
  days += kEpoch;
  const std::int64_t era = FloorDivide(days, kDaysPerEra);
  const std::int64_t day_of_era = days - era * kDaysPerEra;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const auto months_since_march = static_cast<int>((5 * day_of_year + 2) / 153);
  const auto day = static_cast<int>(day_of_year - (153 * months_since_march + 2) / 5 + 1);
  const int month = months_since_march < 10 ? months_since_march + 3 : months_since_march - 9;
  return {era * 400 + year_of_era + (month <= 2 ? 1 : 0), month, day};
}

}  // namespace lockstep::model
