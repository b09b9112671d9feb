#include "wire/dropped_frames.h"

#include <spdlog/spdlog.h>

#include <bit>

namespace lockstep::wire {

bool DroppedFrames::Drop(const model::Error& error) {
  if (error.kind != model::ErrorKind::kMalformed) return false;
  Count(error.message);
  return true;
}

void DroppedFrames::Count(std::string_view what) {
  // A flood is told of ever more rarely.
  constexpr std::size_t kShown = 300;
  if (std::has_single_bit(++count_))
    spdlog::warn("dropped {} messages so far; this one: {}", count_, what.substr(0, kShown));
}

}  // namespace lockstep::wire
