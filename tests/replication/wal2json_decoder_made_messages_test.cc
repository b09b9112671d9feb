// Messages made by hand: what other versions and options send, and what no server does.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <variant>

#include "model/change.h"
#include "model/error.h"
#include "model/relation.h"
#include "model/type_catalog.h"
#include "model/type_oid.h"
#include "replication/follow_policy.h"
#include "replication/wal2json_decoder.h"
#include "tests/replication/captured_stream.h"
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
using testing::HasSubstr;

Result<Event> DecodePayload(const std::string& payload) {
  return MakeWal2jsonDecoder(RelationMap(CapturedRelations()))->Decode({Lsn{1}, Lsn{1}, payload});
}

// A change of captured.<table>; `rest` are its columns and identity.
Result<Event> DecodeOf(const std::string& table, char action, const std::string& rest) {
  return DecodePayload(
      fmt::format(R"({{"action":"{}","xid":9,"timestamp":"2026-01-01 00:00:00+00",)"
                  R"("schema":"captured","table":"{}",{}}})",
                  action, table, rest));
}

std::string Column(const std::string& name, unsigned type, const std::string& value) {
  return fmt::format(R"({{"name":"{}","typeoid":{},"value":{}}})", name, type, value);
}

template <typename T>
T Decoded(const Result<Event>& event) {
  if (!event) throw std::runtime_error(event.error().message);
  return std::get<T>(std::get<ChangeEvent>(*event).change);
}

Error Refused(const Result<Event>& event) {
  return event ? Error{ErrorKind::kUsage, "was not refused"} : event.error();
}

void ExpectMisfit(const Result<Event>& event, const std::string& what) {
  const Error error = Refused(event);
  EXPECT_EQ(error.kind, ErrorKind::kMisfit) << error.message;
  EXPECT_THAT(error.message, AllOf(HasSubstr("wal2json: transaction 9, table captured."),
                                   HasSubstr(what), HasSubstr("attach again")));
}

void ExpectMalformed(const Result<Event>& event, const std::string& what) {
  const Error error = Refused(event);
  EXPECT_EQ(error.kind, ErrorKind::kMalformed) << error.message;
  EXPECT_THAT(error.message, AllOf(HasSubstr("wal2json"), HasSubstr(what)));
}

// ---- other versions and options ----

// wal2json 2.6 with numeric-data-types-as-string.
TEST(Wal2jsonMadeMessages, NumbersAsStringsAreRead) {
  const auto row =
      Decoded<Insert>(
          DecodeOf(
              "numbers", 'I',
              "\"columns\":[" + Column("id", 23, "\"1\"") + "," + Column("b", 16, "true") + "," +
                  Column("i2", 21, "\"-2\"") + "," + Column("i8", 20, "\"9007199254740993\"") +
                  "," + Column("o", 26, "\"4294967295\"") + "," +
                  Column("f4", 700, "\"-Infinity\"") + "," + Column("f8", 701, "\"NaN\"") + "," +
                  Column("n", 1700, "\"1.50\"") + "," + Column("n2", 1700, "\"NaN\"") + "]"))
          .row;
  EXPECT_EQ(row, RowOf({Int(1), Bool(true), Int(-2), Int(9007199254740993), Int(4294967295),
                        Float(-HUGE_VAL), Float(std::nan("")), Num("1.50"), Num("NaN")}));
}

// 2.3: no typeoid. A bytea comes without \x, a domain over it with.
TEST(Wal2jsonMadeMessages, ColumnsWithoutTypesAreRead) {
  auto relation = std::make_shared<model::Relation>();
  relation->schema = "s";
  relation->name = "t";
  relation->columns = {
      {"b", model::type_oid::kBytea, "bytea"},
      {.name = "d", .type = model::type_oid::kBytea, .type_name = "bytes", .is_domain = true},
      {"n", model::type_oid::kInt4, "integer"}};
  const std::string payload =
      R"({"action":"I","xid":9,"schema":"s","table":"t","columns":[{"name":"b","value":"00ff"},)"
      R"({"name":"d","value":"\\x00ff"},{"name":"n","value":7}]})";
  const auto event =
      MakeWal2jsonDecoder(RelationMap({relation}))->Decode({Lsn{1}, Lsn{1}, payload});
  const model::Row row = Decoded<Insert>(event).row;
  EXPECT_EQ(row.At(0), row.At(1));
  EXPECT_EQ(row.At(2), RowOf({Int(7)}).At(0));
}

