// The proleptic Gregorian calendar over Postgres's whole range (4714 BC to 5874897 AD), which
// std::chrono::year does not reach.
#ifndef LOCKSTEP_MODEL_CALENDAR_H_
#define LOCKSTEP_MODEL_CALENDAR_H_

#include <cstdint>

namespace lockstep::model {

// Astronomical years: 0 is 1 BC.
struct CivilDate {
  std::int64_t year = 0;
  int month = 1;  // 1 to 12
  int day = 1;    // 1 to 31
  friend bool operator==(const CivilDate&, const CivilDate&) = default;
};

// Days since 2000-01-01.
std::int64_t DaysOf(const CivilDate& date);
CivilDate CivilOf(std::int64_t days);

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_CALENDAR_H_
