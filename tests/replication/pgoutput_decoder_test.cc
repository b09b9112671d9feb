// What pgoutput shows in its own way of two captures from a real server, one with text and one with
// binary values, and what it refuses. What all plugins show alike: decoder_captures_test.
#include "replication/pgoutput_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/byte_cursor.h"
#include "model/change.h"
#include "model/error.h"
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
using model::Insert;
using model::Lsn;
using model::Result;
using model::Update;
using testing::AllOf;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using namespace std::string_view_literals;

const model::Cell kNotSent = model::NotSent{};

std::unique_ptr<Decoder> DecoderOfCapture() {
  return MakePgoutputDecoder(RelationMap(CapturedRelations(), CapturedTypes()));
}

// Changes under their table, other messages under their table, if any, and the message's letter.
// Tables are known by what was described before.
DecodedCapture::KeyOf KeyOfMessage() {
  return
      [names = std::map<std::uint32_t, std::string>()](const XLogData& data, const auto&) mutable {
        model::ByteCursor in(data.payload);
        const std::string letter(1, static_cast<char>(in.Integer<std::uint8_t>("")));
        if (!"RIUD"sv.contains(letter)) return letter;
        const auto oid = in.Integer<std::uint32_t>("");
        if (letter != "R") return names.at(oid);
        names[oid] = std::string(in.CString("")) + ".";
        names[oid] += in.CString("");
        return names[oid] + letter;
      };
}

class PgoutputDecoderTest : public testing::TestWithParam<const char*>, protected DecodedCapture {
 protected:
  PgoutputDecoderTest() : DecodedCapture(GetParam(), *DecoderOfCapture(), KeyOfMessage()) {}

  // A decoder that was given the first Begin and the table's first description, and then `payload`.
  Result<Event> DecodeAfter(const std::string& table, std::string_view payload) {
    auto decoder = DecoderOfCapture();
    EXPECT_TRUE(decoder->Decode(frames_.at("B").at(0)).has_value());
    if (!table.empty()) {
      EXPECT_TRUE(decoder->Decode(frames_.at(table + "R").at(0)).has_value());
    }
    return decoder->Decode({Lsn{1}, Lsn{1}, payload});
  }
};

INSTANTIATE_TEST_SUITE_P(TextAndBinary, PgoutputDecoderTest,
                         testing::Values("pgoutput", "pgoutput-binary"), [](const auto& plugin) {
                           return plugin.param == "pgoutput"sv ? "Text" : "Binary";
                         });

// ---- values ----

TEST_P(PgoutputDecoderTest, ArraysRangesAndRowsWithinEachOtherComeAsTheirText) {
  const auto rows = CapturedRows("nested", "pgoutput.sql");
  EXPECT_THAT(InsertedRows("captured.nested", rows.size()), ElementsAreArray(rows));
}

TEST_P(PgoutputDecoderTest, AGeneratedColumnIsNotSent) {
  const std::string table = "captured.generated";
  EXPECT_EQ(*Nth<Insert>(table, 0).relation, *CapturedRelation("generated"));
  EXPECT_EQ(Inserted(table, 0), RowOf({Int(1), kNotSent}));
  EXPECT_EQ(Nth<Update>(table, 1).old_row, RowOf({Int(1), kNotInIdentity}));
  EXPECT_EQ(Nth<Update>(table, 1).row, RowOf({Int(3), kNotSent}));
}

// ---- tables that are described again ----

TEST_P(PgoutputDecoderTest, ATableThatIsDescribedAgainIsTheSame) {
  const auto known = CapturedRelation("toasted");
  ASSERT_GE(frames_.at("captured.toastedR").size(), 5u);
  for (std::size_t n : {0u, 5u, 6u, 7u})
    EXPECT_EQ(*Nth<Insert>("captured.toasted", n).relation, *known);
  EXPECT_EQ(Nth<Insert>("captured.toasted", 5).relation,
            Nth<Insert>("captured.toasted", 7).relation);
}

TEST_P(PgoutputDecoderTest, AnIdentityThatChangedIsFollowed) {
  const auto full = Nth<Update>("captured.toasted", 8);
  EXPECT_EQ(full.relation->identity, model::ReplicaIdentity::kFull);
  EXPECT_EQ(full.relation->key, CapturedRelation("toasted")->key);
  EXPECT_EQ(full.old_row, RowOf({Int(11), Txt("a"), Txt("b")}));
  const auto again = Nth<Update>("captured.toasted", 9);
  EXPECT_EQ(*again.relation, *CapturedRelation("toasted"));
  EXPECT_EQ(again.old_row, std::nullopt);
}