TEST(Wal2jsonMadeMessages, VirtualGeneratedColumnsArePassedOver) {
  auto relation = std::make_shared<model::Relation>();
  relation->schema = "s";
  relation->name = "t";
  relation->columns = {{"id", model::type_oid::kInt4, "integer"}};
  relation->identity = model::ReplicaIdentity::kFull;
  relation->virtual_columns = {"v"};
  const std::string payload = R"({"action":"U","xid":9,"schema":"s","table":"t","columns":[)" +
                              Column("v", 23, "null") + "," + Column("id", 23, "2") +
                              R"(],"identity":[)" + Column("v", 23, "null") + "," +
                              Column("id", 23, "1") + "]}";
  const auto event =
      MakeWal2jsonDecoder(RelationMap({relation}))->Decode({Lsn{1}, Lsn{1}, payload});
  const auto update = Decoded<Update>(event);
  EXPECT_EQ(update.row, RowOf({Int(2)}));
  EXPECT_EQ(update.old_row, RowOf({Int(1)}));
}

TEST(Wal2jsonMadeMessages, FieldsOfOtherOptionsArePassedOver) {
  const auto event = DecodePayload(
      R"( {"action" : "I", "xid":9,"timestamp":"x","lsn":"0/1589E10","nextlsn":null,)"
      R"("origin":3,"schema":"captured","table":"saved","columns":[{"name":"id","type":"integer",)"
      R"("typeoid":23,"optional":false,"position":1,"default":{"a":[1,"]"]},"value":7}],)"
      R"("pk":[{"name":"id","type":"integer","typeoid":23}]} )");
  EXPECT_EQ(Decoded<Insert>(event).row, RowOf({Int(7)}));
}

// As a database in LATIN1 or SQL_ASCII sends it.
TEST(Wal2jsonMadeMessages, TextThatIsNotUtf8ComesAsItWasSent) {
  std::string every;
  for (int byte = 0x80; byte <= 0xff; ++byte) every.push_back(static_cast<char>(byte));
  for (const std::string& text : {std::string("gr\xf6\xdf"), every, "日本" + every + "\xc3"}) {
    const auto message = Decoded<model::LogicalMessage>(
        DecodePayload(fmt::format(R"({{"action":"M","xid":9,"transactional":true,)"
                                  R"("prefix":"{0}","content":"\"{0}\n\u0001\\x"}})",
                                  text)));
    EXPECT_EQ(message.prefix, text);
    EXPECT_EQ(message.content, "\"" + text + "\n\x01\\x");
  }
}

TEST(Wal2jsonMadeMessages, ColumnsAreFoundByNameInAnyOrder) {
  const auto event =
      DecodeOf("keyed", 'U',
               "\"identity\":[" + Column("b", 25, "\"k\"") + "," + Column("a", 23, "1") +
                   "],\"columns\":[" + Column("note", 25, "null") + "," + Column("a", 23, "2") +
                   "," + Column("b", 25, "\"k\"") + "]");
  const auto update = Decoded<Update>(event);
  EXPECT_EQ(update.row, RowOf({Int(2), Txt("k"), kNull}));
  EXPECT_EQ(update.old_row, RowOf({Int(1), Txt("k"), kNotInIdentity}));
}

TEST(Wal2jsonMadeMessages, AnUpdateWithoutIdentityHasNoOldRow) {
  const auto update =
      Decoded<Update>(DecodeOf("saved", 'U', "\"columns\":[" + Column("id", 23, "2") + "]"));
  EXPECT_EQ(update.old_row, std::nullopt);
  EXPECT_EQ(update.row, RowOf({Int(2)}));
}

// The key's own value is out of line and was not touched: only the old row holds it.
TEST(Wal2jsonMadeMessages, AnUntouchedKeyOutOfLineKeepsTheOldRow) {
  const auto update = Decoded<Update>(
      DecodeOf("indexed", 'U',
               "\"columns\":[" + Column("id", 23, "1") + "," + Column("note", 25, "\"n\"") +
                   "],\"identity\":[" + Column("code", 25, "\"long\"") + "]"));
  EXPECT_EQ(update.row, RowOf({Int(1), kUnchanged, Txt("n")}));
  EXPECT_EQ(update.old_row, RowOf({kNotInIdentity, Txt("long"), kNotInIdentity}));
}

// REPLICA IDENTITY FULL was set after the attach: what is outside the known identity is left out.
TEST(Wal2jsonMadeMessages, AnIdentityThatBecameFullIsReadAsItWas) {
  const auto event =
      DecodeOf("keyed", 'D',
               "\"identity\":[" + Column("a", 23, "1") + "," + Column("b", 25, "\"k\"") + "," +
                   Column("note", 25, "\"n\"") + "]");
  EXPECT_EQ(Decoded<model::Delete>(event).old_row, RowOf({Int(1), Txt("k"), kNotInIdentity}));
}

