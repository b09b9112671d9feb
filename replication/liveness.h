// Whether the server still speaks. A connection that stands and brings nothing looks like a server
// with nothing to say: so it is asked for a word, and gone when none comes.
//
// An idle server speaks at least every half wal_sender_timeout. One that decodes a large
// transaction of which nothing is followed may be silent for minutes, and would be silent again
// after each reconnect: so each time that it was gone it gets twice as long.
//
// Pure; the time is an argument. What is not read proves nothing against the server, nor does a
// long time in which nobody looked.
#ifndef LOCKSTEP_REPLICATION_LIVENESS_H_
#define LOCKSTEP_REPLICATION_LIVENESS_H_

#include <chrono>
#include <optional>

namespace lockstep::replication {

class Liveness {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::milliseconds;

  enum class State {
    kSpeaks,
    kAsk,   // a status update is to ask for a reply
    kGone,  // nothing has come for too long; the next time it gets twice as long
  };

  static constexpr Duration kLimit{120'000};

  // How long the server may be silent; at most 16 times as long where it was gone before.
  explicit Liveness(Duration limit = kLimit) : first_limit_(limit), limit_(limit) {}

  // On a new connection.
  void Begin();
  // Something came.
  void OnFrame();
  // All that had come was read before.
  State OnNothing(TimePoint now);

 private:
  // The longest time between two looks that counts: a loop waits for its next status update.
  static constexpr Duration kLongestPause{15'000};

  Duration first_limit_;
  Duration limit_;
  Duration silent_{0};
  std::optional<TimePoint> looked_;  // last, since something came
};

}  // namespace lockstep::replication

#endif  // LOCKSTEP_REPLICATION_LIVENESS_H_
