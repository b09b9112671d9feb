#include "generator/situations.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "generator/table_maker.h"
#include "generator/temporal_maker.h"
#include "model/database.h"
#include "model/type_oid.h"

namespace lockstep::generator {
namespace {

namespace type_oid = model::type_oid;
using model::Null;
using model::Other;
using model::Text;
using Operations = std::vector<model::Operation>;

// t: id, text, and one column of each type in question; f: the same with identity FULL.
model::Catalog MakeCatalog() {
  model::Catalog catalog{.schema = "s", .sessions = 1, .tables = {}};
  catalog.types = {{"mood", "TYPE {} AS ENUM ('a')"},
                   {"Price", "DOMAIN {} AS numeric"},
                   {"place", "TYPE {} AS (a int)"}};
  model::Relation t{.schema = "s",
                    .name = "t",
                    .columns = {{"id", type_oid::kInt4, "integer", true},
                                {"text", type_oid::kText, "text", false},
                                {"number", type_oid::kFloat8, "double precision", false},
                                {"price", type_oid::kNumeric, "\"Price\"", false},
                                {"at", type_oid::kTimestamp, "timestamp without time zone", false},
                                {"other", {}, "mood", false}},
                    .key = {0},
                    .identity = model::ReplicaIdentity::kIndex};
  model::Relation f = t;
  f.name = "f";
  f.identity = model::ReplicaIdentity::kFull;
  f.columns[5].type_name = "place";
  f.columns[4].generated = "now()";
  catalog.tables = {model::MakeSessionRelation("s"), std::make_shared<model::Relation>(t),
                    std::make_shared<model::Relation>(f)};
  return catalog;
}

class SituationsTest : public testing::Test {
 protected:
  SituationsTest() {
    database_ = model::Database(catalog_.tables);
    database_.Write(0, model::MakeRow({std::int64_t{1}}), model::MakeSessionRow({1}, {0}));
  }

  // What the script adds, without what is zero.
  std::map<std::string, std::uint64_t> Run(Operations operations,
                                           model::ScriptEnd end = model::ScriptEnd::kCommit) {
    const model::Script script{{++scripts_}, {1}, std::move(operations), end};
    Situations situations(catalog_);
    situations.Add(script, model::Execute(script, database_));
    std::map<std::string, std::uint64_t> counts;
    for (const auto& [name, count] : situations.counts()) {
      if (count > 0 && name != "null") counts[name] = count;
    }
    return counts;
  }

  static model::Row Full(std::int64_t id, model::Value text = Null{}, model::Value number = Null{},
                         model::Value price = Null{}, model::Value at = Null{},
                         model::Value other = Null{}) {
    return model::MakeRow({id, text, number, price, at, other});
  }
  static model::Operation Insert(std::int64_t id, std::uint32_t table = 1) {
    return model::InsertRow{table, Full(id)};
  }
  static model::Operation Delete(std::int64_t id, std::uint32_t table = 1) {
    return model::DeleteRow{table, model::MakeRow({id})};
  }
  // Gives the row another key, or another number where there is none.
  static model::Operation Update(std::int64_t id, std::optional<std::int64_t> new_id = {}) {
    model::RowBuilder row;
    const model::Cell not_sent = model::NotSent{};
    row.Add(new_id ? model::Cell(model::Value(*new_id)) : not_sent);
    row.Add(not_sent);
    row.Add(new_id ? not_sent : model::Cell(model::Value(1.5)));
    for (int i = 0; i < 3; ++i) row.Add(not_sent);
    return model::UpdateRow{1, model::MakeRow({id}), row.Build()};
  }

