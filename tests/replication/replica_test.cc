#include "replication/replica.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/change.h"
#include "model/database.h"
#include "model/error.h"
#include "model/type_oid.h"
#include "replication/decoderbufs_decoder.h"
#include "replication/follow_policy.h"
#include "replication/follower.h"
#include "tests/replication/captured_stream.h"
#include "tests/replication/row_literals.h"

namespace lockstep::replication {
namespace {

using model::Change;
using model::Delete;
using model::Insert;
using model::Lsn;
using model::ReplicaIdentity;
using model::Row;
using model::Update;
using testing::AllOf;
using testing::HasSubstr;

model::RelationPtr Table(const char* name, std::vector<std::uint32_t> key,
                         ReplicaIdentity identity = ReplicaIdentity::kDefault) {
  return std::make_shared<const model::Relation>(
      model::Relation{"shop",
                      name,
                      {{"id", model::type_oid::kInt4, "integer", true},
                       {"code", model::type_oid::kText, "text", true},
                       {"note", model::type_oid::kText, "text"}},
                      std::move(key),
                      identity});
}

Row Item(std::int64_t id, const char* code, const char* note) {
  return RowOf({Int(id), Txt(code), Txt(note)});
}
Row OldId(std::int64_t id) { return RowOf({Int(id), kNotInIdentity, kNotInIdentity}); }

// A replica of three tables, valid at 100, with one row {1, a, first} in each.
class ReplicaTest : public testing::Test {
 protected:
  ReplicaTest() {
    for (std::uint32_t table = 0; table < 3; ++table) {
      const model::Relation& relation = *replica_.database().table(table).relation();
      const Row row = Item(1, "a", "first");
      replica_.database().Write(table, relation.KeyOf(row), row);
    }
  }

  std::expected<Applied, Misfit> Apply(std::vector<Change> changes) {
    model::Transaction transaction;
    transaction.end_lsn = Lsn{200};
    transaction.changes = std::move(changes);
    return replica_.Apply(transaction);
  }

  void ExpectApplies(std::vector<Change> changes) {
    auto images = Apply(std::move(changes));
    ASSERT_TRUE(images.has_value()) << images.error().message;
    EXPECT_EQ(replica_.valid_at(), Lsn{200});
  }

  // Behind changes that fit, `change` does not: nothing of the transaction stays.
  void ExpectMisfit(Change change, const char* table, const Row& key,
                    std::initializer_list<const char*> said) {
    const model::Digest before = replica_.database().digest();
    auto images = Apply({Insert{items_, Item(50, "x", "y")}, Delete{items_, OldId(50)},
                         Insert{items_, Item(60, "x", "y")},
                         Update{items_, std::nullopt, Item(60, "x", "z")}, std::move(change)});
    ASSERT_FALSE(images.has_value());
    EXPECT_EQ(images.error().table, table);
    EXPECT_EQ(images.error().key, key);
    for (const char* part : said) EXPECT_THAT(images.error().message, HasSubstr(part));
    EXPECT_EQ(replica_.database().digest(), before);
    EXPECT_EQ(Find(items_, {Int(60)}), std::nullopt);
    EXPECT_EQ(Find(items_, {Int(1)}), Item(1, "a", "first"));
    EXPECT_EQ(replica_.database().row_count(), 3u);
    EXPECT_EQ(replica_.valid_at(), Lsn{100});
  }

  std::optional<Row> Find(const model::RelationPtr& relation,
                          std::initializer_list<model::Cell> key) {
    const auto table = replica_.database().FindTable(relation->schema, relation->name);
    const Row* row = replica_.database().table(*table).Find(RowOf(key));
    return row ? std::optional<Row>(*row) : std::nullopt;
  }

