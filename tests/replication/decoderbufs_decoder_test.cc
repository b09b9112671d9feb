// What decoderbufs shows in its own way of a capture from a real server, and what it refuses. What
// all plugins show alike: decoder_captures_test.
#include "replication/decoderbufs_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <variant>

#include "model/change.h"
#include "model/error.h"
#include "model/relation.h"
#include "proto/decoderbufs.pb.h"
#include "replication/decoder.h"
#include "replication/frames.h"
#include "replication/relation_map.h"
#include "tests/replication/captured_rows.h"
#include "tests/replication/captured_stream.h"
#include "tests/replication/decoded_capture.h"
#include "tests/replication/row_literals.h"

namespace lockstep::replication {
namespace {

using model::Error;
using model::ErrorKind;
using model::Lsn;
using model::Result;
using testing::AllOf;
using testing::ElementsAreArray;
using testing::HasSubstr;

std::unique_ptr<Decoder> DecoderOfCapture() {
  return MakeDecoderbufsDecoder(RelationMap(CapturedRelations()));
}

// A message's table, as the plugin spells it; "" for BEGIN and COMMIT.
std::string TableOf(const XLogData& data, const Result<Event>&) {
  decoderbufs::RowMessage message;
  if (!message.ParseFromArray(data.payload.data(), static_cast<int>(data.payload.size()))) {
    throw std::runtime_error("the capture is broken");
  }
  return message.table();
}

class DecoderbufsDecoderTest : public testing::Test, protected DecodedCapture {
 protected:
  DecoderbufsDecoderTest() : DecodedCapture("decoderbufs", *DecoderOfCapture(), TableOf) {}

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
};

Result<Event> DecodePayload(std::string_view payload) {
  return DecoderOfCapture()->Decode({Lsn{1}, Lsn{1}, payload});
}

// ---- values ----

// ---- values ----

// model::Loss::kTimeZone: the zone of row 0 was +05:30, of row 1 +15:59, of row 2 -15:59.
// model::Loss::kTimestampEnd: row 6 was 294247-01-10 04:00:54.775807 and .775808, the plugin's
// numbers for the two infinities.
TEST_F(DecoderbufsDecoderTest, TimesComeExactlyButForTheZoneAndTwoTimestamps) {
  const auto timetz = [](const char* text) { return Oth("time with time zone", text); };
  auto rows = CapturedRows("times");
  rows[0] = WithCell(rows[0], 3, timetz("06:30:00+00"));
  rows[1] = WithCell(rows[1], 3, timetz("08:01:00+00"));
  rows[2] = WithCell(rows[2], 3, timetz("15:59:00+00"));
  rows[6] = WithCell(rows[6], 4, Stamp(std::numeric_limits<std::int64_t>::max()));
  rows[6] = WithCell(rows[6], 5, Stamp(std::numeric_limits<std::int64_t>::min()));
  EXPECT_THAT(InsertedRows("captured.times", rows.size()), ElementsAreArray(rows));
}

// ---- old rows ----

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

TEST_F(DecoderbufsDecoderTest, VirtualGeneratedColumnsArePassedOver) {
  auto relation = std::make_shared<model::Relation>(*CapturedRelation("saved"));
  relation->virtual_columns = {"V q"};
  decoderbufs::RowMessage message;
  message.ParseFromString(std::string(frames_.at("captured.saved").at(0).payload));
  const auto decode = [&] {
    const std::string payload = message.SerializeAsString();
    return MakeDecoderbufsDecoder(RelationMap({relation}))->Decode({Lsn{1}, Lsn{1}, payload});
  };
  const auto plain = decode();
  *message.add_new_tuple() = message.new_tuple(0);
  *message.add_new_typeinfo() = message.new_typeinfo(0);
  message.mutable_new_tuple(0)->clear_datum();
  message.mutable_new_tuple(0)->set_column_name("\"V q\"");
  const auto with_virtual = decode();
  ASSERT_TRUE(with_virtual.has_value()) << with_virtual.error().message;
  EXPECT_EQ(std::get<model::Insert>(std::get<ChangeEvent>(*with_virtual).change).row,
            std::get<model::Insert>(std::get<ChangeEvent>(*plain).change).row);
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