TEST_P(PgoutputDecoderTest, RowsFollowTheColumnsAsTheyAre) {
  const std::string table = "captured.changing";
  const auto columns = [&](std::size_t n) {
    std::string text;
    for (const model::Column& column : Nth<Insert>(table, n).relation->columns)
      text += column.name + " " + column.type_name + ";";
    return text;
  };
  EXPECT_EQ(Inserted(table, 0), RowOf({Int(1), Txt("as attached")}));
  EXPECT_EQ(columns(1), "id integer;remark text;");
  EXPECT_EQ(Inserted(table, 1), RowOf({Int(2), Txt("renamed")}));
  EXPECT_EQ(columns(2), "id integer;note character varying(30);");
  EXPECT_EQ(columns(3), "id integer;note integer;");
  EXPECT_EQ(Inserted(table, 3), RowOf({Int(4), Int(4)}));
  EXPECT_EQ(Inserted(table, 4), RowOf({Int(5), kNull}));
  EXPECT_EQ(columns(5), "id integer;note text;more integer;");
  EXPECT_EQ(Inserted(table, 5), RowOf({Int(6), Txt("more"), Int(6)}));
  EXPECT_EQ(*Nth<Insert>(table, 6).relation, *CapturedRelation("changing"));
  EXPECT_EQ(columns(7), "id integer;");
  EXPECT_EQ(Inserted(table, 7), RowOf({Int(8)}));
  EXPECT_EQ(Nth<Insert>(table, 7).relation->key, CapturedRelation("changing")->key);
}

TEST_P(PgoutputDecoderTest, NewColumnsHaveTheirTypesNamesAndOthersStay) {
  const auto insert = Nth<Insert>("captured.indexed", 4);
  EXPECT_EQ(insert.row, RowOf({Int(5), Txt("five"), kNull, Oth("captured.mood", "sad"),
                               Oth("character varying(7)[]", "{a}"), Int(5)}));
  EXPECT_EQ(insert.relation->columns[1], CapturedRelation("indexed")->columns[1]);
  EXPECT_EQ(insert.relation->columns[5].type_name, "captured.positive");
  EXPECT_EQ(insert.relation->key, CapturedRelation("indexed")->key);
}

TEST_P(PgoutputDecoderTest, WhatIsNewerThanTheAttachIsAMisfitThatNamesIt) {
  const auto expect_misfit = [&](const Error& error, const char* table, const char* what) {
    EXPECT_EQ(error.kind, ErrorKind::kMisfit) << error.message;
    EXPECT_THAT(error.message, AllOf(HasSubstr("pgoutput"), HasSubstr("Relation"), HasSubstr(table),
                                     HasSubstr(what), HasSubstr("attach again")));
  };
  expect_misfit(Refused("captured.indexedR", 2), "captured.indexed", "newer");
  expect_misfit(Refused("captured.lateR", 0), "captured.late", "was not there");
  expect_misfit(Refused("captured.renamedR", 0), "captured.renamed", "was not there");
}

// ---- transactions ----

TEST_P(PgoutputDecoderTest, ATableOfAnotherSchemaIsCountedOnly) {
  for (std::size_t n : {0u, 1u})
    EXPECT_TRUE(std::holds_alternative<OtherTableEvent>(Decoded("elsewhere.numbers", n).value()));
}

TEST_P(PgoutputDecoderTest, TruncationNamesTheFollowedTables) {
  const auto names = [&](std::size_t n) {
    std::vector<std::string> tables;
    for (const auto& relation : std::get<TruncateEvent>(Decoded("T", n).value()).relations)
      tables.push_back(relation->name);
    return tables;
  };
  EXPECT_THAT(names(0), ElementsAre("saved"));
  EXPECT_THAT(names(1), ElementsAre("saved", "keyed"));
  EXPECT_THAT(names(2), ElementsAre("saved"));
  EXPECT_TRUE(std::holds_alternative<OtherTableEvent>(Decoded("T", 3).value()));
}

TEST_P(PgoutputDecoderTest, MessagesInsideATransactionAreChanges) {
  EXPECT_EQ(Nth<model::LogicalMessage>("M", 0), (model::LogicalMessage{"prefix", "content"}));
  EXPECT_TRUE(std::holds_alternative<NoEvent>(Decoded("M", 1).value()));
  EXPECT_TRUE(std::holds_alternative<NoEvent>(Decoded("M", 2).value()));
  EXPECT_EQ(Nth<model::LogicalMessage>("M", 3), (model::LogicalMessage{"", "\n\\"}));
  EXPECT_EQ(Nth<model::LogicalMessage>("M", 4), (model::LogicalMessage{"last", ""}));
}

TEST_P(PgoutputDecoderTest, OriginsAndTypesAreNoEvents) {
  EXPECT_TRUE(std::holds_alternative<NoEvent>(Decoded("O", 0).value()));
  for (const Result<Event>& event : events_["Y"])
    EXPECT_TRUE(std::holds_alternative<NoEvent>(event.value()));
}

// ---- bytes that are not the plugin's ----