  const model::RelationPtr items_ = Table("items", {0});
  const model::RelationPtr pairs_ = Table("Pairs", {1, 0});
  const model::RelationPtr full_ = Table("full", {0}, ReplicaIdentity::kFull);
  Replica replica_{{items_, pairs_, full_}, Lsn{100}};
};

// ---- what fits ----

TEST_F(ReplicaTest, InsertsUpdatesAndDeletesAreApplied) {
  ExpectApplies({Insert{items_, Item(2, "b", "n")}, Update{items_, std::nullopt, Item(2, "c", "m")},
                 Delete{items_, OldId(1)}});
  EXPECT_EQ(Find(items_, {Int(2)}), Item(2, "c", "m"));
  EXPECT_EQ(Find(items_, {Int(1)}), std::nullopt);
  EXPECT_EQ(Find(pairs_, {Txt("a"), Int(1)}), Item(1, "a", "first"));
}

TEST_F(ReplicaTest, AnEmptyTransactionMovesThePositionOnly) {
  const model::Digest before = replica_.database().digest();
  ExpectApplies({});
  EXPECT_EQ(replica_.database().digest(), before);
}

TEST_F(ReplicaTest, UnchangedCellsKeepTheReplicasValue) {
  ExpectApplies({Update{items_, std::nullopt, RowOf({Int(1), Txt("b"), kUnchanged})}});
  EXPECT_EQ(Find(items_, {Int(1)}), Item(1, "b", "first"));
  ExpectApplies({Update{items_, std::nullopt, RowOf({Int(1), kUnchanged, kNull})}});
  EXPECT_EQ(Find(items_, {Int(1)}), RowOf({Int(1), Txt("b"), kNull}));
  ExpectApplies({Update{items_, std::nullopt, RowOf({Int(1), Txt("c"), kUnchanged})}});
  EXPECT_EQ(Find(items_, {Int(1)}), RowOf({Int(1), Txt("c"), kNull}));
}

TEST_F(ReplicaTest, AKeyChangeMovesTheRow) {
  ExpectApplies({Update{items_, OldId(1), Item(2, "a", "moved")}});
  EXPECT_EQ(Find(items_, {Int(1)}), std::nullopt);
  EXPECT_EQ(Find(items_, {Int(2)}), Item(2, "a", "moved"));
}

TEST_F(ReplicaTest, AKeyChangeKeepsUnchangedCellsOfTheOldKeysRow) {
  ExpectApplies({Update{items_, OldId(1), RowOf({Int(2), kUnchanged, kUnchanged})}});
  EXPECT_EQ(Find(items_, {Int(2)}), Item(2, "a", "first"));
}

TEST_F(ReplicaTest, AChangeOfPartOfACompositeKeyMovesTheRow) {
  ExpectApplies({Update{pairs_, RowOf({Int(1), Txt("a"), kNotInIdentity}),
                        RowOf({Int(2), kUnchanged, kUnchanged})}});
  EXPECT_EQ(Find(pairs_, {Txt("a"), Int(1)}), std::nullopt);
  EXPECT_EQ(Find(pairs_, {Txt("a"), Int(2)}), Item(2, "a", "first"));
}

TEST_F(ReplicaTest, KeysCanBeSwappedByWayOfAThird) {
  ExpectApplies(
      {Insert{items_, Item(2, "b", "second")}, Update{items_, OldId(1), Item(3, "a", "x")},
       Update{items_, OldId(2), Item(1, "b", "y")}, Update{items_, OldId(3), Item(2, "a", "z")}});
  EXPECT_EQ(Find(items_, {Int(1)}), Item(1, "b", "y"));
  EXPECT_EQ(Find(items_, {Int(2)}), Item(2, "a", "z"));
  EXPECT_EQ(Find(items_, {Int(3)}), std::nullopt);
}

TEST_F(ReplicaTest, IdentityFullIsAppliedByItsKey) {
  ExpectApplies({Update{full_, Item(1, "a", "first"), RowOf({Int(1), Txt("b"), kUnchanged})}});
  EXPECT_EQ(Find(full_, {Int(1)}), Item(1, "b", "first"));
  ExpectApplies({Update{full_, Item(1, "b", "first"), Item(2, "b", "first")}});
  EXPECT_EQ(Find(full_, {Int(1)}), std::nullopt);
  EXPECT_EQ(Find(full_, {Int(2)}), Item(2, "b", "first"));
  ExpectApplies({Delete{full_, Item(2, "b", "first")}});
  EXPECT_EQ(Find(full_, {Int(2)}), std::nullopt);
}

TEST_F(ReplicaTest, ATableIsFoundByNameWhateverObjectDescribesIt) {
  ExpectApplies({Insert{Table("items", {0}), Item(2, "b", "n")}});
  EXPECT_EQ(Find(items_, {Int(2)}), Item(2, "b", "n"));
}

// The allocator gives a freed description's address to the next one, of another table.
TEST_F(ReplicaTest, ADescriptionAtTheAddressOfAnotherIsNotTakenForIt) {
  for (std::int64_t i = 0; i < 100; ++i) {
    ExpectApplies({Insert{Table("items", {0}), Item(100 + i, "b", "n")}});
    ExpectApplies({Insert{Table("full", {0}), Item(200 + i, "b", "n")}});
    ASSERT_NE(Find(full_, {Int(200 + i)}), std::nullopt) << "went into another table";
    ASSERT_EQ(Find(items_, {Int(200 + i)}), std::nullopt);
  }
}

// ---- images ----

TEST_F(ReplicaTest, ImagesSayWhatWasTouchedInOrder) {
  auto images = Apply({Insert{pairs_, Item(2, "b", "n")},
                       Update{items_, std::nullopt, RowOf({Int(1), Txt("c"), kUnchanged})},
                       Update{items_, OldId(1), Item(5, "c", "moved")}, Delete{full_, OldId(1)}});
  ASSERT_TRUE(images.has_value()) << images.error().message;
  using Image = model::RowImage;
  const Row first = Item(1, "a", "first");
  const Row changed = Item(1, "c", "first");
  EXPECT_THAT(
      images->images,
      testing::ElementsAre(Image{1, RowOf({Txt("b"), Int(2)}), std::nullopt, Item(2, "b", "n")},
                           Image{0, RowOf({Int(1)}), first, changed},
                           Image{0, RowOf({Int(1)}), changed, std::nullopt},
                           Image{0, RowOf({Int(5)}), std::nullopt, Item(5, "c", "moved")},
                           Image{2, RowOf({Int(1)}), first, std::nullopt}));
}

TEST_F(ReplicaTest, ImagesUndoTheTransaction) {
  const model::Digest before = replica_.database().digest();
  auto images = Apply({Update{items_, std::nullopt, RowOf({Int(1), Txt("c"), kUnchanged})},
                       Update{items_, OldId(1), Item(5, "c", "moved")}, Delete{items_, OldId(5)},
                       Insert{items_, Item(1, "again", "n")}});
  ASSERT_TRUE(images.has_value()) << images.error().message;
  EXPECT_NE(replica_.database().digest(), before);
  replica_.database().Undo(images->images);
  EXPECT_EQ(replica_.database().digest(), before);
  EXPECT_EQ(Find(items_, {Int(1)}), Item(1, "a", "first"));
}

// ---- what does not fit ----

TEST_F(ReplicaTest, AnInsertOfAKeyThatIsThereIsAMisfit) {
  ExpectMisfit(Insert{items_, Item(1, "b", "n")}, "items", RowOf({Int(1)}),
               {"INSERT", "shop.items", "{id=1}", "has this key already"});
}

TEST_F(ReplicaTest, AnUpdateOfAnAbsentKeyIsAMisfit) {
  ExpectMisfit(Update{items_, std::nullopt, Item(9, "b", "n")}, "items", RowOf({Int(9)}),
               {"UPDATE", "shop.items", "{id=9}", "no such row"});
}

TEST_F(ReplicaTest, AStaleOldKeyIsAMisfit) {
  ExpectMisfit(Update{items_, OldId(9), Item(10, "b", "n")}, "items", RowOf({Int(9)}),
               {"UPDATE", "{id=9}", "no such row"});
}

TEST_F(ReplicaTest, AKeyChangeToAKeyThatIsThereIsAMisfit) {
  ExpectMisfit(Update{items_, OldId(60), Item(1, "b", "n")}, "items", RowOf({Int(1)}),
               {"UPDATE", "{id=1}", "has this key already"});
}

TEST_F(ReplicaTest, ADeleteOfAnAbsentKeyIsAMisfitWithTheKeyInKeyOrder) {
  ExpectMisfit(Delete{pairs_, RowOf({Int(1), Txt("z"), kNotInIdentity})}, "Pairs",
               RowOf({Txt("z"), Int(1)}),
               {"DELETE", "shop.\"Pairs\"", "{code=z, id=1}", "no such row"});
}

TEST_F(ReplicaTest, AnIncompleteOldKeyIsAMisfit) {
  const Row incomplete = RowOf({Int(1), kNotInIdentity, kNotInIdentity});
  const Row key = RowOf({kNotInIdentity, Int(1)});
  ExpectMisfit(Delete{pairs_, incomplete}, "Pairs", key, {"DELETE", "not complete"});
  ExpectMisfit(Update{pairs_, incomplete, Item(2, "a", "n")}, "Pairs", key,
               {"UPDATE", "not complete"});
}

TEST_F(ReplicaTest, AnUnchangedKeyWithoutAnOldRowIsAMisfit) {
  ExpectMisfit(Update{items_, std::nullopt, RowOf({kUnchanged, Txt("b"), Txt("n")})}, "items",
               RowOf({kUnchanged}), {"UPDATE", "not complete"});
}

TEST_F(ReplicaTest, AnUnknownTableIsAMisfit) {
  const auto unknown = Table("late", {0});
  for (const Change& change : {Change(Insert{unknown, Item(1, "a", "n")}),
                               Change(Update{unknown, std::nullopt, Item(1, "a", "n")}),
                               Change(Delete{unknown, OldId(1)})})
    ExpectMisfit(change, "late", Row(), {"no table shop.late"});
}

// ---- tables without a key ----

class MultisetReplicaTest : public testing::Test {
 protected:
  std::expected<Applied, Misfit> Apply(std::vector<Change> changes) {
    model::Transaction transaction;
    transaction.end_lsn = Lsn{200};
    transaction.changes = std::move(changes);
    return replica_.Apply(transaction);
  }
  std::uint64_t Count(const Row& row) { return replica_.database().table(0).CountCopies(row); }

