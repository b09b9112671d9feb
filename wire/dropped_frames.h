// What came over a socket and is not of the protocol: dropped, counted and said, never fatal.
// Anybody who can reach an endpoint can send it.
#ifndef LOCKSTEP_WIRE_DROPPED_FRAMES_H_
#define LOCKSTEP_WIRE_DROPPED_FRAMES_H_

#include <cstdint>
#include <string_view>

#include "model/error.h"

namespace lockstep::wire {

class DroppedFrames {
 public:
  // False: the error is of another kind, and is not passed over.
  bool Drop(const model::Error& error);
  // The same of a message that was read and does not fit.
  void Count(std::string_view what);

  std::uint64_t count() const { return count_; }

 private:
  std::uint64_t count_ = 0;
};

}  // namespace lockstep::wire

#endif  // LOCKSTEP_WIRE_DROPPED_FRAMES_H_
