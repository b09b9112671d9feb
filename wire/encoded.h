// A message as it travels: its kind and the bytes of its body, encoded once and shared by every
// peer it is sent to.
#ifndef LOCKSTEP_WIRE_ENCODED_H_
#define LOCKSTEP_WIRE_ENCODED_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace lockstep::wire {

// The alternatives of Message. The numbers are those of Envelope.Kind in proto/lockstep.proto and
// never change meaning.
enum class Kind : std::uint8_t {
  kCatalogMade = 1,
  kReady = 2,
  kJoin = 3,
  kAttach = 4,
  kHello = 5,
  kScript = 6,
  kBarrier = 7,
  kBarrierReached = 8,
  kBarrierRelease = 9,
  kEnd = 10,
  kOutcome = 11,
  kSettled = 12,
  kCommit = 13,
  kPosition = 14,
  kMisfit = 15,
  kAccepted = 16,
  kRowsRequest = 17,
  kRowsReply = 18,
  kCredit = 19,
  kStatus = 20,
  kFailure = 21,
  kVerdict = 22,
  kQuarantine = 23,
  kQuarantined = 24,
  kLeave = 25,
  kFinish = 26,
};

// Copying shares the body.
struct Encoded {
  Kind kind = Kind::kStatus;
  std::shared_ptr<const std::string> body;  // never null

  std::size_t size() const { return body->size(); }
};

}  // namespace lockstep::wire

#endif  // LOCKSTEP_WIRE_ENCODED_H_
