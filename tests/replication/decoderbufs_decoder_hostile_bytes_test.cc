// Every prefix and random corruptions of what a real server sent (hostile_bytes.h).
#include <gtest/gtest.h>

#include <variant>

#include "tests/replication/hostile_bytes.h"

namespace lockstep::replication {
namespace {

class DecoderbufsHostileBytesTest : public HostileBytes {
 protected:
  DecoderbufsHostileBytesTest() : HostileBytes("decoderbufs") {}
};

TEST_F(DecoderbufsHostileBytesTest, NoProperPrefixOfAMessageIsTakenForAnEventOfAFollowedTable) {
  ExpectNoPrefixIsAnEvent(
      [](const Event& event) { return std::holds_alternative<OtherTableEvent>(event); });
}

TEST_F(DecoderbufsHostileBytesTest, AProperPrefixOfAFrameNeverCompletesATransaction) {
  ExpectNoPrefixOfAFrameCompletesATransaction();
}

TEST_F(DecoderbufsHostileBytesTest, CorruptMessagesEndInAnErrorOrAnEvent) {
  ExpectCorruptMessagesEndInAnErrorOrAnEvent();
}

TEST_F(DecoderbufsHostileBytesTest, CorruptFramesNeverBringAFollowerPastThem) {
  ExpectCorruptFramesNeverBringAFollowerPastThem();
}

TEST_F(DecoderbufsHostileBytesTest, AStreamWithCorruptMessagesIsReadUpToAnError) {
  ExpectAStreamWithCorruptMessagesIsReadUpToAnError();
}

}  // namespace
}  // namespace lockstep::replication
