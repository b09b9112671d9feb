// What every plugin shows alike of the captures from a real server: rows, identities, transactions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "model/change.h"
#include "model/error.h"
#include "model/lsn.h"
#include "replication/decoder.h"
#include "replication/frames.h"
#include "replication/make_decoder.h"
#include "replication/relation_map.h"
#include "tests/replication/captured_rows.h"
#include "tests/replication/captured_stream.h"
#include "tests/replication/decoded_capture.h"
#include "tests/replication/row_literals.h"

namespace lockstep::replication {
namespace {

using model::Delete;
using model::Insert;
using model::Result;
using model::Update;
using testing::ElementsAreArray;

// Tables in whose rows a plugin loses something: its own test says what.
bool IsShownOtherwise(const std::string& plugin, const std::string& table) {
  static const std::map<std::string, std::set<std::string>> kTables = {
      {"decoderbufs", {"times"}},
      {"wal2json", {"numbers"}},
      {"pgoutput", {"generated"}},
      {"pgoutput-binary", {"generated"}},
  };
  return kTables.at(plugin).contains(table);
}

std::unique_ptr<Decoder> DecoderOf(const std::string& plugin) {
  auto decoder = MakeDecoder({.name = plugin, .publications = {"all"}},
                             RelationMap(CapturedRelations(), CapturedTypes()));
  if (!decoder) throw std::runtime_error(decoder.error().message);
  return std::move(*decoder);
}

// Changes under their table's name without schema, other events under what they are.
std::string KeyOfEvent(const XLogData&, const Result<Event>& event) {
  if (!event) return "(error)";
  if (std::holds_alternative<OtherTableEvent>(*event)) return "(other table)";
  if (std::holds_alternative<BeginEvent>(*event)) return "(begin)";
  if (std::holds_alternative<CommitEvent>(*event)) return "(commit)";
  const auto* change = std::get_if<ChangeEvent>(&*event);
  if (!change || std::holds_alternative<model::LogicalMessage>(change->change)) return "";
  return RelationOf(change->change)->name;
}

class DecoderCapturesTest : public testing::TestWithParam<const char*>, protected DecodedCapture {
 protected:
  DecoderCapturesTest() : DecodedCapture(GetParam(), *DecoderOf(GetParam()), KeyOfEvent) {}
};

INSTANTIATE_TEST_SUITE_P(Plugins, DecoderCapturesTest,
                         testing::Values("decoderbufs", "wal2json", "pgoutput", "pgoutput-binary"),
                         [](const auto& plugin) {
                           std::string name = plugin.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST_P(DecoderCapturesTest, RowsComeAsTheyWereInserted) {
  std::size_t compared = 0;
  for (const std::string& table : TablesWithCapturedRows()) {
    if (IsShownOtherwise(GetParam(), table)) continue;
    const auto rows = CapturedRows(table);
    EXPECT_THAT(InsertedRows(table, rows.size()), ElementsAreArray(rows)) << table;
    ++compared;
  }
  EXPECT_EQ(compared, TablesWithCapturedRows().size() - 1);
}

TEST_P(DecoderCapturesTest, RelationsAreThoseOfTheCatalog) {
  for (const std::string& table : TablesWithCapturedRows())
    EXPECT_EQ(*Nth<Insert>(table, 0).relation, *CapturedRelation(table)) << table;
}

TEST_P(DecoderCapturesTest, NamesThatNeedQuotesAreRead) {
  const std::string table = "Odd \"T.q\"";
  EXPECT_EQ(Nth<Update>(table, 1).row, RowOf({Int(2), Txt("x"), Txt("y"), Int(2)}));
  EXPECT_EQ(Nth<Delete>(table, 2).old_row,
            RowOf({Int(2), kNotInIdentity, kNotInIdentity, kNotInIdentity}));
}

// ---- old rows and what is left out ----

TEST_P(DecoderCapturesTest, AnOutOfLineValueThatWasNotTouchedIsUnchanged) {
  const std::string table = "toasted";
  const auto untouched = Nth<Update>(table, 1);
  EXPECT_EQ(untouched.old_row, std::nullopt);
  EXPECT_EQ(untouched.row, RowOf({Int(1), kUnchanged, Txt("changed")}));
  const auto key_changed = Nth<Update>(table, 2);
  EXPECT_EQ(key_changed.old_row, RowOf({Int(1), kNotInIdentity, kNotInIdentity}));
  EXPECT_EQ(key_changed.row, RowOf({Int(2), kUnchanged, kNull}));
  EXPECT_EQ(Nth<Update>(table, 3).row, RowOf({Int(2), Txt("short"), kNull}));
  EXPECT_EQ(Nth<Update>(table, 4).row, RowOf({Int(2), kNull, kNull}));
}

// wal2json always says the identity; the standard form only when it changed.
TEST_P(DecoderCapturesTest, OldRowsOfACompositeKeyHoldTheKeyOnly) {
  const std::string table = "keyed";
  EXPECT_EQ(Nth<Update>(table, 1).old_row, std::nullopt);
  const auto key_changed = Nth<Update>(table, 2);
  EXPECT_EQ(key_changed.old_row, RowOf({Int(1), Txt("one"), kNotInIdentity}));
  EXPECT_EQ(key_changed.row, RowOf({Int(2), Txt("one"), kNull}));
  EXPECT_EQ(Nth<Delete>(table, 3).old_row, RowOf({Int(2), Txt("one"), kNotInIdentity}));
}

TEST_P(DecoderCapturesTest, OldRowsOfIdentityFullAreWholeAndTheirNullsAreNull) {
  const std::string table = "full_identity";
  const auto first = Nth<Update>(table, 1);
  EXPECT_EQ(first.old_row, RowOf({Int(1), kNull, Txt(BigText())}));
  EXPECT_EQ(first.row, RowOf({Int(1), Txt("n"), kUnchanged}));
  const auto second = Nth<Update>(table, 2);
  EXPECT_EQ(second.old_row, RowOf({Int(1), Txt("n"), Txt(BigText())}));
  EXPECT_EQ(second.row, RowOf({Int(2), kNull, kUnchanged}));
  EXPECT_EQ(Nth<Delete>(table, 3).old_row, RowOf({Int(2), kNull, Txt(BigText())}));
}

TEST_P(DecoderCapturesTest, OldRowsOfAnIndexIdentityHoldTheIndexOnly) {
  const std::string table = "indexed";
  EXPECT_EQ(Nth<Update>(table, 1).old_row, std::nullopt);  // the primary key is not the identity
  const auto update = Nth<Update>(table, 2);
  EXPECT_EQ(update.old_row, RowOf({kNotInIdentity, Txt("a"), kNotInIdentity}));
  EXPECT_EQ(update.row, RowOf({Int(2), Txt("b"), Txt("n")}));
  EXPECT_EQ(Nth<Delete>(table, 3).old_row, RowOf({kNotInIdentity, Txt("b"), kNotInIdentity}));
}

// ---- transactions ----

TEST_P(DecoderCapturesTest, WhatWasRolledBackDoesNotCome) {
  EXPECT_EQ(InsertedRows("saved", 2), (std::vector{RowOf({Int(1)}), RowOf({Int(3)})}));
  EXPECT_EQ(Nth<Update>("saved", 2).old_row, RowOf({Int(3)}));
  for (const Result<Event>& event : events_["saved"]) {
    const auto* insert = std::get_if<Insert>(&std::get<ChangeEvent>(*event).change);
    EXPECT_TRUE(!insert || insert->row != RowOf({Int(5)}));
  }
}

TEST_P(DecoderCapturesTest, ATableOfAnotherSchemaIsCountedOnly) {
  EXPECT_EQ(std::get<OtherTableEvent>(*Decoded("(other table)", 0)).xid,
            std::get<ChangeEvent>(*Decoded("saved", 0)).xid);
}

TEST_P(DecoderCapturesTest, CommitsEndWhatBeganAtThePositionOfTheirFramesWhichRise) {
  ASSERT_EQ(events_["(begin)"].size(), events_["(commit)"].size());
  model::Lsn last;
  for (std::size_t i = 0; i < events_["(begin)"].size(); ++i) {
    const auto begin = std::get<BeginEvent>(*Decoded("(begin)", i));
    const auto commit = std::get<CommitEvent>(*Decoded("(commit)", i));
    EXPECT_EQ(begin.xid, commit.xid);
    EXPECT_EQ(commit.end_lsn, frames_["(commit)"][i].start);
    EXPECT_LT(last, commit.end_lsn);
    EXPECT_GT(commit.commit_micros, 631'000'000'000'000);  // 2020, said the origin of one
    last = commit.end_lsn;
  }
  EXPECT_TRUE(last.IsValid());
  EXPECT_EQ(std::get<ChangeEvent>(*Decoded("numbers", 0)).xid,
            std::get<BeginEvent>(*Decoded("(begin)", 0)).xid);
}

}  // namespace
}  // namespace lockstep::replication
