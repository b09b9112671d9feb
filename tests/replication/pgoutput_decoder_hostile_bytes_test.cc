// Every prefix and random corruptions of what a real server sent (hostile_bytes.h), with text and
// with binary values.
#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "replication/decoder.h"
#include "replication/frames.h"
#include "tests/replication/hostile_bytes.h"

namespace lockstep::replication {
namespace {

// Rows of a table that is not followed are not looked into.
bool IsOfAnotherTable(const Event& event) { return std::holds_alternative<OtherTableEvent>(event); }

class PgoutputHostileBytesTest : public HostileBytes,
                                 public testing::WithParamInterface<const char*> {
 protected:
  PgoutputHostileBytesTest() : HostileBytes(GetParam()) {}
};

INSTANTIATE_TEST_SUITE_P(TextAndBinary, PgoutputHostileBytesTest,
                         testing::Values("pgoutput", "pgoutput-binary"), [](const auto& plugin) {
                           return std::string_view(plugin.param) == "pgoutput" ? "Text" : "Binary";
                         });

TEST_P(PgoutputHostileBytesTest, NoProperPrefixOfAMessageIsTakenForAnEventOfAFollowedTable) {
  ExpectNoPrefixIsAnEvent(IsOfAnotherTable);
}

TEST_P(PgoutputHostileBytesTest, AProperPrefixOfAFrameNeverCompletesATransaction) {
  ExpectNoPrefixOfAFrameCompletesATransaction();
}

TEST_P(PgoutputHostileBytesTest, CorruptMessagesEndInAnErrorOrAnEvent) {
  ExpectCorruptMessagesEndInAnErrorOrAnEvent();
}

TEST_P(PgoutputHostileBytesTest, CorruptFramesNeverBringAFollowerPastThem) {
  ExpectCorruptFramesNeverBringAFollowerPastThem();
}

TEST_P(PgoutputHostileBytesTest, AStreamWithCorruptMessagesIsReadUpToAnError) {
  ExpectAStreamWithCorruptMessagesIsReadUpToAnError();
}

TEST_P(PgoutputHostileBytesTest, AMessageTwiceInOneIsNoEventOfAFollowedTable) {
  for (std::size_t i = 0; i < messages().size(); ++i) {
    auto frame = ParseFrame(messages()[i]);
    const auto* data = std::get_if<XLogData>(&*frame);
    if (!data) continue;
    const std::string twice = std::string(data->payload) + std::string(data->payload);
    const std::vector<char> bytes(twice.begin(), twice.end());
    const auto event =
        DecoderBefore(i)->Decode({data->start, data->end, {bytes.data(), bytes.size()}});
    ASSERT_TRUE(!event || IsOfAnotherTable(*event)) << ToString(data->start);
  }
}

}  // namespace
}  // namespace lockstep::replication
