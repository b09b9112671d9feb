// Every value of a capture from a real server, in the standard form, written out by hand.
#include "replication/wal2json_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/change.h"
#include "model/error.h"
#include "replication/frames.h"
#include "replication/wal2json_message.h"
#include "tests/replication/captured_stream.h"
#include "tests/replication/row_literals.h"

namespace lockstep::replication {
namespace {

using model::Delete;
using model::Error;
using model::ErrorKind;
using model::Insert;
using model::LogicalMessage;
using model::Lsn;
using model::Result;
using model::Row;
using model::Update;
using testing::AllOf;
using testing::HasSubstr;
using namespace std::string_view_literals;

constexpr auto kInt64Min = std::numeric_limits<std::int64_t>::min();

std::unique_ptr<Decoder> DecoderOfCapture() {
  return MakeWal2jsonDecoder(RelationMap(CapturedRelations()));
}

// The capture decoded once: what became of each message, by table; messages under "M", BEGIN and
// COMMIT under "".
class Wal2jsonDecoderTest : public testing::Test {
 protected:
  Wal2jsonDecoderTest() : messages_(CapturedMessages("wal2json")) {
    auto decoder = DecoderOfCapture();
    Wal2jsonParser parser;
    for (const std::string& bytes : messages_) {
      auto frame = ParseFrame(bytes);
      if (!frame) throw std::runtime_error(frame.error().message);
      const auto* data = std::get_if<XLogData>(&*frame);
      if (!data) continue;
      auto message = parser.Parse(data->payload);
      if (!message) throw std::runtime_error("the capture is broken: " + message.error().message);
      const Wal2jsonMessage& m = **message;
      std::string table = m.action == "M" ? "M" : "";
      if (m.table) table = std::string(*m.schema) + "." + std::string(*m.table);
      events_[table].push_back(decoder->Decode(*data));
      frames_[table].push_back(*data);
    }
  }

  // The nth message of a table, from 0.
  const Result<Event>& Decoded(const std::string& table, std::size_t n) {
    return events_.at(table).at(n);
  }
  template <typename T>
  T Nth(const std::string& table, std::size_t n) {
    const Result<Event>& event = Decoded(table, n);
    if (!event) throw std::runtime_error(event.error().message);
    return std::get<T>(std::get<ChangeEvent>(*event).change);
  }
  Row Inserted(const std::string& table, std::size_t n) { return Nth<Insert>(table, n).row; }
  Error Refused(const std::string& table, std::size_t n) {
    const Result<Event>& event = Decoded(table, n);
    return event ? Error{ErrorKind::kUsage, "was not refused"} : event.error();
  }