  const model::RelationPtr log_ = Table("log", {}, ReplicaIdentity::kFull);
  const Row a_ = Item(1, "a", "n");
  const Row b_ = Item(2, "b", "n");
  Replica replica_{{log_}, Lsn{100}};
};

TEST_F(MultisetReplicaTest, OneOfSeveralEqualRowsChanges) {
  ASSERT_TRUE(Apply({Insert{log_, a_}, Insert{log_, a_}, Insert{log_, a_}, Insert{log_, b_}}));
  ASSERT_TRUE(Apply({Update{log_, a_, b_}, Delete{log_, a_}}));
  EXPECT_EQ(Count(a_), 1u);
  EXPECT_EQ(Count(b_), 2u);
  ASSERT_TRUE(Apply({Update{log_, b_, b_}, Update{log_, a_, a_}}));
  EXPECT_EQ(Count(a_), 1u);
  EXPECT_EQ(Count(b_), 2u);
}

TEST_F(MultisetReplicaTest, UnchangedCellsComeFromTheOldRow) {
  ASSERT_TRUE(Apply({Insert{log_, a_}, Insert{log_, a_}}));
  ASSERT_TRUE(Apply({Update{log_, a_, RowOf({Int(5), kUnchanged, Txt("m")})}}));
  EXPECT_EQ(Count(a_), 1u);
  EXPECT_EQ(Count(Item(5, "a", "m")), 1u);
}

TEST_F(MultisetReplicaTest, ATransactionThatDoesNotFitLeavesTheCopiesAsTheyWere) {
  ASSERT_TRUE(Apply({Insert{log_, a_}, Insert{log_, a_}}));
  auto applied = Apply({Delete{log_, a_}, Update{log_, a_, b_}, Insert{log_, a_}, Insert{log_, a_},
                        Delete{log_, Item(9, "z", "n")}});
  ASSERT_FALSE(applied.has_value());
  EXPECT_THAT(applied.error().message,
              AllOf(HasSubstr("DELETE on shop.log"), HasSubstr("{id=9, code=z, note=n}"),
                    HasSubstr("no such row")));
  EXPECT_EQ(Count(a_), 2u);
  EXPECT_EQ(Count(b_), 0u);
}

TEST_F(MultisetReplicaTest, ATruncationTakesAllCopies) {
  ASSERT_TRUE(Apply({Insert{log_, a_}, Insert{log_, a_}, model::Truncate{log_}, Insert{log_, a_}}));
  EXPECT_EQ(Count(a_), 1u);
}

TEST_F(MultisetReplicaTest, AnOldRowThatIsNotCompleteIsAMisfit) {
  ASSERT_TRUE(Apply({Insert{log_, a_}}));
  for (const auto& [said, change] :
       {std::pair<const char*, Change>{"UPDATE", Update{log_, std::nullopt, a_}},
        {"UPDATE", Update{log_, OldId(1), a_}},
        {"DELETE", Delete{log_, OldId(1)}}}) {
    auto applied = Apply({change});
    ASSERT_FALSE(applied.has_value());
    EXPECT_EQ(applied.error().table, "log");
    EXPECT_THAT(applied.error().message,
                AllOf(HasSubstr(said), HasSubstr("shop.log"), HasSubstr("primary key")));
  }
}

// ---- tables that are set aside ----

class SetAsideReplicaTest : public testing::Test {
 protected:
  std::expected<Applied, Misfit> Apply(std::vector<Change> changes,
                                       std::vector<model::UnreadTable> unread = {}) {
    model::Transaction transaction;
    transaction.end_lsn = Lsn{200};
    transaction.changes = std::move(changes);
    transaction.unread = std::move(unread);
    return replica_.Apply(transaction);
  }
  std::uint64_t Rows(std::uint32_t table) { return replica_.database().table(table).digest().rows; }
  // The only one, whose table is empty; items goes on.
  void ExpectSetAside(const char* name, const char* reason) {
    ASSERT_EQ(replica_.set_aside().size(), 1u);
    EXPECT_EQ(replica_.set_aside()[0].schema, "shop");
    EXPECT_EQ(replica_.set_aside()[0].name, name);
    EXPECT_THAT(replica_.set_aside()[0].reason, HasSubstr(reason));
    EXPECT_EQ(replica_.set_aside()[0].end_lsn, Lsn{200});
    EXPECT_EQ(Rows(1), 0u);
    ASSERT_TRUE(Apply({Insert{log_, Item(7, "a", "n")}, Insert{items_, Item(100, "a", "n")}}));
    EXPECT_EQ(Rows(1), 0u);
    EXPECT_EQ(Rows(0), 2u);
    EXPECT_EQ(replica_.set_aside().size(), 1u);
  }

