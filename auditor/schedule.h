// When the next comparison is due: so long, or so many commits, after the one before. Pure; the
// time is an argument.
#ifndef LOCKSTEP_AUDITOR_SCHEDULE_H_
#define LOCKSTEP_AUDITOR_SCHEDULE_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "model/error.h"

namespace lockstep::auditor {

// One of the two.
struct Interval {
  std::chrono::seconds time{0};
  std::uint64_t commits = 0;
  friend bool operator==(const Interval&, const Interval&) = default;
};

// "10s" or "5000" (commits). kUsage for anything else, 0 included.
model::Result<Interval> ParseInterval(std::string_view text);

class Schedule {
 public:
  using Time = std::chrono::steady_clock::time_point;

  Schedule(Interval interval, Time now) : interval_(interval), last_(now) {}

  // A comparison ended, well or not, or the tables were copied.
  void Restart(std::uint64_t commits, Time now) {
    last_ = now;
    commits_ = commits;
  }
  bool IsDue(std::uint64_t commits, Time now) const {
    if (interval_.commits > 0) return commits - commits_ >= interval_.commits;
    return now >= last_ + interval_.time;
  }
  // nullopt: not by the clock.
  std::optional<Time> NextDeadline() const {
    return interval_.commits > 0 ? std::nullopt : std::optional(last_ + interval_.time);
  }

 private:
  Interval interval_;
  Time last_;
  std::uint64_t commits_ = 0;
};

}  // namespace lockstep::auditor

#endif  // LOCKSTEP_AUDITOR_SCHEDULE_H_