// ---- what does not fit the table ----

TEST(Wal2jsonMadeMessages, AColumnThatIsNotSentIsAMisfitUnlessItMayLieOutOfLine) {
  const std::string id = Column("id", 23, "1");
  const std::string note = Column("note", 25, "\"n\"");
  ExpectMisfit(DecodeOf("toasted", 'I', "\"columns\":[" + id + "," + note + "]"), "column big");
  ExpectMisfit(DecodeOf("toasted", 'U', "\"columns\":[" + note + "]"), "column id");
  ExpectMisfit(DecodeOf("toasted", 'I', "\"columns\":[]"), "column id");
  ExpectMisfit(DecodeOf("keyed", 'D', "\"identity\":[" + Column("a", 23, "1") + "]"), "column b");
  ExpectMisfit(DecodeOf("full_identity", 'D', "\"identity\":[" + id + "," + note + "]"),
               "column big");
}

TEST(Wal2jsonMadeMessages, ATypeThatDoesNotFitIsAMisfitInEveryColumn) {
  constexpr unsigned kTid = 27;  // no column of the capture has it
  for (const model::RelationPtr& relation : CapturedRelations()) {
    if (relation->name.find('"') != std::string::npos) continue;
    for (const model::Column& column : relation->columns) {
      const std::string sent = Column(column.name, kTid, "null") + "]";
      ExpectMisfit(DecodeOf(relation->name, 'I', "\"columns\":[" + sent), "column " + column.name);
      ExpectMisfit(DecodeOf(relation->name, 'D', "\"identity\":[" + sent), "column " + column.name);
    }
  }
}

TEST(Wal2jsonMadeMessages, AValueOfAnotherKindThanTheTypesIsAMisfit) {
  const auto with = [](unsigned type, const char* value) {
    return DecodeOf("bare", 'I', "\"columns\":[" + Column("note", type, value) + "]");
  };
  ExpectMisfit(with(25, "1"), "column note (text): the stream sends a number");
  ExpectMisfit(with(25, "true"), "column note (text): the stream sends a bool");
  const auto id = [](const char* value) {
    return DecodeOf("saved", 'I', "\"columns\":[" + Column("id", 23, value) + "]");
  };
  ExpectMisfit(id("false"), "column id (integer): the stream sends a bool");
}

TEST(Wal2jsonMadeMessages, AValueThatIsNotOfItsTypeIsMalformed) {
  const auto id = [](const char* value) {
    return DecodeOf("saved", 'I', "\"columns\":[" + Column("id", 23, value) + "]");
  };
  for (const char* value : {"1.5", "1e3", "2147483648", "\"\"", "\"a\"", "\" 1\""})
    ExpectMalformed(id(value), "transaction 9, table captured.saved: column id");
}

// Some of them a lenient reader of the type's text would take.
TEST(Wal2jsonMadeMessages, ANumberThatIsNotOneOfJsonIsMalformedWithItsOffset) {
  for (const char* value : {"01", "-", "+1", "1.", ".5", "1e", "1e+", "0x1", "--1", "-Infinity",
                            "NaN", "1_0", "1a", "-01"}) {
    const auto event = DecodeOf("saved", 'I', "\"columns\":[" + Column("id", 23, value) + "]");
    ExpectMalformed(event, "value at byte 140: ");
  }
}

// ---- what is not a message ----

TEST(Wal2jsonMadeMessages, BytesThatAreNotJsonAreMalformed) {
  for (const std::string& payload :
       {std::string(), std::string(" "), std::string("BEGIN 752"),
        std::string("\x08\xf0\x05\x18", 4), std::string("B\0\0\0\0\0\0\0\0", 9),
        std::string(64, '\xff'), std::string("[]"), std::string("1"), std::string("null"),
        std::string("\"B\"")}) {
    ExpectMalformed(DecodePayload(payload), "wal2json: ");
  }
}

TEST(Wal2jsonMadeMessages, AnUnknownActionIsMalformedAndNamed) {
  ExpectMalformed(DecodePayload(R"({"action":"X","xid":9})"), "action X of transaction 9");
  ExpectMalformed(DecodePayload(R"({"action":"BB","xid":9})"), "action BB of transaction 9");
  ExpectMalformed(DecodePayload(R"({"action":"","xid":9})"), "action  of transaction 9");
  ExpectMalformed(DecodePayload(R"({"xid":9})"), "action (none) of transaction 9");
  ExpectMalformed(DecodePayload(R"({"change":[],"xid":9})"), "action (none)");  // format version 1
}

