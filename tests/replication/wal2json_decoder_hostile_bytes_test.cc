// Every prefix and random corruptions of what a real server sent (hostile_bytes.h), and JSON that
// no server sends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "model/error.h"
#include "replication/frames.h"
#include "tests/replication/hostile_bytes.h"

namespace lockstep::replication {
namespace {

using model::ErrorKind;
using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

class Wal2jsonHostileBytesTest : public HostileBytes {
 protected:
  Wal2jsonHostileBytesTest() : HostileBytes("wal2json") {}
};

TEST_F(Wal2jsonHostileBytesTest, NoProperPrefixOfAMessageIsTakenForAnEvent) {
  ExpectNoPrefixIsAnEvent([](const Event&) { return false; });
}

TEST_F(Wal2jsonHostileBytesTest, AProperPrefixOfAFrameNeverCompletesATransaction) {
  ExpectNoPrefixOfAFrameCompletesATransaction();
}

TEST_F(Wal2jsonHostileBytesTest, CorruptMessagesEndInAnErrorOrAnEvent) {
  ExpectCorruptMessagesEndInAnErrorOrAnEvent();
}

TEST_F(Wal2jsonHostileBytesTest, CorruptFramesNeverBringAFollowerPastThem) {
  ExpectCorruptFramesNeverBringAFollowerPastThem();
}

TEST_F(Wal2jsonHostileBytesTest, AStreamWithCorruptMessagesIsReadUpToAnError) {
  ExpectAStreamWithCorruptMessagesIsReadUpToAnError();
}

// ---- what only a JSON reader meets ----

// Says no to an event, and that the message is the plugin's and names what and where.
std::string Refused(Decoder& decoder, const std::string& payload) {
  // A buffer of exactly this size, so that asan sees a read past it.
  const std::vector<char> bytes(payload.begin(), payload.end());
  const auto event = decoder.Decode({model::Lsn{1}, model::Lsn{1}, {bytes.data(), bytes.size()}});
  if (event) return "(not refused)";
  EXPECT_EQ(event.error().kind, ErrorKind::kMalformed) << event.error().message;
  EXPECT_THAT(event.error().message, StartsWith("wal2json: "));
  return event.error().message;
}

TEST_F(Wal2jsonHostileBytesTest, AMessageWithMoreBehindItIsMalformed) {
  const auto decoder = NewDecoder();
  for (const std::string& bytes : messages()) {
    auto frame = ParseFrame(bytes);
    const auto* data = std::get_if<XLogData>(&*frame);
    if (!data) continue;
    const std::string payload(data->payload);
    for (const std::string& more : {payload, std::string("{}"), std::string("}"), std::string("]"),
                                    std::string("1"), std::string(",")}) {
      EXPECT_THAT(Refused(*decoder, payload + more),
                  AnyOf(HasSubstr("byte "), HasSubstr("bytes are not JSON")));
    }
  }
}

TEST_F(Wal2jsonHostileBytesTest, HugeNestingIsMalformed) {
  const auto decoder = NewDecoder();
  const std::string head = R"({"action":"I","xid":1,"schema":"captured","table":"saved",)";
  for (const std::size_t depth : {2u, 1'000u, 1'000'000u}) {
    for (const std::string& open : {std::string("["), std::string(R"({"name":)")}) {
      std::string nest;
      for (std::size_t i = 0; i < depth; ++i) nest += open;
      EXPECT_NE(Refused(*decoder, nest), "(not refused)");
      for (const char* field : {"columns", "identity", "xid", "unknown"}) {
        EXPECT_NE(Refused(*decoder, head + '"' + field + "\":" + nest), "(not refused)");
        // Closed again, and so well-formed.
        if (open == "[") {
          EXPECT_NE(
              Refused(*decoder, head + '"' + field + "\":" + nest + std::string(depth, ']') + "}"),
              "(not refused)");
        }
      }
    }
  }
}

// The fields of a message that each of the actions needs; %s is the value under test.
struct Field {
  const char* name;
  const char* message;
  std::vector<const char*> good;
};

TEST_F(Wal2jsonHostileBytesTest, AFieldOfAnotherTypeIsMalformedAndNamedWithItsOffset) {
  const std::vector<Field> fields = {
      {"action", R"({"xid":1,"action":%s})", {"\"B\""}},
      {"xid", R"({"action":"B","xid":%s})", {"1"}},
      {"timestamp", R"({"action":"C","xid":1,"timestamp":%s})", {"\"2026-01-01 00:00:00+00\""}},
      {"schema", R"({"action":"T","xid":1,"table":"saved","schema":%s})", {"\"captured\""}},
      {"table", R"({"action":"T","xid":1,"schema":"captured","table":%s})", {"\"saved\""}},
      {"columns",
       R"({"action":"I","xid":1,"schema":"captured","table":"saved","columns":%s})",
       {R"([{"name":"id","typeoid":23,"value":1}])"}},
      {"identity",
       R"({"action":"D","xid":1,"schema":"captured","table":"saved","identity":%s})",
       {R"([{"name":"id","typeoid":23,"value":1}])"}},
      {"name",
       R"({"action":"D","xid":1,"schema":"captured","table":"saved","identity":[{"typeoid":23,)"
       R"("value":1,"name":%s}]})",
       {"\"id\""}},
      {"typeoid",
       R"({"action":"D","xid":1,"schema":"captured","table":"saved","identity":[{"name":"id",)"
       R"("value":1,"typeoid":%s}]})",
       {"23"}},
      {"value",
       R"({"action":"D","xid":1,"schema":"captured","table":"saved","identity":[{"name":"id",)"
       R"("typeoid":23,"value":%s}]})",
       {"1", "\"1\"", "-2147483648"}},
      {"transactional",
       R"({"action":"M","xid":1,"prefix":"","content":"","transactional":%s})",
       {"true", "false"}},
      {"prefix",
       R"({"action":"M","xid":1,"transactional":true,"content":"","prefix":%s})",
       {"\"\""}},
      {"content",
       R"({"action":"M","xid":1,"transactional":true,"prefix":"","content":%s})",
       {"\"\\u0001\""}},
  };
  const std::vector<std::string> values = {"{}",
                                           "[]",
                                           "[1]",
                                           "[[]]",
                                           "[{}]",
                                           "[{\"name\":\"id\"}]",
                                           "1",
                                           "1.5",
                                           "-1",
                                           "01",
                                           "1e400",
                                           "4294967296",
                                           "99999999999999999999999",
                                           "+1",
                                           "1.",
                                           ".5",
                                           "0x1",
                                           "nul",
                                           "null",
                                           "nulll",
                                           "true",
                                           "tru",
                                           "truefalse",
                                           "NaN",
                                           "Infinity",
                                           "-",
                                           "",
                                           "\"",
                                           "\"x\"",
                                           "\"1\"",
                                           "\"\\u12\"",
                                           "\"\\ud800\"",
                                           "\"\\x\"",
                                           "\"\xff\"",
                                           "\"\n\"",
                                           "'x'",
                                           "\"a\" \"b\"",
                                           "1 2",
                                           "1,",
                                           ":",
                                           "\"x\":1"};
  const auto decoder = NewDecoder();
  for (const Field& field : fields) {
    const std::string message(field.message);
    const std::size_t at = message.find("%s");
    const auto with = [&](const std::string& value) {
      return std::string(message).replace(at, 2, value);
    };
    for (const char* good : field.good) {
      const std::string payload = with(good);
      EXPECT_TRUE(decoder->Decode({model::Lsn{1}, model::Lsn{1}, payload}).has_value()) << payload;
    }
    std::size_t refused = 0;
    for (const std::string& value : values) {
      const std::string payload = with(value);
      auto event = decoder->Decode({model::Lsn{1}, model::Lsn{1}, payload});
      if (event) continue;
      ++refused;
      EXPECT_THAT(event.error().message, StartsWith("wal2json"));
      if (event.error().kind == ErrorKind::kMisfit) continue;
      EXPECT_EQ(event.error().kind, ErrorKind::kMalformed) << payload;
      // Either JSON fails (then there is a place), or the field is named.
      EXPECT_THAT(event.error().message, AnyOf(HasSubstr("byte "), HasSubstr("bytes are not JSON"),
                                               HasSubstr(field.name), HasSubstr("column id")))
          << payload;
    }
    EXPECT_GE(refused, values.size() - 6) << field.name;
  }
}

TEST_F(Wal2jsonHostileBytesTest, AFieldSaidTwiceIsMalformed) {
  const auto decoder = NewDecoder();
  for (const char* payload :
       {R"({"action":"B","xid":1,"action":"C"})", R"({"action":"B","xid":1,"xid":2})",
        R"({"action":"T","xid":1,"schema":"captured","table":"saved","schema":"elsewhere"})",
        R"({"action":"T","xid":1,"schema":"captured","table":"saved","table":"late"})",
        R"({"action":"I","xid":1,"schema":"captured","table":"saved","columns":[],"columns":[]})",
        R"({"action":"I","xid":1,"schema":"captured","table":"saved",)"
        R"("columns":[{"name":"id","name":"id","typeoid":23,"value":1}]})"}) {
    EXPECT_THAT(Refused(*decoder, payload), HasSubstr("said twice")) << payload;
  }
  EXPECT_THAT(
      Refused(*decoder, R"({"action":"I","xid":1,"schema":"captured","table":"saved","columns":)"
                        R"([{"name":"id","typeoid":23,"value":1},)"
                        R"({"name":"id","typeoid":23,"value":1}]})"),
      HasSubstr("column id is sent twice"));
}

}  // namespace
}  // namespace lockstep::replication
