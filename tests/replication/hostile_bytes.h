// Bytes from outside are hostile: every proper prefix and thousands of random corruptions of each
// captured message end in an error or an event. What still is an event goes on into a replica and
// into messages for people, which must bear whatever values it carries. For the decoder of any
// plugin that there is a capture of.
#ifndef LOCKSTEP_TESTS_REPLICATION_HOSTILE_BYTES_H_
#define LOCKSTEP_TESTS_REPLICATION_HOSTILE_BYTES_H_

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "model/change.h"
#include "model/relation.h"
#include "replication/decoder.h"
#include "replication/follow_policy.h"
#include "replication/follower.h"
#include "replication/replica.h"

namespace lockstep::replication {

// Each Expect... is the body of one test.
class HostileBytes : public testing::Test {
 protected:
  explicit HostileBytes(std::string plugin);

  // No proper prefix of a payload is an event, but for those that `allowed` lets pass.
  void ExpectNoPrefixIsAnEvent(const std::function<bool(const Event&)>& allowed);
  void ExpectNoPrefixOfAFrameCompletesATransaction();
  void ExpectCorruptMessagesEndInAnErrorOrAnEvent();
  void ExpectCorruptFramesNeverBringAFollowerPastThem();
  // The whole stream with a corruption somewhere: transactions until the error, none after it.
  void ExpectAStreamWithCorruptMessagesIsReadUpToAnError();

  std::unique_ptr<Decoder> NewDecoder(FollowPolicy policy = FollowPolicy::kStrict) const;
  // A decoder in the middle of the transaction of message `index`, with all tables described that
  // were described before.
  std::unique_ptr<Decoder> DecoderBefore(std::size_t index,
                                         FollowPolicy policy = FollowPolicy::kStrict) const;
  const std::vector<std::string>& messages() const { return messages_; }

 private:
  std::size_t Below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }
  char AnyByte() { return static_cast<char>(random_()); }
  std::string Corrupt(std::string bytes);
  void Use(const model::Change& change);
  Follower FollowerBefore(std::size_t index) const;
  std::vector<std::size_t> NeededBefore(std::size_t index) const;

  std::string plugin_;
  std::uint64_t seed_ = 0;
  std::mt19937_64 random_;
  std::vector<std::string> messages_;
  std::vector<model::RelationPtr> relations_;
  std::vector<std::size_t> begins_;        // messages that open a transaction
  std::vector<std::size_t> descriptions_;  // messages without an event of their own
  Replica replica_;
  std::size_t described_ = 0;
};

}  // namespace lockstep::replication

#endif  // LOCKSTEP_TESTS_REPLICATION_HOSTILE_BYTES_H_