TEST(Wal2jsonMadeMessages, AMessageWithoutAFieldItNeedsIsMalformedAndNamesIt) {
  const std::string of = R"("schema":"captured","table":"saved")";
  const std::string one = "[" + Column("id", 23, "1") + "]";
  const auto expect = [](const std::string& message, const char* field) {
    ExpectMalformed(DecodePayload("{" + message + "}"), std::string("without ") + field);
  };
  expect(R"("action":"B")", "xid");
  expect(R"("action":"B","xid":null)", "xid");
  expect(R"("action":"C","xid":9)", "timestamp");
  expect(R"("action":"C","xid":9,"timestamp":null)", "timestamp");
  expect(R"("action":"T","xid":9,"table":"saved")", "schema");
  expect(R"("action":"T","xid":9,"schema":"captured")", "table");
  expect(R"("action":"I","xid":9,)" + of, "columns");
  expect(R"("action":"I","xid":9,)" + of + ",\"identity\":" + one, "columns");
  expect(R"("action":"U","xid":9,)" + of + ",\"identity\":" + one, "columns");
  expect(R"("action":"D","xid":9,)" + of + ",\"columns\":" + one, "identity");
  expect(R"("action":"M","xid":9,"prefix":"","content":"")", "transactional");
  expect(R"("action":"M","transactional":true,"prefix":"","content":"")", "xid");
  expect(R"("action":"M","xid":9,"transactional":true,"content":"")", "prefix");
  expect(R"("action":"M","xid":9,"transactional":true,"prefix":"")", "content");
}

TEST(Wal2jsonMadeMessages, ACommitTimeThatIsNoneIsMalformed) {
  for (const char* time :
       {"", "now", "2026-01-01", "2026-01-01 00:00:00", "2026-02-30 00:00:00+00"}) {
    ExpectMalformed(
        DecodePayload(fmt::format(R"({{"action":"C","xid":9,"timestamp":"{}"}})", time)),
        "transaction 9: column timestamp");
  }
}

// ---- what is left out ----

class Wal2jsonNoticeTest : public testing::Test {
 protected:
  static std::unique_ptr<Decoder> Make(FollowPolicy policy) {
    const auto table = [](const char* schema, const char* name) {
      return std::make_shared<const model::Relation>(
          model::Relation{.schema = schema, .name = name});
    };
    return MakeWal2jsonDecoder(RelationMap(
        {table("s", "t"), table("s\".\"x", "t"), table("s", "u")},
        std::make_shared<const model::TypeCatalog>(), [](const QualifiedName&) { return false; },
        policy));
  }
  Wal2jsonNoticeTest() { (void)decoder_->Decode({Lsn{1}, Lsn{1}, R"({"action":"B","xid":9})"}); }
  // The table that is set aside for the notice, and why; "": none.
  std::string AsideAfter(const std::string& notice) {
    auto event = decoder_->DecodeNotice(notice);
    if (!event) return event.error().message;
    const auto* unread = std::get_if<UnreadEvent>(&*event);
    if (!unread) return std::holds_alternative<NoEvent>(*event) ? "" : "another event";
    EXPECT_EQ(unread->xid, model::Xid{9});
    return unread->table.schema + "|" + unread->table.name + "|" + unread->table.reason;
  }
  std::unique_ptr<Decoder> decoder_ = Make(FollowPolicy::kSetAside);
};

TEST_F(Wal2jsonNoticeTest, AnUpdateThatIsLeftOutSetsItsTableAsideOnce) {
  const std::string notice = R"(no tuple identifier for UPDATE in table "s"."t")";
  EXPECT_THAT(AsideAfter(notice), AllOf(HasSubstr("s|t|wal2json: transaction 9, table s.t"),
                                        HasSubstr("changed without a replica identity")));
  EXPECT_EQ(AsideAfter(notice), "");
  EXPECT_THAT(AsideAfter(R"(no tuple identifier for DELETE in table "s"."x"."t")"),
              HasSubstr("s\".\"x|t|"));
}

TEST_F(Wal2jsonNoticeTest, OtherNoticesSayNothing) {
  for (const char* notice :
       {"", "no", "no tuple identifier for UPDATE in table \"", "something else",
        "no tuple identifier for UPDATE in table \"\"", R"(no tuple in table "u"."t")",
        R"(no tuple in table "s"."absent")", R"(no tuple in table "s"."t)"})
    EXPECT_EQ(AsideAfter(notice), "") << notice;
}

TEST_F(Wal2jsonNoticeTest, ARunIsToldNothing) {
  decoder_ = Make(FollowPolicy::kStrict);
  EXPECT_EQ(AsideAfter(R"(no tuple identifier for UPDATE in table "s"."t")"), "");
}

}  // namespace
}  // namespace lockstep::replication