  const model::RelationPtr items_ = Table("items", {0});
  const model::RelationPtr log_ = Table("log", {});
  Replica replica_{{items_, log_}, Lsn{100}, FollowPolicy::kSetAside};
};

TEST_F(SetAsideReplicaTest, AnUpdateThatNothingIdentifiesKeepsTheOtherTablesChanges) {
  const Row row = Item(1, "a", "n");
  auto applied = Apply({Insert{items_, row}, Insert{log_, row}, Delete{log_, OldId(1)}});
  ASSERT_TRUE(applied.has_value());
  EXPECT_EQ(applied->images.size(), 1u);
  ExpectSetAside("log", "nothing identifies the row");
}

TEST_F(SetAsideReplicaTest, ColumnsThatChanged) {
  model::Relation wider = *log_;
  wider.columns.push_back({"More", model::type_oid::kInt4, "integer"});
  const auto changed = std::make_shared<const model::Relation>(wider);
  ASSERT_TRUE(Apply({Insert{log_, Item(1, "a", "n")}, Insert{items_, Item(1, "a", "n")},
                     Insert{changed, RowOf({Int(7), Txt("b"), Txt("n"), Int(1)})},
                     Insert{changed, RowOf({Int(8), Txt("b"), Txt("n"), Int(1)})}}));
  ExpectSetAside("log", "changed since the listener attached");
}

TEST_F(SetAsideReplicaTest, ATableThatGotAKeyKeepsItsRows) {
  ASSERT_TRUE(Apply({Insert{log_, Item(1, "a", "n")}, Insert{log_, Item(2, "b", "n")}}));
  const model::RelationPtr keyed = Table("log", {0});
  ASSERT_TRUE(Apply({Insert{items_, Item(1, "a", "n")}, Insert{keyed, Item(3, "c", "n")},
                     Delete{keyed, OldId(1)}}));
  EXPECT_EQ(Rows(0), 1u);
  EXPECT_EQ(Rows(1), 2u);
  EXPECT_NE(replica_.database().table(1).Find(keyed->KeyOf(Item(2, "b", "n"))), nullptr);
  const model::RelationPtr other = Table("log", {1});
  ASSERT_TRUE(Apply({Update{other, std::nullopt, Item(7, "c", "n")}}));
  EXPECT_NE(replica_.database().table(1).Find(other->KeyOf(Item(7, "c", "n"))), nullptr);
  EXPECT_TRUE(replica_.set_aside().empty());
}

// Decoded as it was known then.
TEST_F(SetAsideReplicaTest, AChangeFromBeforeTheKeyWasKnownFitsTheTableWithIt) {
  const model::RelationPtr keyed = Table("log", {0});
  ASSERT_TRUE(
      Apply({Insert{log_, Item(1, "a", "n")}, Update{keyed, std::nullopt, Item(1, "b", "n")},
             Insert{log_, Item(2, "a", "n")}, Delete{log_, Item(2, "a", "n")}}));
  EXPECT_EQ(Rows(1), 1u);
  EXPECT_FALSE(replica_.database().table(1).is_multiset());
  EXPECT_TRUE(replica_.set_aside().empty());
}

// The source has no such rows: a fault.
TEST_F(SetAsideReplicaTest, RowsThatDoNotFitTheNewKeyAreAMisfit) {
  ASSERT_TRUE(Apply({Insert{log_, Item(1, "a", "n")}, Insert{log_, Item(1, "b", "n")}}));
  auto applied = Apply({Insert{Table("log", {0}), Item(3, "c", "n")}});
  ASSERT_FALSE(applied.has_value());
  EXPECT_EQ(applied.error().unfollowable, std::nullopt);
  EXPECT_THAT(applied.error().message, HasSubstr("the replica has this key already"));
  EXPECT_EQ(Rows(1), 2u);
  EXPECT_TRUE(replica_.database().table(1).is_multiset());
}

TEST_F(SetAsideReplicaTest, ATableWhoseKeyChangesInTheMiddleOfATransactionIsSetAside) {
  ASSERT_TRUE(
      Apply({Insert{Table("log", {0}), Item(1, "a", "n")},
             Insert{Table("log", {1}), Item(2, "b", "n")}, Insert{items_, Item(1, "a", "n")}}));
  ExpectSetAside("log", "changed since the listener attached");
}

TEST_F(SetAsideReplicaTest, WhatTheStreamCouldNotShow) {
  ASSERT_TRUE(Apply({Insert{log_, Item(1, "a", "n")}, Insert{items_, Item(1, "a", "n")}},
                    {{"shop", "log", "because"}, {"shop", "log", "again"}}));
  ExpectSetAside("log", "because");
}

TEST_F(SetAsideReplicaTest, ATableThatTheReplicaDoesNotHaveIsToldOnce) {
  ASSERT_TRUE(Apply({}, {{"shop", "new", "came later"}}));
  ASSERT_TRUE(Apply({}, {{"shop", "new", "came later"}}));
  ASSERT_EQ(replica_.set_aside().size(), 1u);
  EXPECT_EQ(replica_.set_aside()[0].name, "new");
}

TEST_F(SetAsideReplicaTest, ATableThatWasMadeSinceIsFollowedFromItsFirstChangeOn) {
  replica_.Quarantine(1);  // whatever became of others
  const model::RelationPtr made = Table("made", {0});
  EXPECT_EQ(replica_.Join(made), 2u);
  ASSERT_TRUE(Apply({Insert{made, Item(1, "a", "n")}, Insert{items_, Item(1, "a", "n")},
                     Insert{made, Item(2, "a", "n")}}));
  EXPECT_EQ(Rows(0), 1u);
  EXPECT_EQ(Rows(2), 2u);
}

TEST_F(SetAsideReplicaTest, AnotherTableOfTheNameBeginsEmptyAndMayBeSetAsideAgain) {
  ASSERT_TRUE(Apply({Insert{log_, Item(1, "a", "n")}}, {}));
  ASSERT_TRUE(Apply({}, {{"shop", "log", "because"}}));
  const model::RelationPtr again = Table("log", {0});
  EXPECT_EQ(replica_.Join(again), 1u);
  EXPECT_TRUE(replica_.set_aside().empty());
  ASSERT_TRUE(Apply({Insert{again, Item(1, "a", "n")}, Insert{again, Item(2, "a", "n")}}));
  EXPECT_EQ(Rows(1), 2u);
  ASSERT_TRUE(Apply({}, {{"shop", "log", "once more"}}));
  ASSERT_EQ(replica_.set_aside().size(), 1u);
  EXPECT_EQ(replica_.set_aside()[0].reason, "once more");
  EXPECT_EQ(Rows(1), 0u);
}

TEST_F(SetAsideReplicaTest, ARowThatDoesNotFitIsStillAMisfit) {
  auto applied = Apply({Delete{items_, OldId(5)}});
  ASSERT_FALSE(applied.has_value());
  EXPECT_EQ(applied.error().unfollowable, std::nullopt);
  EXPECT_EQ(applied.error().schema, "shop");
  EXPECT_TRUE(replica_.set_aside().empty());
}

TEST_F(ReplicaTest, ARunSetsNothingAside) {
  model::Transaction transaction;
  transaction.unread = {{"shop", "items", "because"}};
  auto applied = replica_.Apply(transaction);
  ASSERT_FALSE(applied.has_value());
  EXPECT_EQ(applied.error().table, "items");
  EXPECT_EQ(applied.error().message, "because");
}

// ---- a real stream ----

// All of the capture up to the first change that decoderbufs cannot show (captured.bare has no
// identity), decoded, assembled and applied.
TEST_F(ReplicaTest, TheCapturedStreamIsAppliedUpToTheTableWithoutIdentity) {
  auto relations = CapturedRelations();
  std::erase_if(relations, [](const model::RelationPtr& r) { return r->name == "bare"; });
  Replica replica(relations, Lsn{0});
  Follower follower({}, MakeDecoderbufsDecoder(RelationMap(CapturedRelations())), TimePoint());
  const auto table = [&](const char* name) -> const model::Table& {
    return replica.database().table(*replica.database().FindTable("captured", name));
  };
  int applied = 0;
  std::string refused;
  std::vector<Row> toasted;  // the row after each change of it
  for (const std::string& bytes : CapturedMessages()) {
    auto out = follower.OnCopyData(bytes);
    if (!out) {
      refused = out.error().message;
      break;
    }
    if (!*out || (*out)->changes.empty()) continue;
    const auto name = RelationOf((*out)->changes[0])->name;
    if (name == "bare") continue;
    auto images = replica.Apply(**out);
    ASSERT_TRUE(images.has_value()) << images.error().message;
    ++applied;
    if (name == "toasted") toasted.push_back(table("toasted").rows().begin()->second);
  }
  EXPECT_THAT(refused, HasSubstr("captured.bare"));
  EXPECT_EQ(applied, 46);
  std::string big;
  for (int i = 0; i < 250; ++i) big += "0123456789";
  EXPECT_THAT(toasted, testing::ElementsAre(RowOf({Int(1), Txt(big), Txt("in")}),
                                            RowOf({Int(1), Txt(big), Txt("changed")}),
                                            RowOf({Int(2), Txt(big), kNull}),
                                            RowOf({Int(2), Txt("short"), kNull}),
                                            RowOf({Int(2), kNull, kNull})));
  EXPECT_EQ(table("numbers").rows().size(), 8u);
  EXPECT_EQ(table("texts").rows().size(), 4u);
  EXPECT_EQ(table("times").rows().size(), 8u);
  EXPECT_EQ(table("others").rows().size(), 6u);
  for (const char* emptied : {"Odd \"T.q\"", "keyed", "full_identity", "indexed"})
    EXPECT_TRUE(table(emptied).rows().empty()) << emptied;
}

// ---- tables that changed ----

TEST_F(ReplicaTest, ARowOfAnotherShapeIsRefusedWithBothShapes) {
  const auto with = [](auto change) {
    model::Relation relation = *Table("items", {0});
    change(relation);
    return std::make_shared<const model::Relation>(std::move(relation));
  };
  const auto apply = [&](const model::RelationPtr& relation, const Row& row) {
    model::Transaction transaction;
    transaction.changes.push_back(Insert{relation, row});
    return replica_.Apply(transaction);
  };
  const model::Relation& known = *replica_.database().table(0).relation();
  const auto wider = with([&](model::Relation& relation) {
    relation = known;
    relation.columns.push_back({"More", model::type_oid::kInt4, "integer"});
  });
  auto applied = apply(wider, RowOf({Int(7), Txt("b"), Txt("n"), Int(1)}));
  ASSERT_FALSE(applied.has_value());
  EXPECT_THAT(applied.error().message,
              AllOf(HasSubstr(known.QualifiedName() + " changed since the listener attached"),
                    HasSubstr("(id integer, code text, note text)"),
                    HasSubstr("(id integer, code text, note text, \"More\" integer)"),
                    HasSubstr("attach again")));
  const auto other_key = with([&](model::Relation& relation) {
    relation = known;
    relation.key = {2};
  });
  applied = apply(other_key, Item(7, "b", "n"));
  ASSERT_FALSE(applied.has_value());
  EXPECT_THAT(applied.error().message, HasSubstr("with key (note)"));
  // The same, made anew, and another identity are no other shape.
  const auto full = with([&](model::Relation& relation) {
    relation = known;
    relation.identity = ReplicaIdentity::kFull;
  });
  EXPECT_TRUE(apply(full, Item(7, "b", "n")).has_value());
}

}  // namespace
}  // namespace lockstep::replication
