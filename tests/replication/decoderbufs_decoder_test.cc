// Every value of a capture from a real server, in the standard form, written out by hand.
#include "replication/decoderbufs_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "model/change.h"
#include "model/error.h"
#include "proto/decoderbufs.pb.h"
#include "replication/frames.h"
#include "tests/replication/captured_stream.h"
#include "tests/replication/row_literals.h"

namespace lockstep::replication {
namespace {

using model::Cell;
using model::Delete;
using model::Error;
using model::ErrorKind;
using model::Insert;
using model::Lsn;
using model::Result;
using model::Row;
using model::Update;
using testing::AllOf;
using testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::unique_ptr<Decoder> DecoderOfCapture() {
  return MakeDecoderbufsDecoder(RelationMap(CapturedRelations()));
}

// The capture decoded once: what became of each message.
class DecoderbufsDecoderTest : public testing::Test {
 protected:
  DecoderbufsDecoderTest() : messages_(CapturedMessages()) {
    auto decoder = DecoderOfCapture();
    for (const std::string& bytes : messages_) {
      auto frame = ParseFrame(bytes);
      if (!frame) throw std::runtime_error(frame.error().message);
      const auto* data = std::get_if<XLogData>(&*frame);
      if (!data) continue;
      decoderbufs::RowMessage message;
      if (!message.ParseFromArray(data->payload.data(), static_cast<int>(data->payload.size()))) {
        throw std::runtime_error("the capture is broken");
      }
      events_[message.table()].push_back(decoder->Decode(*data));
      frames_[message.table()].push_back(*data);
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

  // The nth message of a table, changed and decoded.
  template <typename Change>
  Result<Event> DecodeChanged(const std::string& table, std::size_t n, Change change) {
    const XLogData& frame = frames_.at(table).at(n);
    decoderbufs::RowMessage message;
    message.ParseFromArray(frame.payload.data(), static_cast<int>(frame.payload.size()));
    change(message);
    const std::string payload = message.SerializePartialAsString();
    return DecoderOfCapture()->Decode({frame.start, frame.end, payload});
  }

  std::vector<std::string> messages_;
  std::map<std::string, std::vector<Result<Event>>> events_;
  std::map<std::string, std::vector<XLogData>> frames_;
};

Result<Event> DecodePayload(std::string_view payload) {
  return DecoderOfCapture()->Decode({Lsn{1}, Lsn{1}, payload});
}

// ---- values ----

TEST_F(DecoderbufsDecoderTest, NumbersComeExactly) {
  const std::string table = "captured.numbers";
  EXPECT_EQ(Inserted(table, 0), RowOf({Int(1), Bool(true), Int(2), Int(3), Int(4), Float(1.5),
                                       Float(2.25), Num("1.50"), Num("12.30")}));
  EXPECT_EQ(
      Inserted(table, 1),
      RowOf({Int(-2147483648), Bool(false), Int(-32768), Int(std::numeric_limits<int64_t>::min()),
             Int(0), Float(-340282346638528859811704183484516925440.0),
             Float(-1.7976931348623157e308), Num("-123456789012345678901234567890.000000001"),
             Num("-0.01")}));
  EXPECT_EQ(Inserted(table, 2), RowOf({Int(2147483647), Bool(true), Int(32767),
                                       Int(9223372036854775807), Int(4294967295), Float(0x1p-149),
                                       Float(0x1p-1074), Num("0.000"), Num("99999999.99")}));
  EXPECT_EQ(Inserted(table, 7),
            RowOf({Int(8), kNull, kNull, kNull, kNull, Float(0.100000001490116119384765625),
                   Float(0.1), Num("100000000000000000000"), kNull}));
}

TEST_F(DecoderbufsDecoderTest, NanInfinityAndMinusZeroComeExactly) {
  const std::string table = "captured.numbers";
  EXPECT_EQ(Inserted(table, 3), RowOf({Int(4), kNull, Int(0), Int(0), Int(0), Float(kNan),
                                       Float(kNan), Num("NaN"), Num("NaN")}));
  EXPECT_EQ(Inserted(table, 4), RowOf({Int(5), kNull, Int(0), Int(0), Int(0), Float(kInfinity),
                                       Float(-kInfinity), Num("Infinity"), kNull}));
  EXPECT_EQ(Inserted(table, 5), RowOf({Int(6), kNull, Int(0), Int(0), Int(0), Float(-0.0),
                                       Float(-0.0), Num("-Infinity"), kNull}));
}

TEST_F(DecoderbufsDecoderTest, NullsComeAsNull) {
  EXPECT_EQ(Inserted("captured.numbers", 6),
            RowOf({Int(7), kNull, kNull, kNull, kNull, kNull, kNull, kNull, kNull}));
  EXPECT_EQ(Inserted("captured.texts", 3), RowOf({Int(4), kNull, kNull, kNull, kNull, kNull, kNull,
                                                  kNull, kNull, kNull, kNull, kNull}));
}

TEST_F(DecoderbufsDecoderTest, TextsAndBytesComeExactly) {
  const std::string table = "captured.texts";
  using namespace std::string_view_literals;
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

TEST_F(DecoderbufsDecoderTest, EmptyTextAndBytesAreNotNull) {
  EXPECT_EQ(Inserted("captured.texts", 1),
            RowOf({Int(2), Txt(""), Txt(""), Txt("     "), Txt(""), Txt(""),
                   model::Value(model::Uuid{}), Byt(""), Oth("json", "\"\""), Oth("jsonb", "\"\""),
                   Oth("bit(3)", "000"), Oth("xml", "")}));
}

TEST_F(DecoderbufsDecoderTest, DatesAndTimesComeExactlyOverTheWholeRange) {
  const std::string table = "captured.times";
  const auto timetz = [](const char* text) { return Oth("time with time zone", text); };
  const auto interval = [](const char* text) { return Oth("interval", text); };
  EXPECT_EQ(Inserted(table, 0), RowOf({Int(1), Day(8825), Clock(45296789000), timetz("06:30:00+00"),
                                       Stamp(762525296789012), Stamp(762518096789012),
                                       interval("1 year 2 mons -3 days +04:05:06.7")}));
  EXPECT_EQ(Inserted(table, 1), RowOf({Int(2), Day(-2451545), Clock(0), timetz("08:01:00+00"),
                                       Stamp(-211813488000000000), Stamp(-211813488000000000),
                                       interval("-178000000 years")}));
  EXPECT_EQ(Inserted(table, 2), RowOf({Int(3), Day(2145031948), Clock(86400000000),
                                       timetz("15:59:00+00"), Stamp(9223371331199999999),
                                       Stamp(9223371331199999999), interval("178000000 years")}));
  EXPECT_EQ(Inserted(table, 5),
            RowOf({Int(6), Day(0), kNull, kNull, Stamp(-1), Stamp(-946684800000001), kNull}));
  EXPECT_EQ(Inserted(table, 7), RowOf({Int(8), kNull, kNull, kNull, Stamp(9222425352054775806),
                                       Stamp(9222425352054775809), kNull}));
}

TEST_F(DecoderbufsDecoderTest, InfiniteDatesAndTimestampsComeAsInfinity) {
  const std::string table = "captured.times";
  EXPECT_EQ(
      Inserted(table, 3),
      RowOf({Int(4), Day(2147483647), Clock(86399999999), Oth("time with time zone", "24:00:00+00"),
             Stamp(9223372036854775807), Stamp(9223372036854775807), Oth("interval", "00:00:00")}));
  constexpr auto kMinus = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(
      Inserted(table, 4),
      RowOf({Int(5), Day(-2147483648), Clock(1), Oth("time with time zone", "23:59:59.999999+00"),
             Stamp(kMinus), Stamp(kMinus), Oth("interval", "-00:00:00.000001")}));
}

// 294247-01-10 04:00:54.775807 and .775808 are the plugin's numbers for the two infinities: what
// was inserted cannot be told any more.
TEST_F(DecoderbufsDecoderTest, TheTwoTimestampsThatThePluginCannotTellFromInfinityAreInfinity) {
  EXPECT_EQ(Inserted("captured.times", 6),
            RowOf({Int(7), Day(-10957), kNull, kNull, Stamp(9223372036854775807),
                   Stamp(std::numeric_limits<std::int64_t>::min()), kNull}));
}

TEST_F(DecoderbufsDecoderTest, OtherTypesComeAsTheirTextAndDomainsAsTheirBaseType) {
  const std::string table = "captured.others";
  using namespace std::string_view_literals;
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

TEST_F(DecoderbufsDecoderTest, MoneyAndPointsAreSpelledAsPostgresSpellsThem) {
  const auto only = [](std::int64_t id, const char* money, const char* point) {
    return RowOf({Int(id), Oth("money", money), Oth("point", point), kNull, kNull, kNull, kNull,
                  kNull, kNull, kNull, kNull, kNull, kNull});
  };
  const std::string table = "captured.others";
  EXPECT_EQ(Inserted(table, 3),
            only(4, "$92,233,720,368,547,758.07", "(-0,1.2345678901234568e+17)"));
  EXPECT_EQ(Inserted(table, 4), only(5, "-$0.05", "(0.1,1e+100)"));
  EXPECT_EQ(Inserted(table, 5), only(6, "$0.00", "(123456789012345,0.0001)"));
}

TEST_F(DecoderbufsDecoderTest, NamesThatSqlQuotesAreRead) {
  const std::string table = "captured.\"Odd \"\"T.q\"\"\"";
  const auto relation = CapturedRelation("Odd \"T.q\"");
  const auto insert = Nth<Insert>(table, 0);
  EXPECT_EQ(*insert.relation, *relation);
  EXPECT_EQ(insert.row, RowOf({Int(1), Txt("x"), Txt("y"), Int(2)}));
  EXPECT_EQ(Nth<Update>(table, 1).row, RowOf({Int(2), Txt("x"), Txt("y"), Int(2)}));
  EXPECT_EQ(Nth<Delete>(table, 2).old_row,
            RowOf({Int(2), kNotInIdentity, kNotInIdentity, kNotInIdentity}));
}

TEST_F(DecoderbufsDecoderTest, GeneratedColumnsAreSent) {
  EXPECT_EQ(Inserted("captured.generated", 0), RowOf({Int(1), Int(2)}));
}

// ---- old rows and what is left out ----

std::string Big() {
  std::string big;
  for (int i = 0; i < 250; ++i) big += "0123456789";
  return big;
}

TEST_F(DecoderbufsDecoderTest, AnOutOfLineValueThatWasNotTouchedIsUnchanged) {
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

TEST_F(DecoderbufsDecoderTest, OldRowsOfACompositeKeyHoldTheKeyOnly) {
  const std::string table = "captured.keyed";
  EXPECT_EQ(Nth<Update>(table, 1).old_row, std::nullopt);
  const auto key_changed = Nth<Update>(table, 2);
  EXPECT_EQ(key_changed.old_row, RowOf({Int(1), Txt("one"), kNotInIdentity}));
  EXPECT_EQ(key_changed.row, RowOf({Int(2), Txt("one"), kNull}));
  EXPECT_EQ(Nth<Delete>(table, 3).old_row, RowOf({Int(2), Txt("one"), kNotInIdentity}));
}

TEST_F(DecoderbufsDecoderTest, OldRowsOfIdentityFullAreWholeAndTheirNullsAreNull) {
  const std::string table = "captured.full_identity";
  const auto first = Nth<Update>(table, 1);
  EXPECT_EQ(first.old_row, RowOf({Int(1), kNull, Txt(Big())}));
  EXPECT_EQ(first.row, RowOf({Int(1), Txt("n"), kUnchanged}));
  const auto second = Nth<Update>(table, 2);
  EXPECT_EQ(second.old_row, RowOf({Int(1), Txt("n"), Txt(Big())}));
  EXPECT_EQ(second.row, RowOf({Int(2), kNull, kUnchanged}));
  EXPECT_EQ(Nth<Delete>(table, 3).old_row, RowOf({Int(2), kNull, Txt(Big())}));
}

TEST_F(DecoderbufsDecoderTest, OldRowsOfAnIndexIdentityHoldTheIndexOnly) {
  const std::string table = "captured.indexed";
  EXPECT_EQ(Nth<Update>(table, 1).old_row, std::nullopt);  // the primary key is not the identity
  const auto update = Nth<Update>(table, 2);
  EXPECT_EQ(update.old_row, RowOf({kNotInIdentity, Txt("a"), kNotInIdentity}));
  EXPECT_EQ(update.row, RowOf({Int(2), Txt("b"), Txt("n")}));
  EXPECT_EQ(Nth<Delete>(table, 3).old_row, RowOf({kNotInIdentity, Txt("b"), kNotInIdentity}));
}

TEST_F(DecoderbufsDecoderTest, AChangeOfATableWithoutIdentityIsRefusedWithTableAndRemedy) {
  for (const char* table : {"captured.bare", "captured.nothing"}) {
    EXPECT_TRUE(Decoded(table, 0).has_value()) << table;  // its inserts are fine
    for (std::size_t n : {1u, 2u}) {
      const Error error = Refused(table, n);
      EXPECT_EQ(error.kind, ErrorKind::kUnsupported);
      EXPECT_THAT(error.message, AllOf(HasSubstr(table), HasSubstr("REPLICA IDENTITY FULL"),
                                       HasSubstr("primary key")));
    }
  }
}

// ---- transactions ----

TEST_F(DecoderbufsDecoderTest, WhatWasRolledBackDoesNotCome) {
  ASSERT_EQ(events_["captured.saved"].size(), 3u);
  EXPECT_EQ(Inserted("captured.saved", 0), RowOf({Int(1)}));
  EXPECT_EQ(Inserted("captured.saved", 1), RowOf({Int(3)}));
  EXPECT_EQ(Nth<Update>("captured.saved", 2).old_row, RowOf({Int(3)}));
}

TEST_F(DecoderbufsDecoderTest, ATableOfAnotherSchemaIsCountedOnly) {
  const Result<Event>& event = Decoded("elsewhere.numbers", 0);
  ASSERT_TRUE(event.has_value());
  const auto* other = std::get_if<OtherTableEvent>(&*event);
  ASSERT_NE(other, nullptr);
  EXPECT_EQ(other->xid, std::get<ChangeEvent>(*Decoded("captured.saved", 0)).xid);
}

TEST_F(DecoderbufsDecoderTest, ACommitsPositionIsThatOfItsFrameAndItsTimeCountsFrom2000) {
  const XLogData& frame = frames_[""].at(1);
  decoderbufs::RowMessage message;
  ASSERT_TRUE(message.ParseFromArray(frame.payload.data(), static_cast<int>(frame.payload.size())));
  const auto begin = std::get<BeginEvent>(*Decoded("", 0));
  const auto commit = std::get<CommitEvent>(*Decoded("", 1));
  EXPECT_EQ(begin.xid.value, message.transaction_id());
  EXPECT_EQ(commit.xid.value, message.transaction_id());
  EXPECT_EQ(commit.end_lsn, frame.start);
  EXPECT_EQ(commit.end_lsn, frame.end);
  EXPECT_EQ(commit.commit_micros,
            static_cast<std::int64_t>(message.commit_time()) - 946684800000000);
}

TEST_F(DecoderbufsDecoderTest, CommitPositionsRise) {
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

TEST_F(DecoderbufsDecoderTest, AChangedColumnIsAMisfitUntilItIsAsItWas) {
  const std::string table = "captured.changing";
  const auto expect_misfit = [&](std::size_t n, const char* what) {
    const Error error = Refused(table, n);
    EXPECT_EQ(error.kind, ErrorKind::kMisfit) << n << ": " << error.message;
    EXPECT_THAT(error.message, AllOf(HasSubstr(table), HasSubstr(what), HasSubstr("attach again")));
  };
  EXPECT_EQ(Inserted(table, 0), RowOf({Int(1), Txt("as attached")}));
  expect_misfit(1, "remark");     // renamed
  expect_misfit(2, "note");       // text to varchar
  expect_misfit(3, "note");       // text to int4
  expect_misfit(4, "note");       // the same, of a null
  expect_misfit(5, "3 columns");  // one more
  EXPECT_EQ(Inserted(table, 6), RowOf({Int(7), Txt("as attached")}));
  expect_misfit(7, "1 columns");  // one less
}

TEST_F(DecoderbufsDecoderTest, ATableThatIsNewInAFollowedSchemaIsAMisfit) {
  const Error error = Refused("captured.late", 0);
  EXPECT_EQ(error.kind, ErrorKind::kMisfit);
  EXPECT_THAT(error.message, AllOf(HasSubstr("captured.late"), HasSubstr("attach again")));
}

TEST_F(DecoderbufsDecoderTest, ATypeThatDoesNotFitIsAMisfitInEveryColumn) {
  struct Case {
    const char* table;
    std::size_t row;
  };
  for (const Case& c : {Case{"captured.numbers", 0}, Case{"captured.texts", 0},
                        Case{"captured.times", 0}, Case{"captured.others", 0}}) {
    const auto columns =
        static_cast<int>(CapturedRelation(std::string_view(c.table).substr(9))->columns.size());
    for (int i = 0; i < columns; ++i) {
      constexpr int kTid = 27;  // no column of the capture has it
      auto event = DecodeChanged(c.table, c.row, [&](decoderbufs::RowMessage& message) {
        message.mutable_new_tuple(i)->set_column_type(kTid);
      });
      ASSERT_FALSE(event.has_value()) << c.table << " column " << i;
      EXPECT_EQ(event.error().kind, ErrorKind::kMisfit);
    }
  }
}

// A point is the one kind of datum that only one column of the capture holds.
TEST_F(DecoderbufsDecoderTest, ADatumOfAnotherKindThanTheTypesIsAMisfit) {
  for (const char* table : {"captured.numbers", "captured.times"}) {
    const auto columns =
        static_cast<int>(CapturedRelation(std::string_view(table).substr(9))->columns.size());
    for (int i = 0; i < columns; ++i) {
      auto event = DecodeChanged(table, 0, [&](decoderbufs::RowMessage& message) {
        auto* point = message.mutable_new_tuple(i)->mutable_datum_point();
        point->set_x(1);
        point->set_y(1);
      });
      ASSERT_FALSE(event.has_value()) << table << " column " << i;
      EXPECT_EQ(event.error().kind, ErrorKind::kMisfit);
    }
  }
}

// ---- bytes that are not the plugin's ----

TEST_F(DecoderbufsDecoderTest, BytesThatAreNotARowMessageAreMalformed) {
  for (const std::string& payload :
       {std::string(), std::string("BEGIN 752"), std::string(R"({"action":"B"})"),
        std::string("B\0\0\0\0\0\0\0\0", 9), std::string(64, '\xff')}) {
    auto event = DecodePayload(payload);
    ASSERT_FALSE(event.has_value()) << payload;
    EXPECT_EQ(event.error().kind, ErrorKind::kMalformed);
    EXPECT_THAT(event.error().message, HasSubstr("decoderbufs"));
  }
}

TEST_F(DecoderbufsDecoderTest, AWholeMessageWithMoreBehindItIsMalformed) {
  for (const char* more : {"\x12", "\x0f", "\xff"}) {
    auto event = DecodePayload(std::string(frames_[""].at(0).payload) + more);
    ASSERT_FALSE(event.has_value());
    EXPECT_EQ(event.error().kind, ErrorKind::kMalformed);
  }
}

TEST_F(DecoderbufsDecoderTest, AMessageWithoutTransactionIdOrKnownOperationIsMalformed) {
  const auto expect_malformed = [&](auto change) {
    auto event = DecodeChanged("", 0, change);
    ASSERT_FALSE(event.has_value());
    EXPECT_EQ(event.error().kind, ErrorKind::kMalformed);
  };
  expect_malformed([](decoderbufs::RowMessage& m) { m.clear_transaction_id(); });
  expect_malformed([](decoderbufs::RowMessage& m) { m.clear_op(); });
  expect_malformed([](decoderbufs::RowMessage& m) { m.set_op(decoderbufs::UNKNOWN); });
}

TEST_F(DecoderbufsDecoderTest, AnInsertThatLeavesAValueOutIsMalformed) {
  auto event = DecodeChanged("captured.toasted", 0, [](decoderbufs::RowMessage& message) {
    message.mutable_new_tuple(1)->set_datum_missing(true);
  });
  ASSERT_FALSE(event.has_value());
  EXPECT_EQ(event.error().kind, ErrorKind::kMalformed);
}

TEST_F(DecoderbufsDecoderTest, AValueThatIsNotOfItsTypeIsMalformed) {
  auto event = DecodeChanged("captured.numbers", 0, [](decoderbufs::RowMessage& message) {
    message.mutable_new_tuple(7)->set_datum_string("1,5");
  });
  ASSERT_FALSE(event.has_value());
  EXPECT_EQ(event.error().kind, ErrorKind::kMalformed);
  EXPECT_THAT(event.error().message, AllOf(HasSubstr("captured.numbers"), HasSubstr("1,5")));
}

TEST_F(DecoderbufsDecoderTest, ATableNameThatIsNotQualifiedIsMalformed) {
  for (const char* name : {"", "numbers", "a.b.c", "\"captured.numbers"}) {
    auto event = DecodeChanged("captured.numbers", 0,
                               [&](decoderbufs::RowMessage& message) { message.set_table(name); });
    ASSERT_FALSE(event.has_value()) << name;
    EXPECT_EQ(event.error().kind, ErrorKind::kMalformed);
  }
}

}  // namespace
}  // namespace lockstep::replication
