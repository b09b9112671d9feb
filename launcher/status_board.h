// What the processes of a run said last about themselves, and how fast it grows.
#ifndef LOCKSTEP_LAUNCHER_STATUS_BOARD_H_
#define LOCKSTEP_LAUNCHER_STATUS_BOARD_H_

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "wire/message.h"

namespace lockstep::launcher {

class StatusBoard {
 public:
  using Time = std::chrono::steady_clock::time_point;

  void Update(const wire::Status& status, Time now);

  bool HasHeardOf(std::string_view process) const;
  // The counter's last value; 0 when it was never heard.
  std::uint64_t Get(std::string_view process, std::string_view counter) const;
  // Its growth a second over the last seconds; 0 when too little was heard.
  double PerSecond(std::string_view process, std::string_view counter) const;

  // How far the listener's replica lies behind the end of the WAL, and behind the commits that the
  // verifier knows of.
  std::uint64_t LagBytes(const std::string& listener) const;
  std::uint64_t LagCommits(const std::string& listener) const;

 private:
  struct Sample {
    Time time;
    std::map<std::string, std::uint64_t, std::less<>> counters;
    std::uint64_t Get(std::string_view counter) const;
  };

  std::map<std::string, std::deque<Sample>, std::less<>> samples_;
};

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_STATUS_BOARD_H_