TEST_P(PgoutputDecoderTest, AWholeMessageWithMoreBehindItIsMalformedWithTheOffset) {
  for (const auto& [key, frames] : frames_) {
    for (const XLogData& frame : frames) {
      auto decoder = DecoderOfCapture();
      const bool is_begin = frame.payload[0] == 'B';
      if (!is_begin) (void)decoder->Decode(frames_["B"][0]);
      for (const auto& [description, relations] : frames_) {
        if (description.ends_with('R')) (void)decoder->Decode(relations[0]);
      }
      auto event = decoder->Decode({frame.start, frame.end, std::string(frame.payload) + "\x01"});
      if (event && std::holds_alternative<OtherTableEvent>(*event)) continue;  // is not looked into
      ASSERT_FALSE(event.has_value()) << key;
      EXPECT_THAT(event.error().message, HasSubstr("pgoutput"));
    }
  }
  const std::string begin(frames_["B"][0].payload);
  auto event = DecoderOfCapture()->Decode({Lsn{1}, Lsn{1}, begin + "xy"});
  ASSERT_FALSE(event.has_value());
  EXPECT_EQ(event.error().message,
            "pgoutput: Begin: the end at byte 21: 2 bytes more than expected");
}

TEST_P(PgoutputDecoderTest, AnErrorNamesTransactionMessageTableFieldAndOffset) {
  std::string insert(frames_["captured.numbers"][0].payload);
  insert[8] = 'x';  // the kind of the first column
  auto event = DecodeAfter("captured.numbers", insert);
  ASSERT_FALSE(event.has_value());
  EXPECT_THAT(
      event.error().message,
      AllOf(HasSubstr("pgoutput: transaction "),
            HasSubstr("Insert: table captured.numbers: column kind at byte 8: is none of")));
}

TEST_P(PgoutputDecoderTest, WhatIsSaidOutsideATransactionOrOfAnUnknownTableIsMalformed) {
  for (const char* table : {"captured.numbers", "C", "T", "M"}) {
    auto event = DecoderOfCapture()->Decode(frames_[table][0]);
    ASSERT_FALSE(event.has_value()) << table;
    EXPECT_EQ(event.error().kind, ErrorKind::kMalformed);
  }
  auto event = DecodeAfter("", frames_["captured.numbers"][0].payload);
  ASSERT_FALSE(event.has_value());
  EXPECT_THAT(event.error().message, HasSubstr("relation OID at byte 1: 16404 was not described"));
}

TEST_P(PgoutputDecoderTest, ACommitMustEndWhereItsFrameSaysAndFinishWhatBegan) {
  const XLogData commit = frames_["C"][0];
  auto moved = commit;
  moved.start = Lsn{commit.start.value + 8};
  auto decoder = DecoderOfCapture();
  ASSERT_TRUE(decoder->Decode(frames_["B"][0]).has_value());
  auto event = decoder->Decode(moved);
  ASSERT_FALSE(event.has_value());
  EXPECT_THAT(event.error().message, HasSubstr("end LSN at byte 10"));
  event = decoder->Decode(frames_["C"][1]);
  ASSERT_FALSE(event.has_value());
  EXPECT_THAT(event.error().message, HasSubstr("Begin said"));
  EXPECT_TRUE(decoder->Decode(commit).has_value());
  EXPECT_FALSE(decoder->Decode(commit).has_value());  // once
}

TEST_P(PgoutputDecoderTest, ATransactionInATransactionIsMalformed) {
  auto event = DecodeAfter("", frames_["B"][1].payload);
  ASSERT_FALSE(event.has_value());
  EXPECT_EQ(event.error().kind, ErrorKind::kMalformed);
}

TEST_P(PgoutputDecoderTest, ARowThatIsNotAsDescribedIsMalformed) {
  const std::string toasted = "captured.toasted";
  std::string insert(frames_[toasted][0].payload);
  insert[6] = 0;  // the high byte of the count stays 0, the low one becomes 2
  insert[7] = 2;
  auto event = DecodeAfter(toasted, insert);
  ASSERT_FALSE(event.has_value());
  EXPECT_THAT(event.error().message, HasSubstr("column count at byte 6: 2, the table was described "
                                               "with 3"));
  // An INSERT with an unchanged value.
  std::string update(frames_[toasted][1].payload);
  update[0] = 'I';
  event = DecodeAfter(toasted, update);
  ASSERT_FALSE(event.has_value());
  EXPECT_THAT(event.error().message, HasSubstr("column big: its value is left out"));
  // All of an old row, of a table whose identity is its key.
  std::string erase(frames_["captured.keyed"][3].payload);
  erase[5] = 'O';
  event = DecodeAfter("captured.keyed", erase);
  ASSERT_FALSE(event.has_value());
  EXPECT_THAT(event.error().message, HasSubstr("tuple kind at byte 5: is not K"));
}

}  // namespace
}  // namespace lockstep::replication
