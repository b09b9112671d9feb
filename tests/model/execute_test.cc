#include "model/execute.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "model/catalog.h"
#include "model/type_oid.h"

namespace lockstep::model {
namespace {

constexpr std::uint32_t kItems = 1;
constexpr SessionId kSession{1};
constexpr const char* kUniqueViolation = "23505";
constexpr const char* kInFailedTransaction = "25P02";
constexpr const char* kNoSuchSavepoint = "3B001";

RelationPtr Items() {
  return std::make_shared<const Relation>(
      Relation{.schema = "s",
               .name = "items",
               .columns = {{"id", type_oid::kInt8, "bigint", true},
                           {"a", type_oid::kText, "text"},
                           {"b", type_oid::kText, "text"}},
               .key = {0}});
}

Row Key(std::int64_t id) { return MakeRow({id}); }
Row Item(std::int64_t id, std::string_view a, std::string_view b) {
  return MakeRow({id, Text{a}, Text{b}});
}

// The operations of scripts on table items (id, a, b).
Operation Insert(std::int64_t id, std::string_view a, std::string_view b) {
  return InsertRow{kItems, Item(id, a, b)};
}
Operation UpsertA(std::int64_t id, std::string_view a, std::string_view b) {
  return UpsertRow{kItems, Item(id, a, b), {1}};
}
Operation SetA(std::int64_t id, std::string_view a) {
  RowBuilder builder;
  builder.Add(Cell(NotSent{}));
  builder.Add(Value(Text{a}));
  builder.Add(Cell(NotSent{}));
  return UpdateRow{kItems, Key(id), builder.Build()};
}
Operation SetId(std::int64_t id, std::int64_t new_id) {
  RowBuilder builder;
  builder.Add(Value(new_id));
  builder.Add(Cell(NotSent{}));
  builder.Add(Cell(NotSent{}));
  return UpdateRow{kItems, Key(id), builder.Build()};
}
Operation Delete(std::int64_t id) { return DeleteRow{kItems, Key(id)}; }

Effect Rows(std::uint32_t rows) { return {.rows = rows}; }
Effect Error(const char* sqlstate) { return {.sqlstate = sqlstate}; }

// Items 1 and 2 are there; scripts run on session 1.
class ExecuteTest : public testing::Test {
 protected:
  ExecuteTest() : database_({MakeSessionRelation("s"), Items()}) {
    database_.Write(kSessionTable, MakeRow({std::int64_t{1}}), MakeSessionRow(kSession, {}));
    database_.Write(kItems, Key(1), Item(1, "a1", "b1"));
    database_.Write(kItems, Key(2), Item(2, "a2", "b2"));
    start_ = database_.digest();
  }

  // Whatever a script does, undoing what it wrote gives the digest before; a rolled back one wrote
  // nothing.
  Execution Run(std::vector<Operation> operations, ScriptEnd end = ScriptEnd::kCommit) {
    const Digest before = database_.digest();
    const Script script{++last_id_, kSession, std::move(operations), end};
    Execution execution = Execute(script, database_);
    const Digest after = database_.digest();
    EXPECT_EQ(execution.effects.size(), script.operations.size());
    EXPECT_EQ(execution.image_operation.size(), execution.images.size());
    if (execution.fate == Fate::kRolledBack) {
      EXPECT_TRUE(execution.images.empty());
      EXPECT_EQ(after, before);
    }
    database_.Undo(execution.images);
    EXPECT_EQ(database_.digest(), before);
    for (const RowImage& image : execution.images) {
      database_.Write(image.table, image.key, image.after);
    }
    EXPECT_EQ(database_.digest(), after);
    return execution;
  }

  std::optional<Row> Stored(std::int64_t id) const {
    const Row* row = database_.table(kItems).Find(Key(id));
    return row ? std::optional(*row) : std::nullopt;
  }

