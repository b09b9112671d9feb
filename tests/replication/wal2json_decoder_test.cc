// What wal2json shows in its own way of a capture from a real server, and what it refuses. What all
// plugins show alike: decoder_captures_test.
#include "replication/wal2json_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

#include "model/change.h"
#include "model/error.h"
#include "replication/decoder.h"
#include "replication/frames.h"
#include "replication/relation_map.h"
#include "replication/wal2json_message.h"
#include "tests/replication/captured_rows.h"
#include "tests/replication/captured_stream.h"
#include "tests/replication/decoded_capture.h"
#include "tests/replication/row_literals.h"

namespace lockstep::replication {
namespace {

using model::Error;
using model::ErrorKind;
using model::Insert;
using model::LogicalMessage;
using model::Lsn;
using model::Result;
using testing::AllOf;
using testing::ElementsAreArray;
using testing::HasSubstr;
using namespace std::string_view_literals;

std::unique_ptr<Decoder> DecoderOfCapture() {
  return MakeWal2jsonDecoder(RelationMap(CapturedRelations()));
}

// A message's table; "M" for logical messages, "" for BEGIN and COMMIT.
std::string TableOf(const XLogData& data, const Result<Event>&) {
  Wal2jsonParser parser;
  auto message = parser.Parse(data.payload);
  if (!message) throw std::runtime_error("the capture is broken: " + message.error().message);
  const Wal2jsonMessage& m = **message;
  if (m.table) return std::string(*m.schema) + "." + std::string(*m.table);
  return m.action == "M" ? "M" : "";
}

class Wal2jsonDecoderTest : public testing::Test, protected DecodedCapture {
 protected:
  Wal2jsonDecoderTest() : DecodedCapture("wal2json", *DecoderOfCapture(), TableOf) {}
};

// ---- values ----

// model::Loss::kNonFinite: rows 3 to 5 had NaN and infinities.
TEST_F(Wal2jsonDecoderTest, NumbersComeExactlyButNanAndInfinityAsNull) {
  auto rows = CapturedRows("numbers");
  for (const std::size_t column : {5u, 6u, 7u, 8u}) {
    for (const std::size_t row : {3u, 4u}) rows[row] = WithCell(rows[row], column, kNull);
  }
  rows[5] = WithCell(rows[5], 7, kNull);
  EXPECT_THAT(InsertedRows("captured.numbers", rows.size()), ElementsAreArray(rows));
}

// NaN and infinity of a domain among them: it is sent as a string, which bears them.
TEST_F(Wal2jsonDecoderTest, LongDigitsEscapedCharactersAndComposedTypesComeExactly) {
  for (const std::string& table : TablesWithCapturedRows("wal2json.sql")) {
    const auto rows = CapturedRows(table, "wal2json.sql");
    const std::size_t before = CapturedRows(table).size();
    EXPECT_THAT(InsertedRows("captured." + table, rows.size(), before), ElementsAreArray(rows));
  }
}

// ---- old rows ----

// model::Loss::kNoIdentity: their UPDATE and DELETE are not in the stream.
TEST_F(Wal2jsonDecoderTest, OnlyInsertsOfATableWithoutIdentityCome) {
  for (const char* table : {"captured.bare", "captured.nothing"}) {
    EXPECT_EQ(events_.at(table).size(), 1u) << table;
    EXPECT_NO_THROW(Nth<Insert>(table, 0));
  }
}

// ---- transactions, messages, TRUNCATE ----

TEST_F(Wal2jsonDecoderTest, ATableOfAnotherSchemaIsCountedOnly) {
  for (std::size_t n : {0u, 1u}) {  // an INSERT, a TRUNCATE
    const Result<Event>& event = Decoded("elsewhere.numbers", n);
    ASSERT_TRUE(event.has_value());
    EXPECT_TRUE(std::holds_alternative<OtherTableEvent>(*event)) << n;
  }
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

TEST_F(Wal2jsonDecoderTest, ACommitsTimeCountsFrom2000) {
  const auto made = DecoderOfCapture()->Decode(
      {Lsn{7}, Lsn{7},
       R"({"action":"C","xid":4294967295,"timestamp":"2000-01-02 00:00:01.5+00"})"});
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(std::get<CommitEvent>(*made).xid.value, 4294967295u);
  EXPECT_EQ(std::get<CommitEvent>(*made).end_lsn, Lsn{7});
  EXPECT_EQ(std::get<CommitEvent>(*made).commit_micros, 86401500000);
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
