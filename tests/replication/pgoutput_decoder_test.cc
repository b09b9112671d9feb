// Every value of two captures from a real server, one with text and one with binary values, in the
// standard form, written out by hand.
#include "replication/pgoutput_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "model/byte_cursor.h"
#include "model/change.h"
#include "model/error.h"
#include "replication/frames.h"
#include "tests/replication/captured_stream.h"
#include "tests/replication/row_literals.h"

namespace lockstep::replication {
namespace {

using model::Delete;
using model::Error;
using model::ErrorKind;
using model::Insert;
using model::Lsn;
using model::Result;
using model::Row;
using model::Update;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::string_view_literals;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
const model::Cell kNotSent = model::NotSent{};

std::unique_ptr<Decoder> DecoderOfCapture() {
  return MakePgoutputDecoder(RelationMap(CapturedRelations(), CapturedTypes()));
}

// The capture decoded once: what became of each message, by table ("" for those of no table) and
// kind.
class PgoutputDecoderTest : public testing::TestWithParam<const char*> {
 protected:
  PgoutputDecoderTest() : messages_(CapturedMessages(GetParam())) {
    auto decoder = DecoderOfCapture();
    std::map<std::uint32_t, std::string> names;
    for (const std::string& bytes : messages_) {
      auto frame = ParseFrame(bytes);
      if (!frame) throw std::runtime_error(frame.error().message);
      const auto* data = std::get_if<XLogData>(&*frame);
      if (!data) continue;
      model::ByteCursor in(data->payload);
      const auto letter = static_cast<char>(in.Integer<std::uint8_t>(""));
      std::string table;
      if (letter == 'R' || letter == 'I' || letter == 'U' || letter == 'D') {
        const auto oid = in.Integer<std::uint32_t>("");
        if (letter == 'R') {
          names[oid] = std::string(in.CString("")) + ".";
          names[oid] += in.CString("");
        }
        table = names.at(oid);
      }
      std::string key = letter == 'I' || letter == 'U' || letter == 'D' ? table : table + letter;
      events_[key].push_back(decoder->Decode(*data));
      frames_[key].push_back(*data);
    }
  }

  const Result<Event>& Decoded(const std::string& table, std::size_t n) {
    return events_.at(table).at(n);
  }
  // The nth change of a table, from 0.
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
  // A decoder that was given the first Begin and the table's first description, and then `payload`.
  Result<Event> DecodeAfter(const std::string& table, std::string_view payload) {
    auto decoder = DecoderOfCapture();
    EXPECT_TRUE(decoder->Decode(frames_.at("B").at(0)).has_value());
    if (!table.empty()) {
      EXPECT_TRUE(decoder->Decode(frames_.at(table + "R").at(0)).has_value());
    }
    return decoder->Decode({Lsn{1}, Lsn{1}, payload});
  }