  struct Counter {
    std::uint64_t value = 0;
    TransactionId operator++() { return TransactionId{++value}; }
  };
  Counter last_id_;
  Database database_;
  Digest start_;
};

using Effects = std::vector<Effect>;

TEST_F(ExecuteTest, EveryCommittedScriptLeavesItsNumberInTheSessionRow) {
  const Execution execution = Run({});
  EXPECT_EQ(execution.fate, Fate::kCommitted);
  ASSERT_EQ(execution.images.size(), 1u);
  EXPECT_EQ(execution.images[0].table, kSessionTable);
  EXPECT_EQ(execution.image_operation[0], Execution::kSessionUpdate);
  EXPECT_EQ(*database_.table(kSessionTable).Find(MakeRow({std::int64_t{1}})),
            MakeSessionRow(kSession, TransactionId{1}));
}

TEST_F(ExecuteTest, InsertAddsARow) {
  const Execution execution = Run({Insert(3, "x", "y")});
  EXPECT_EQ(execution.effects, Effects{Rows(1)});
  EXPECT_EQ(Stored(3), Item(3, "x", "y"));
  ASSERT_EQ(execution.images.size(), 2u);
  EXPECT_EQ(execution.images[1], (RowImage{kItems, Key(3), std::nullopt, Item(3, "x", "y")}));
  EXPECT_EQ(execution.image_operation[1], 0u);
}

TEST_F(ExecuteTest, InsertOfAnExistingKeyFailsTheScript) {
  const Execution execution = Run({Insert(3, "x", "y"), Insert(1, "x", "y"), Delete(2)});
  EXPECT_EQ(execution.fate, Fate::kRolledBack);
  EXPECT_EQ(execution.effects,
            (Effects{Rows(1), Error(kUniqueViolation), Error(kInFailedTransaction)}));
  EXPECT_EQ(Stored(3), std::nullopt);
  EXPECT_EQ(database_.digest(), start_);
}

TEST_F(ExecuteTest, UpsertInsertsAnAbsentRowWhole) {
  EXPECT_EQ(Run({UpsertA(3, "x", "y")}).effects, Effects{Rows(1)});
  EXPECT_EQ(Stored(3), Item(3, "x", "y"));
}

TEST_F(ExecuteTest, UpsertUpdatesOnlyItsColumnsOfAnExistingRow) {
  EXPECT_EQ(Run({UpsertA(1, "x", "y")}).effects, Effects{Rows(1)});
  EXPECT_EQ(Stored(1), Item(1, "x", "b1"));
}

TEST_F(ExecuteTest, UpdateChangesOnlyAssignedColumns) {
  EXPECT_EQ(Run({SetA(1, "x")}).effects, Effects{Rows(1)});
  EXPECT_EQ(Stored(1), Item(1, "x", "b1"));
}

TEST_F(ExecuteTest, UpdateAndDeleteOfAnAbsentKeyDoNothing) {
  const Execution execution = Run({SetA(9, "x"), SetId(9, 1), Delete(9)});
  EXPECT_EQ(execution.fate, Fate::kCommitted);
  EXPECT_EQ(execution.effects, (Effects{Rows(0), Rows(0), Rows(0)}));
  EXPECT_EQ(execution.images.size(), 1u);
}

TEST_F(ExecuteTest, UpdateOfTheKeyMovesTheRow) {
  const Execution execution = Run({SetId(1, 7)});
  EXPECT_EQ(execution.effects, Effects{Rows(1)});
  EXPECT_EQ(Stored(1), std::nullopt);
  EXPECT_EQ(Stored(7), Item(7, "a1", "b1"));
  ASSERT_EQ(execution.images.size(), 3u);
  EXPECT_EQ(execution.images[1].key, Key(1));
  EXPECT_EQ(execution.images[1].after, std::nullopt);
  EXPECT_EQ(execution.images[2].key, Key(7));
}

TEST_F(ExecuteTest, UpdateOfTheKeyToItselfStays) {
  EXPECT_EQ(Run({SetId(1, 1)}).effects, Effects{Rows(1)});
  EXPECT_EQ(Stored(1), Item(1, "a1", "b1"));
}

TEST_F(ExecuteTest, UpdateOfTheKeyToAnExistingOneFailsTheScript) {
  const Execution execution = Run({SetId(1, 2), Insert(3, "x", "y")});
  EXPECT_EQ(execution.fate, Fate::kRolledBack);
  EXPECT_EQ(execution.effects, (Effects{Error(kUniqueViolation), Error(kInFailedTransaction)}));
  EXPECT_EQ(Stored(1), Item(1, "a1", "b1"));
}

TEST_F(ExecuteTest, DeleteRemovesTheRowAndItsKeyIsFreeAgain) {
  EXPECT_EQ(Run({Delete(1), Insert(1, "x", "y")}).effects, (Effects{Rows(1), Rows(1)}));
  EXPECT_EQ(Stored(1), Item(1, "x", "y"));
}

TEST_F(ExecuteTest, LaterOperationsSeeEarlierOnes) {
  const Execution execution =
      Run({Insert(3, "x", "y"), SetA(3, "x2"), SetId(3, 4), UpsertA(4, "x3", "-"), Delete(4)});
  EXPECT_EQ(execution.effects, (Effects{Rows(1), Rows(1), Rows(1), Rows(1), Rows(1)}));
  EXPECT_EQ(execution.images.size(), 7u);
  EXPECT_EQ(Stored(3), std::nullopt);
  EXPECT_EQ(Stored(4), std::nullopt);
}

TEST_F(ExecuteTest, ARolledBackScriptHasEffectsButChangesNothing) {
  const Execution execution =
      Run({Insert(3, "x", "y"), Delete(1), SetA(2, "x")}, ScriptEnd::kRollback);
  EXPECT_EQ(execution.fate, Fate::kRolledBack);
  EXPECT_EQ(execution.effects, (Effects{Rows(1), Rows(1), Rows(1)}));
  EXPECT_EQ(database_.digest(), start_);
}

TEST_F(ExecuteTest, RollbackToSavepointTakesBackWhatCameAfterIt) {
  const Execution execution = Run({SetA(1, "kept"), Savepoint{}, SetA(1, "lost"), Delete(2),
                                   RollbackToSavepoint{}, Insert(3, "x", "y")});
  EXPECT_EQ(execution.fate, Fate::kCommitted);
  EXPECT_EQ(execution.effects, (Effects{Rows(1), Rows(0), Rows(1), Rows(1), Rows(0), Rows(1)}));
  EXPECT_EQ(Stored(1), Item(1, "kept", "b1"));
  EXPECT_EQ(Stored(2), Item(2, "a2", "b2"));
  EXPECT_EQ(Stored(3), Item(3, "x", "y"));
  EXPECT_EQ(execution.image_operation, (std::vector<std::uint32_t>{UINT32_MAX, 0, 5}));
}

TEST_F(ExecuteTest, RollbackToSavepointHealsAnErrorAfterIt) {
  const Execution execution = Run({Savepoint{}, Insert(3, "x", "y"), Insert(1, "x", "y"), Delete(2),
                                   RollbackToSavepoint{}, Delete(2)});
  EXPECT_EQ(execution.fate, Fate::kCommitted);
  EXPECT_EQ(execution.effects, (Effects{Rows(0), Rows(1), Error(kUniqueViolation),
                                        Error(kInFailedTransaction), Rows(0), Rows(1)}));
  EXPECT_EQ(Stored(3), std::nullopt);
  EXPECT_EQ(Stored(2), std::nullopt);
}

TEST_F(ExecuteTest, AnErrorBeforeTheSavepointIsNotHealed) {
  const Execution execution = Run({Insert(1, "x", "y"), Savepoint{}, RollbackToSavepoint{}});
  EXPECT_EQ(execution.fate, Fate::kRolledBack);
  EXPECT_EQ(execution.effects[1], Error(kInFailedTransaction));
}

TEST_F(ExecuteTest, RollbackToLeavesTheSavepointOpen) {
  const Execution execution = Run({Savepoint{}, SetA(1, "x"), RollbackToSavepoint{}, SetA(1, "y"),
                                   RollbackToSavepoint{}, SetA(2, "z"), ReleaseSavepoint{}});
  EXPECT_EQ(execution.fate, Fate::kCommitted);
  EXPECT_EQ(Stored(1), Item(1, "a1", "b1"));
  EXPECT_EQ(Stored(2), Item(2, "z", "b2"));
}

TEST_F(ExecuteTest, SavepointsNest) {
  Run({Savepoint{}, SetA(1, "outer"), Savepoint{}, SetA(2, "inner"), RollbackToSavepoint{},
       ReleaseSavepoint{}, Insert(3, "x", "y"), ReleaseSavepoint{}});
  EXPECT_EQ(Stored(1), Item(1, "outer", "b1"));
  EXPECT_EQ(Stored(2), Item(2, "a2", "b2"));
  EXPECT_EQ(Stored(3), Item(3, "x", "y"));
}

TEST_F(ExecuteTest, AReleasedSavepointBelongsToTheOneAroundIt) {
  const Execution execution = Run({Savepoint{}, Savepoint{}, SetA(1, "x"), ReleaseSavepoint{},
                                   SetA(2, "x"), RollbackToSavepoint{}});
  EXPECT_EQ(execution.fate, Fate::kCommitted);
  EXPECT_EQ(Stored(1), Item(1, "a1", "b1"));
  EXPECT_EQ(Stored(2), Item(2, "a2", "b2"));
}

TEST_F(ExecuteTest, ReleaseInAFailedTransactionReleasesNothing) {
  const Execution execution = Run(
      {Savepoint{}, Insert(1, "x", "y"), ReleaseSavepoint{}, RollbackToSavepoint{}, SetA(1, "x")});
  EXPECT_EQ(execution.effects[2], Error(kInFailedTransaction));
  EXPECT_EQ(execution.fate, Fate::kCommitted);
  EXPECT_EQ(Stored(1), Item(1, "x", "b1"));
}

TEST_F(ExecuteTest, WithoutASavepointRollbackToAndReleaseFailTheScript) {
  for (const Operation& operation :
       {Operation(RollbackToSavepoint{}), Operation(ReleaseSavepoint{})}) {
    const Execution execution = Run({Delete(1), operation, Delete(2)});
    EXPECT_EQ(execution.fate, Fate::kRolledBack);
    EXPECT_EQ(execution.effects,
              (Effects{Rows(1), Error(kNoSuchSavepoint), Error(kInFailedTransaction)}));
  }
}

TEST_F(ExecuteTest, AnOpenSavepointCommitsWithItsScript) {
  EXPECT_EQ(Run({Savepoint{}, SetA(1, "x")}).fate, Fate::kCommitted);
  EXPECT_EQ(Stored(1), Item(1, "x", "b1"));
}

}  // namespace
}  // namespace lockstep::model