  std::vector<std::string> messages_;
  std::map<std::string, std::vector<Result<Event>>> events_;
  std::map<std::string, std::vector<XLogData>> frames_;
};

// ---- values ----

TEST_F(Wal2jsonDecoderTest, NumbersComeExactly) {
  const std::string table = "captured.numbers";
  EXPECT_EQ(Inserted(table, 0), RowOf({Int(1), Bool(true), Int(2), Int(3), Int(4), Float(1.5),
                                       Float(2.25), Num("1.50"), Num("12.30")}));
  EXPECT_EQ(
      Inserted(table, 1),
      RowOf({Int(-2147483648), Bool(false), Int(-32768), Int(kInt64Min), Int(0),
             Float(-340282346638528859811704183484516925440.0), Float(-1.7976931348623157e308),
             Num("-123456789012345678901234567890.000000001"), Num("-0.01")}));
  EXPECT_EQ(Inserted(table, 2), RowOf({Int(2147483647), Bool(true), Int(32767),
                                       Int(9223372036854775807), Int(4294967295), Float(0x1p-149),
                                       Float(0x1p-1074), Num("0.000"), Num("99999999.99")}));
  EXPECT_EQ(Inserted(table, 7),
            RowOf({Int(8), kNull, kNull, kNull, kNull, Float(0.100000001490116119384765625),
                   Float(0.1), Num("100000000000000000000"), kNull}));
}

TEST_F(Wal2jsonDecoderTest, DigitsBeyondADoubleAreKept) {
  const std::string table = "captured.numbers";
  EXPECT_EQ(Inserted(table, 8),
            RowOf({Int(20), kNull, kNull, kNull, kNull, Float(0x1p-126), Float(9007199254740992.0),
                   Num("0.1234567890123456789012345678901234567890"), kNull}));
  EXPECT_EQ(Inserted(table, 9), RowOf({Int(21), kNull, kNull, Int(9007199254740993), kNull, kNull,
                                       kNull, Num("1" + std::string(400, '0')), kNull}));
  EXPECT_EQ(Inserted(table, 10), RowOf({Int(22), kNull, kNull, Int(-9007199254740993), kNull, kNull,
                                        kNull, Num("-0.000000000000000000000000000001"), kNull}));
}

// model::Loss::kNonFinite: rows 3 to 5 were NaN and infinities.
TEST_F(Wal2jsonDecoderTest, NanAndInfinityComeAsNullAndMinusZeroExactly) {
  const std::string table = "captured.numbers";
  EXPECT_EQ(Inserted(table, 3),
            RowOf({Int(4), kNull, Int(0), Int(0), Int(0), kNull, kNull, kNull, kNull}));
  EXPECT_EQ(Inserted(table, 4),
            RowOf({Int(5), kNull, Int(0), Int(0), Int(0), kNull, kNull, kNull, kNull}));
  EXPECT_EQ(Inserted(table, 5),
            RowOf({Int(6), kNull, Int(0), Int(0), Int(0), Float(-0.0), Float(-0.0), kNull, kNull}));
}

TEST_F(Wal2jsonDecoderTest, NullsComeAsNull) {
  EXPECT_EQ(Inserted("captured.numbers", 6),
            RowOf({Int(7), kNull, kNull, kNull, kNull, kNull, kNull, kNull, kNull}));
  EXPECT_EQ(Inserted("captured.texts", 3), RowOf({Int(4), kNull, kNull, kNull, kNull, kNull, kNull,
                                                  kNull, kNull, kNull, kNull, kNull}));
}

TEST_F(Wal2jsonDecoderTest, TextsAndBytesComeExactly) {
  const std::string table = "captured.texts";
  const model::Uuid uuid{{0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66,
                          0x14, 0x17, 0x40, 0x00}};
  EXPECT_EQ(Inserted(table, 0),
            RowOf({Int(1), Txt("text"), Txt("varchar"), Txt("ab   "), Txt("a_name"), Txt("x"),
                   model::Value(uuid), Byt("\x00\xff\x10"sv), Oth("json", R"({"b": 1,  "a": 2})"),
                   Oth("jsonb", R"({"a": 2, "b": 1})"), Oth("bit(3)", "101"), Oth("xml", "<a/>")}));
  model::Uuid ones;
  ones.bytes.fill(0xff);
  EXPECT_EQ(
      Inserted(table, 2),
      RowOf({Int(3), Txt("größe \xf0\x9f\x98\x80 'q' \"d\" \\ \n\t"), Txt("\\x41"), Txt("ö    "),
             Txt("Name \"q\""), Txt("\\377"), model::Value(ones), Byt("\\x41"),
             Oth("json", "[1e400]"), Oth("jsonb", R"({"ö": null})"), Oth("bit(3)", "111"), kNull}));
}

TEST_F(Wal2jsonDecoderTest, EscapedCharactersComeExactly) {
  EXPECT_EQ(Inserted("captured.texts", 4),
            RowOf({Int(20), Txt("\x01\x1f\x7f\b\f\r\xe2\x80\xa8\xef\xbb\xbf\xf4\x8f\xbf\xbf"),
                   Txt(R"({"action":"C"})"), kNull, kNull, kNull, kNull, kNull, kNull, kNull, kNull,
                   kNull}));
}

TEST_F(Wal2jsonDecoderTest, EmptyTextAndBytesAreNotNull) {
  EXPECT_EQ(Inserted("captured.texts", 1),
            RowOf({Int(2), Txt(""), Txt(""), Txt("     "), Txt(""), Txt(""),
                   model::Value(model::Uuid{}), Byt(""), Oth("json", "\"\""), Oth("jsonb", "\"\""),
                   Oth("bit(3)", "000"), Oth("xml", "")}));
}

TEST_F(Wal2jsonDecoderTest, DatesAndTimesComeExactlyOverTheWholeRange) {
  const std::string table = "captured.times";
  const auto timetz = [](const char* text) { return Oth("time with time zone", text); };
  const auto interval = [](const char* text) { return Oth("interval", text); };
  EXPECT_EQ(Inserted(table, 0),
            RowOf({Int(1), Day(8825), Clock(45296789000), timetz("12:00:00+05:30"),
                   Stamp(762525296789012), Stamp(762518096789012),
                   interval("1 year 2 mons -3 days +04:05:06.7")}));
  EXPECT_EQ(Inserted(table, 1), RowOf({Int(2), Day(-2451545), Clock(0), timetz("00:00:00+15:59"),
                                       Stamp(-211813488000000000), Stamp(-211813488000000000),
                                       interval("-178000000 years")}));
  EXPECT_EQ(Inserted(table, 2), RowOf({Int(3), Day(2145031948), Clock(86400000000),
                                       timetz("24:00:00-15:59"), Stamp(9223371331199999999),
                                       Stamp(9223371331199999999), interval("178000000 years")}));
  EXPECT_EQ(Inserted(table, 3),
            RowOf({Int(4), Day(2147483647), Clock(86399999999), timetz("24:00:00+00"),
                   Stamp(9223372036854775807), Stamp(9223372036854775807), interval("00:00:00")}));
  EXPECT_EQ(Inserted(table, 4),
            RowOf({Int(5), Day(-2147483648), Clock(1), timetz("23:59:59.999999+00"),
                   Stamp(kInt64Min), Stamp(kInt64Min), interval("-00:00:00.000001")}));
  EXPECT_EQ(Inserted(table, 5),
            RowOf({Int(6), Day(0), kNull, kNull, Stamp(-1), Stamp(-946684800000001), kNull}));
}

// decoderbufs takes two of them for infinity.
TEST_F(Wal2jsonDecoderTest, TheLastTimestampsThatFitMicrosecondsSince1970ComeExactly) {
  const std::string table = "captured.times";
  EXPECT_EQ(Inserted(table, 6),
            RowOf({Int(7), Day(-10957), kNull, kNull, Stamp(9222425352054775807),
                   Stamp(9222425352054775808), kNull}));
  EXPECT_EQ(Inserted(table, 7), RowOf({Int(8), kNull, kNull, kNull, Stamp(9222425352054775806),
                                       Stamp(9222425352054775809), kNull}));
}

TEST_F(Wal2jsonDecoderTest, OtherTypesComeAsTheirTextAndDomainsAsTheirBaseType) {
  const std::string table = "captured.others";
  EXPECT_EQ(
      Inserted(table, 0),
      RowOf({Int(1), Oth("money", "$12.34"), Oth("point", "(1.5,-2)"),
             Oth("captured.mood", "Very Happy"), Int(7), Txt("label"), Byt("\x00\xff"sv), Day(8825),
             Num("1.50"), Oth("integer[]", "{1,NULL,3}"), Oth("text[]", "{\"a b\",NULL,\"\"}"),
             Oth("int4range", "[1,5)"), Oth("inet", "10.0.0.0/8")}));
  EXPECT_EQ(Inserted(table, 1),
            RowOf({Int(2), Oth("money", "-$1,234,567.89"), Oth("point", "(1e+15,1e-05)"),
                   Oth("captured.mood", "so-so"), Int(2147483647), Txt(""), Byt(""),
                   Day(2147483647), kNull, Oth("integer[]", "{}"), Oth("text[]", "{}"),
                   Oth("int4range", "empty"), Oth("inet", "::1")}));
  EXPECT_EQ(Inserted(table, 2),
            RowOf({Int(3), Oth("money", "-$92,233,720,368,547,758.08"),
                   Oth("point", "(Infinity,NaN)"), Oth("captured.mood", "sad"), kNull, kNull, kNull,
                   kNull, kNull, Oth("integer[]", "{{1,2},{3,4}}"), kNull, kNull, kNull}));
}

TEST_F(Wal2jsonDecoderTest, CompositesArraysAndRangesOfUserTypesComeAsTheirText) {
  const std::string table = "captured.composed";
  EXPECT_EQ(Inserted(table, 0),
            RowOf({Int(1), Oth("captured.pair", R"((1,"a ""b"""))"),
                   Oth("captured.pair[]", R"x({"(1,x)",NULL})x"),
                   Oth("captured.mood[]", R"({sad,"Very Happy",NULL})"),
                   Oth("captured.label[]", R"({"l 1",l2})"), Oth("bytea[]", R"({"\\x00ff"})"),
                   Oth("int4multirange", "{[1,3),[5,7)}"),
                   Oth("tstzrange", R"x(["2024-02-29 10:00:00+00",))x"), Oth("bit varying", "1"),
                   Oth("tsvector", "'a' 'b'"), Bool(true), Float(0.5)}));
}

// A domain is sent as a string, which bears them.
TEST_F(Wal2jsonDecoderTest, NanAndInfinityOfADomainComeExactly) {
  const std::string table = "captured.composed";
  const auto only = [](std::int64_t id, model::Cell pair, double ratio) {
    return RowOf({Int(id), pair, kNull, kNull, kNull, kNull, kNull, kNull, kNull, kNull, kNull,
                  Float(ratio)});
  };
  EXPECT_EQ(Inserted(table, 1),
            only(2, Oth("captured.pair", "(,)"), std::numeric_limits<double>::quiet_NaN()));
  EXPECT_EQ(Inserted(table, 2), only(3, kNull, -std::numeric_limits<double>::infinity()));
}

TEST_F(Wal2jsonDecoderTest, NamesThatJsonEscapesAreRead) {
  const std::string table = "captured.Odd \"T.q\"";
  const auto insert = Nth<Insert>(table, 0);
  EXPECT_EQ(*insert.relation, *CapturedRelation("Odd \"T.q\""));
  EXPECT_EQ(insert.row, RowOf({Int(1), Txt("x"), Txt("y"), Int(2)}));
  EXPECT_EQ(Nth<Update>(table, 1).row, RowOf({Int(2), Txt("x"), Txt("y"), Int(2)}));
  EXPECT_EQ(Nth<Delete>(table, 2).old_row,
            RowOf({Int(2), kNotInIdentity, kNotInIdentity, kNotInIdentity}));
}

TEST_F(Wal2jsonDecoderTest, GeneratedColumnsAreSent) {
  EXPECT_EQ(Inserted("captured.generated", 0), RowOf({Int(1), Int(2)}));
}

// ---- old rows and what is left out ----

std::string Big() {
  std::string big;
  for (int i = 0; i < 250; ++i) big += "0123456789";
  return big;
}

TEST_F(Wal2jsonDecoderTest, AnOutOfLineValueThatWasNotTouchedIsUnchanged) {
  const std::string table = "captured.toasted";
  EXPECT_EQ(Inserted(table, 0), RowOf({Int(1), Txt(Big()), Txt("in")}));
  const auto untouched = Nth<Update>(table, 1);
  EXPECT_EQ(untouched.old_row, std::nullopt);
  EXPECT_EQ(untouched.row, RowOf({Int(1), kUnchanged, Txt("changed")}));
  const auto key_changed = Nth<Update>(table, 2);
  EXPECT_EQ(key_changed.old_row, RowOf({Int(1), kNotInIdentity, kNotInIdentity}));
  EXPECT_EQ(key_changed.row, RowOf({Int(2), kUnchanged, kNull}));
  EXPECT_EQ(Nth<Update>(table, 3).row, RowOf({Int(2), Txt("short"), kNull}));
  EXPECT_EQ(Nth<Update>(table, 4).row, RowOf({Int(2), kNull, kNull}));
}

// The plugin always says the identity; the standard form only when it changed.
TEST_F(Wal2jsonDecoderTest, OldRowsOfACompositeKeyHoldTheKeyOnly) {
  const std::string table = "captured.keyed";
  EXPECT_EQ(Nth<Update>(table, 1).old_row, std::nullopt);
  const auto key_changed = Nth<Update>(table, 2);
  EXPECT_EQ(key_changed.old_row, RowOf({Int(1), Txt("one"), kNotInIdentity}));
  EXPECT_EQ(key_changed.row, RowOf({Int(2), Txt("one"), kNull}));
  EXPECT_EQ(Nth<Delete>(table, 3).old_row, RowOf({Int(2), Txt("one"), kNotInIdentity}));
}

TEST_F(Wal2jsonDecoderTest, OldRowsOfIdentityFullAreWholeAndTheirNullsAreNull) {
  const std::string table = "captured.full_identity";
  const auto first = Nth<Update>(table, 1);
  EXPECT_EQ(first.old_row, RowOf({Int(1), kNull, Txt(Big())}));
  EXPECT_EQ(first.row, RowOf({Int(1), Txt("n"), kUnchanged}));
  const auto second = Nth<Update>(table, 2);
  EXPECT_EQ(second.old_row, RowOf({Int(1), Txt("n"), Txt(Big())}));
  EXPECT_EQ(second.row, RowOf({Int(2), kNull, kUnchanged}));
  EXPECT_EQ(Nth<Delete>(table, 3).old_row, RowOf({Int(2), kNull, Txt(Big())}));
}

TEST_F(Wal2jsonDecoderTest, OldRowsOfAnIndexIdentityHoldTheIndexOnly) {
  const std::string table = "captured.indexed";
  EXPECT_EQ(Nth<Update>(table, 1).old_row, std::nullopt);  // the primary key is not the identity
  const auto update = Nth<Update>(table, 2);
  EXPECT_EQ(update.old_row, RowOf({kNotInIdentity, Txt("a"), kNotInIdentity}));
  EXPECT_EQ(update.row, RowOf({Int(2), Txt("b"), Txt("n")}));
  EXPECT_EQ(Nth<Delete>(table, 3).old_row, RowOf({kNotInIdentity, Txt("b"), kNotInIdentity}));
}

// model::Loss::kNoIdentity: their UPDATE and DELETE are not in the stream.
TEST_F(Wal2jsonDecoderTest, OnlyInsertsOfATableWithoutIdentityCome) {
  for (const char* table : {"captured.bare", "captured.nothing"}) {
    EXPECT_EQ(events_.at(table).size(), 1u) << table;
    EXPECT_NO_THROW(Nth<Insert>(table, 0));
  }
}

// ---- transactions, messages, TRUNCATE ----

TEST_F(Wal2jsonDecoderTest, WhatWasRolledBackDoesNotCome) {
  EXPECT_EQ(Inserted("captured.saved", 0), RowOf({Int(1)}));
  EXPECT_EQ(Inserted("captured.saved", 1), RowOf({Int(3)}));
  EXPECT_EQ(Nth<Update>("captured.saved", 2).old_row, RowOf({Int(3)}));
}

TEST_F(Wal2jsonDecoderTest, ATableOfAnotherSchemaIsCountedOnly) {
  for (std::size_t n : {0u, 1u}) {  // an INSERT, a TRUNCATE
    const Result<Event>& event = Decoded("elsewhere.numbers", n);
    ASSERT_TRUE(event.has_value());
    EXPECT_TRUE(std::holds_alternative<OtherTableEvent>(*event)) << n;
  }
  EXPECT_EQ(std::get<OtherTableEvent>(*Decoded("elsewhere.numbers", 0)).xid,
            std::get<ChangeEvent>(*Decoded("captured.saved", 0)).xid);
}

TEST_F(Wal2jsonDecoderTest, TruncateComesForEachTable) {
  const auto& saved = events_.at("captured.saved");
  std::size_t truncates = 0;
  for (const Result<Event>& event : saved) {
    ASSERT_TRUE(event.has_value());
    const auto* truncate = std::get_if<TruncateEvent>(&*event);
    if (!truncate) continue;
    ++truncates;
    ASSERT_EQ(truncate->relations.size(), 1u);
    EXPECT_EQ(*truncate->relations[0], *CapturedRelation("saved"));
  }
  EXPECT_EQ(truncates, 3u);
  EXPECT_TRUE(std::holds_alternative<TruncateEvent>(*Decoded("captured.full_identity", 4)));
}

TEST_F(Wal2jsonDecoderTest, MessagesOfATransactionAreChangesOfIt) {
  ASSERT_EQ(events_.at("M").size(), 5u);
  EXPECT_EQ(Nth<LogicalMessage>("M", 0), (LogicalMessage{"prefix", "content"}));
  EXPECT_EQ(Nth<LogicalMessage>("M", 3), (LogicalMessage{"inside", "\"ö\x01\""}));
  EXPECT_EQ(Nth<LogicalMessage>("M", 4), (LogicalMessage{"", ""}));
}

TEST_F(Wal2jsonDecoderTest, MessagesOutsideAnyTransactionAreNoEvent) {
  for (std::size_t n : {1u, 2u}) {
    const Result<Event>& event = Decoded("M", n);
    ASSERT_TRUE(event.has_value()) << event.error().message;
    EXPECT_TRUE(std::holds_alternative<NoEvent>(*event));
  }
}

TEST_F(Wal2jsonDecoderTest, ACommitsPositionIsThatOfItsFrameAndItsTimeCountsFrom2000) {
  const XLogData& frame = frames_[""].at(1);
  const auto begin = std::get<BeginEvent>(*Decoded("", 0));
  const auto commit = std::get<CommitEvent>(*Decoded("", 1));
  EXPECT_EQ(begin.xid, commit.xid);
  EXPECT_EQ(begin.xid, std::get<ChangeEvent>(*Decoded("captured.numbers", 0)).xid);
  EXPECT_EQ(commit.end_lsn, frame.start);
  EXPECT_EQ(commit.end_lsn, frame.end);
  const auto made = DecoderOfCapture()->Decode(
      {Lsn{7}, Lsn{7},
       R"({"action":"C","xid":4294967295,"timestamp":"2000-01-02 00:00:01.5+00"})"});
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(std::get<CommitEvent>(*made).xid.value, 4294967295u);
  EXPECT_EQ(std::get<CommitEvent>(*made).end_lsn, Lsn{7});
  EXPECT_EQ(std::get<CommitEvent>(*made).commit_micros, 86401500000);
}

TEST_F(Wal2jsonDecoderTest, CommitPositionsRise) {
  Lsn last;
  for (const Result<Event>& event : events_[""]) {
    ASSERT_TRUE(event.has_value());
    if (const auto* commit = std::get_if<CommitEvent>(&*event)) {
      EXPECT_LT(last, commit->end_lsn);
      last = commit->end_lsn;
    }
  }
  EXPECT_TRUE(last.IsValid());
}

// ---- tables that are not as they were ----

TEST_F(Wal2jsonDecoderTest, AChangedColumnIsAMisfitUntilItIsAsItWas) {
  const std::string table = "captured.changing";
  const auto expect_misfit = [&](std::size_t n, const char* what) {
    const Error error = Refused(table, n);
    EXPECT_EQ(error.kind, ErrorKind::kMisfit) << n << ": " << error.message;
    EXPECT_THAT(error.message, AllOf(HasSubstr("wal2json"), HasSubstr(table), HasSubstr(what),
                                     HasSubstr("attach again")));
  };
  EXPECT_EQ(Inserted(table, 0), RowOf({Int(1), Txt("as attached")}));
  expect_misfit(1, "remark");  // renamed
  expect_misfit(2, "note");    // text to varchar
  expect_misfit(3, "note");    // text to int4
  expect_misfit(4, "note");    // the same, of a null
  expect_misfit(5, "more");    // one more
  EXPECT_EQ(Inserted(table, 6), RowOf({Int(7), Txt("as attached")}));
  expect_misfit(7, "note");  // one less
}

TEST_F(Wal2jsonDecoderTest, ATableThatIsNewInAFollowedSchemaIsAMisfit) {
  const Error error = Refused("captured.late", 0);
  EXPECT_EQ(error.kind, ErrorKind::kMisfit);
  EXPECT_THAT(error.message,
              AllOf(HasSubstr("wal2json"), HasSubstr("captured.late"), HasSubstr("attach again")));
}

}  // namespace
}  // namespace lockstep::replication