  std::vector<std::string> messages_;
  std::map<std::string, std::vector<Result<Event>>> events_;
  std::map<std::string, std::vector<XLogData>> frames_;
};

INSTANTIATE_TEST_SUITE_P(TextAndBinary, PgoutputDecoderTest,
                         testing::Values("pgoutput", "pgoutput-binary"), [](const auto& plugin) {
                           return plugin.param == "pgoutput"sv ? "Text" : "Binary";
                         });

// ---- values ----

TEST_P(PgoutputDecoderTest, NumbersComeExactly) {
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
  EXPECT_EQ(Inserted(table, 3), RowOf({Int(4), kNull, Int(0), Int(0), Int(0), Float(kNan),
                                       Float(kNan), Num("NaN"), Num("NaN")}));
  EXPECT_EQ(Inserted(table, 4), RowOf({Int(5), kNull, Int(0), Int(0), Int(0), Float(kInfinity),
                                       Float(-kInfinity), Num("Infinity"), kNull}));
  EXPECT_EQ(Inserted(table, 5), RowOf({Int(6), kNull, Int(0), Int(0), Int(0), Float(-0.0),
                                       Float(-0.0), Num("-Infinity"), kNull}));
  EXPECT_EQ(Inserted(table, 6),
            RowOf({Int(7), kNull, kNull, kNull, kNull, kNull, kNull, kNull, kNull}));
  EXPECT_EQ(Inserted(table, 7),
            RowOf({Int(8), kNull, kNull, kNull, kNull, Float(0.100000001490116119384765625),
                   Float(0.1), Num("100000000000000000000"), kNull}));
}

TEST_P(PgoutputDecoderTest, TextsAndBytesComeExactly) {
  const std::string table = "captured.texts";
  const model::Uuid uuid{{0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66,
                          0x14, 0x17, 0x40, 0x00}};
  EXPECT_EQ(Inserted(table, 0),
            RowOf({Int(1), Txt("text"), Txt("varchar"), Txt("ab   "), Txt("a_name"), Txt("x"),
                   model::Value(uuid), Byt("\x00\xff\x10"sv), Oth("json", R"({"b": 1,  "a": 2})"),
                   Oth("jsonb", R"({"a": 2, "b": 1})"), Oth("bit(3)", "101"), Oth("xml", "<a/>")}));
  EXPECT_EQ(Inserted(table, 1),
            RowOf({Int(2), Txt(""), Txt(""), Txt("     "), Txt(""), Txt(""),
                   model::Value(model::Uuid{}), Byt(""), Oth("json", "\"\""), Oth("jsonb", "\"\""),
                   Oth("bit(3)", "000"), Oth("xml", "")}));
  model::Uuid ones;
  ones.bytes.fill(0xff);
  EXPECT_EQ(
      Inserted(table, 2),
      RowOf({Int(3), Txt("größe \xf0\x9f\x98\x80 'q' \"d\" \\ \n\t"), Txt("\\x41"), Txt("ö    "),
             Txt("Name \"q\""), Txt("\\377"), model::Value(ones), Byt("\\x41"),
             Oth("json", "[1e400]"), Oth("jsonb", R"({"ö": null})"), Oth("bit(3)", "111"), kNull}));
}

TEST_P(PgoutputDecoderTest, DatesAndTimesComeExactlyZonesAndInfinitiesIncluded) {
  const std::string table = "captured.times";
  const auto timetz = [](const char* text) { return Oth("time with time zone", text); };
  const auto interval = [](const char* text) { return Oth("interval", text); };
  constexpr auto kMinus = std::numeric_limits<std::int64_t>::min();
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
            RowOf({Int(5), Day(-2147483648), Clock(1), timetz("23:59:59.999999+00"), Stamp(kMinus),
                   Stamp(kMinus), interval("-00:00:00.000001")}));
  EXPECT_EQ(Inserted(table, 6),
            RowOf({Int(7), Day(-10957), kNull, kNull, Stamp(9222425352054775807),
                   Stamp(9222425352054775808), kNull}));
}

TEST_P(PgoutputDecoderTest, OtherTypesComeAsTheirTextAndDomainsAsTheirBaseType) {
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
}

TEST_P(PgoutputDecoderTest, ArraysRangesAndRowsWithinEachOtherComeAsTheirText) {
  const std::string table = "captured.nested";
  EXPECT_EQ(Inserted(table, 0),
            RowOf({Int(1), Oth("captured.pair", R"~(("a ""b""",7))~"),
                   Oth("captured.pairs", R"~({"(\"x,y\",1)",NULL})~"),
                   Oth("captured.mood[]", R"~({sad,"Very Happy",NULL})~"),
                   Oth("captured.label[]", R"~({"null","",plain})~"),
                   Oth("bytea[]", R"~({"\\x00ff","\\x"})~"),
                   Oth("captured.words", R"~(["a b",z))~"), Oth("int4multirange", "{[1,3),[5,6)}"),
                   Oth("tstzrange", R"~(["2020-01-01 00:00:00+00",infinity))~"),
                   Oth("bit varying", "10101"), Oth("box[]", "{(1,2),(0,-0.5);NULL}")}));
  EXPECT_EQ(Inserted(table, 1),
            RowOf({Int(2), Oth("captured.pair", "(,)"), Oth("captured.pairs", "{}"),
                   Oth("captured.mood[]", "[0:0]={so-so}"), kNull, kNull, kNull,
                   Oth("int4multirange", "{}"), kNull, kNull, kNull}));
}

TEST_P(PgoutputDecoderTest, NamesComePlain) {
  const std::string table = "captured.Odd \"T.q\"";
  const auto insert = Nth<Insert>(table, 0);
  EXPECT_EQ(*insert.relation, *CapturedRelation("Odd \"T.q\""));
  EXPECT_EQ(insert.row, RowOf({Int(1), Txt("x"), Txt("y"), Int(2)}));
  EXPECT_EQ(Nth<Delete>(table, 2).old_row,
            RowOf({Int(2), kNotInIdentity, kNotInIdentity, kNotInIdentity}));
}

TEST_P(PgoutputDecoderTest, AGeneratedColumnIsNotSent) {
  const std::string table = "captured.generated";
  EXPECT_EQ(*Nth<Insert>(table, 0).relation, *CapturedRelation("generated"));
  EXPECT_EQ(Inserted(table, 0), RowOf({Int(1), kNotSent}));
  EXPECT_EQ(Nth<Update>(table, 1).old_row, RowOf({Int(1), kNotInIdentity}));
  EXPECT_EQ(Nth<Update>(table, 1).row, RowOf({Int(3), kNotSent}));
}

// ---- old rows and what is left out ----

std::string Big() {
  std::string big;
  for (int i = 0; i < 250; ++i) big += "0123456789";
  return big;
}

TEST_P(PgoutputDecoderTest, AnOutOfLineValueThatWasNotTouchedIsUnchanged) {
  const std::string table = "captured.toasted";
  EXPECT_EQ(Inserted(table, 0), RowOf({Int(1), Txt(Big()), Txt("in")}));
  EXPECT_EQ(Nth<Update>(table, 1).old_row, std::nullopt);
  EXPECT_EQ(Nth<Update>(table, 1).row, RowOf({Int(1), kUnchanged, Txt("changed")}));
  EXPECT_EQ(Nth<Update>(table, 2).old_row, RowOf({Int(1), kNotInIdentity, kNotInIdentity}));
  EXPECT_EQ(Nth<Update>(table, 2).row, RowOf({Int(2), kUnchanged, kNull}));
}

TEST_P(PgoutputDecoderTest, OldRowsHoldTheIdentity) {
  EXPECT_EQ(Nth<Update>("captured.keyed", 2).old_row, RowOf({Int(1), Txt("one"), kNotInIdentity}));
  EXPECT_EQ(Nth<Delete>("captured.keyed", 3).old_row, RowOf({Int(2), Txt("one"), kNotInIdentity}));
  EXPECT_EQ(Nth<Update>("captured.indexed", 1).old_row, std::nullopt);
  EXPECT_EQ(Nth<Update>("captured.indexed", 2).old_row,
            RowOf({kNotInIdentity, Txt("a"), kNotInIdentity}));
  EXPECT_EQ(Nth<Delete>("captured.indexed", 3).old_row,
            RowOf({kNotInIdentity, Txt("b"), kNotInIdentity}));
  const auto update = Nth<Update>("captured.full_identity", 1);
  EXPECT_EQ(update.old_row, RowOf({Int(1), kNull, Txt(Big())}));
  EXPECT_EQ(update.row, RowOf({Int(1), Txt("n"), kUnchanged}));
  EXPECT_EQ(Nth<Delete>("captured.full_identity", 3).old_row, RowOf({Int(2), kNull, Txt(Big())}));
  EXPECT_EQ(*Nth<Insert>("captured.nothing", 0).relation, *CapturedRelation("nothing"));
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

TEST_P(PgoutputDecoderTest, ChangesHaveTheXidOfTheirTransaction) {
  ASSERT_EQ(events_["B"].size(), events_["C"].size());
  Lsn last;
  for (std::size_t i = 0; i < events_["B"].size(); ++i) {
    const auto begin = std::get<BeginEvent>(Decoded("B", i).value());
    const auto commit = std::get<CommitEvent>(Decoded("C", i).value());
    EXPECT_EQ(begin.xid, commit.xid);
    EXPECT_EQ(commit.end_lsn, frames_["C"][i].start);
    EXPECT_LT(last, commit.end_lsn);
    EXPECT_GT(commit.commit_micros, 631'000'000'000'000);  // 2020, said the origin of one
    last = commit.end_lsn;
  }
  EXPECT_EQ(std::get<ChangeEvent>(Decoded("captured.numbers", 0).value()).xid,
            std::get<BeginEvent>(Decoded("B", 0).value()).xid);
}

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