  using Counts = std::map<std::string, std::uint64_t>;
  model::Catalog catalog_ = MakeCatalog();
  model::Database database_;
  std::uint64_t scripts_ = 0;
};

TEST_F(SituationsTest, EveryOneHasAnotherName) {
  std::set<std::string> names;
  for (const auto& [name, count] : Situations(catalog_).counts()) names.insert(name);
  EXPECT_EQ(names.size(), kSituationCount);
}

TEST_F(SituationsTest, RowOperationsAreCountedWithTheIdentityOfTheirTable) {
  EXPECT_EQ(Run({Insert(1), Insert(2, 2), model::UpsertRow{1, Full(1), {2}}}),
            (Counts{{"insert", 2}, {"upsert", 1}, {"identity_index", 1}}));
  EXPECT_EQ(Run({Update(1), Delete(2, 2)}),
            (Counts{{"update", 1}, {"delete", 1}, {"identity_index", 1}, {"identity_full", 1}}));
  EXPECT_EQ(Run({Update(9), Delete(9)}), (Counts{{"absent_key", 2}}));
}

TEST_F(SituationsTest, WhatIsRolledBackCountsAsThatOnly) {
  const model::EmitMessage message{"p", "c"};
  EXPECT_EQ(Run({Insert(1), message, model::TruncateTable{1}}, model::ScriptEnd::kRollback),
            (Counts{{"rollback", 1}}));
  EXPECT_EQ(Run({message, model::Savepoint{}, message, model::TruncateTable{1},
                 model::RollbackToSavepoint{}, Insert(1)}),
            (Counts{{"logical_message", 1}, {"savepoint_rollback", 1}, {"insert", 1}}));
  EXPECT_EQ(Run({model::Savepoint{}, model::Savepoint{}, message, model::ReleaseSavepoint{},
                 model::RollbackToSavepoint{}, model::TruncateTable{1}}),
            (Counts{{"savepoint_rollback", 1}, {"truncate", 1}}));
}

TEST_F(SituationsTest, AFailedScriptCountsItsViolation) {
  EXPECT_EQ(Run({Insert(1), Insert(1), Insert(2)}), (Counts{{"unique_violation", 1}}));
  EXPECT_EQ(Run({Insert(1), model::Savepoint{}, Insert(1), model::RollbackToSavepoint{}}),
            (Counts{{"insert", 1}, {"unique_violation", 1}, {"savepoint_rollback", 1}}));
}

TEST_F(SituationsTest, AKeySwapTakesAKeyThatAnotherRowLeft) {
  Run({Insert(1), Insert(2)});
  Counts moved{{"update", 2}, {"key_change", 2}, {"identity_index", 2}};
  EXPECT_EQ(Run({Update(1, 3), Update(3, 1)}), moved);  // there and back
  Counts swapped{{"update", 3}, {"key_change", 3}, {"identity_index", 3}, {"key_swap", 2}};
  EXPECT_EQ(Run({Update(1, 3), Update(2, 1), Update(3, 2)}), swapped);
}

TEST_F(SituationsTest, LargeScriptsCountWhateverTheirEnd) {
  EXPECT_EQ(Run(Operations(1000, Delete(5)), model::ScriptEnd::kRollback),
            (Counts{{"large_transaction", 1}, {"rollback", 1}}));
  EXPECT_EQ(Run(Operations(999, Delete(5))), (Counts{{"absent_key", 999}}));
}

TEST_F(SituationsTest, ALongTextThatIsNotAssignedIsUnchangedToast) {
  const std::string text(TableMaker::kLongTextSize, 'x');
  Run({model::InsertRow{1, Full(1, Text{text})}, model::InsertRow{1, Full(2, Text{"short"})}});
  EXPECT_EQ(Run({Update(1)})["unchanged_toast"], 1u);
  EXPECT_EQ(Run({Update(2)})["unchanged_toast"], 0u);
  EXPECT_EQ(Run({Update(1, 7)})["unchanged_toast"], 1u);
}

TEST_F(SituationsTest, ValuesAreCountedByTypeAndKind) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  auto values = [&](std::uint32_t table, const model::Row& row) {
    Counts counts = Run({model::InsertRow{table, row}}, model::ScriptEnd::kCommit);
    Run({model::TruncateTable{table}});
    counts.erase("insert");
    return counts;
  };
  EXPECT_EQ(values(1, Full(1)), Counts{});
  EXPECT_EQ(values(1, Full(1, Null{}, kNan)), (Counts{{"nan", 1}}));
  EXPECT_EQ(values(1, Full(1, Null{}, -kInfinity)), (Counts{{"infinity", 1}}));
  EXPECT_EQ(values(1, Full(1, Null{}, 0.0, model::Numeric{"NaN"})),
            (Counts{{"nan", 1}, {"domain", 1}}));
  EXPECT_EQ(values(1, Full(1, Null{}, 0.0, model::Numeric{"-Infinity"})),
            (Counts{{"infinity", 1}, {"domain", 1}}));
  EXPECT_EQ(values(1, Full(1, Null{}, 0.0, Null{}, Null{}, Other{"mood", "a"})),
            (Counts{{"enum", 1}}));
  EXPECT_EQ(values(2, Full(1, Null{}, 0.0, Null{}, Null{}, Other{"place", "(1)"})),
            (Counts{{"composite", 1}}));
  EXPECT_EQ(values(2, Full(1, Null{}, 0.0, Null{}, model::Timestamp{0})),
            (Counts{{"generated_column", 1}}));
  auto at = [&](std::int64_t micros) {
    return values(1, Full(1, Null{}, 0.0, Null{}, model::Timestamp{micros}));
  };
  EXPECT_EQ(at(kMaxTimestamp), Counts{});
  EXPECT_EQ(at(kMaxTimestamp + 1), (Counts{{"timestamp_end", 1}}));
  EXPECT_EQ(at(model::Timestamp::kInfinity), (Counts{{"infinity", 1}}));
}

TEST_F(SituationsTest, TypesAreKnownByTheirName) {
  auto count = [&](std::string type_name, std::string_view text) {
    model::Relation relation = *catalog_.tables[1];
    relation.columns[5].type_name = type_name;
    catalog_.tables[1] = std::make_shared<model::Relation>(relation);
    Counts counts =
        Run({model::InsertRow{1, Full(1, Null{}, 0.0, Null{}, Null{}, Other{type_name, text})}});
    Run({model::TruncateTable{1}});
    counts.erase("insert");
    return counts;
  };
  EXPECT_EQ(count("mood[]", "{}"), (Counts{{"array", 1}}));
  EXPECT_EQ(count("int4range", "empty"), (Counts{{"range", 1}}));
  EXPECT_EQ(count("interval", "1 day"), (Counts{{"interval", 1}}));
  EXPECT_EQ(count("time with time zone", "10:00:00+00"), Counts{});
  EXPECT_EQ(count("time with time zone", "10:00:00+00:00:01"), (Counts{{"time_zone", 1}}));
  EXPECT_EQ(count("time with time zone", "10:00:00-08"), (Counts{{"time_zone", 1}}));
}

}  // namespace
}  // namespace lockstep::generator
