#include "launcher/status_board.h"

#include <algorithm>
#include <utility>

namespace lockstep::launcher {
namespace {

// A rate over this time is steady enough to read and follows what happens.
constexpr std::chrono::seconds kWindow{3};
constexpr std::chrono::milliseconds kShortestWindow{100};

std::uint64_t Behind(std::uint64_t ahead, std::uint64_t position) {
  return ahead - std::min(ahead, position);
}

}  // namespace

std::uint64_t StatusBoard::Sample::Get(std::string_view counter) const {
  const auto found = counters.find(counter);
  return found == counters.end() ? 0 : found->second;
}

void StatusBoard::Update(const wire::Status& status, Time now) {
  std::deque<Sample>& samples = samples_[status.process];
  samples.push_back({now, {status.counters.begin(), status.counters.end()}});
  while (samples.size() > 2 && now - samples[1].time >= kWindow) samples.pop_front();
}

bool StatusBoard::HasHeardOf(std::string_view process) const { return samples_.contains(process); }

std::uint64_t StatusBoard::Get(std::string_view process, std::string_view counter) const {
  const auto found = samples_.find(process);
  return found == samples_.end() ? 0 : found->second.back().Get(counter);
}

double StatusBoard::PerSecond(std::string_view process, std::string_view counter) const {
  const auto found = samples_.find(process);
  if (found == samples_.end()) return 0;
  const Sample& first = found->second.front();
  const Sample& last = found->second.back();
  if (last.time - first.time < kShortestWindow) return 0;
  const std::chrono::duration<double> seconds = last.time - first.time;
  return static_cast<double>(Behind(last.Get(counter), first.Get(counter))) / seconds.count();
}

std::uint64_t StatusBoard::LagBytes(const std::string& listener) const {
  return Behind(Get("verifier", "wal_lsn"), Get("verifier", listener + ".lsn"));
}

std::uint64_t StatusBoard::LagCommits(const std::string& listener) const {
  return Behind(Get("verifier", "committed"), Get("verifier", listener + ".checked"));
}

}  // namespace lockstep::launcher
