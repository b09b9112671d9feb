// The checker is checked: each sabotage does what its name says and nothing else, and a verifier in
// memory (oracle and judge, no sockets) finds it and names the commit.
#include "consumer/sabotage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/verdict.h"
#include "replication/replica.h"
#include "tests/verifier/small_run.h"
#include "verifier/listener_judge.h"
#include "verifier/oracle.h"
#include "wire/message.h"

namespace lockstep::consumer {
namespace {

using model::Lsn;
using model::SabotageKind;
using model::Transaction;
using model::VerdictKind;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using verifier::Delete;
using verifier::Insert;
using verifier::Item;
using verifier::ItemKey;
using verifier::kItems;
using verifier::Ran;
using verifier::SetA;
using verifier::SetId;

constexpr model::Xid kRolledBackXid{777'777};

bool AreEqual(const Transaction& a, const Transaction& b) {
  return a.xid == b.xid && a.end_lsn == b.end_lsn && a.changes == b.changes;
}

// Runs on a pretended Postgres, goes through the saboteur into a replica, and is judged.
class SabotageTest : public testing::Test {
 protected:
  SabotageTest() : replica_(verifier::MakeSmallCatalog().tables, {1000}) {
    for (std::uint32_t session = 1; session <= verifier::kSessions; ++session) {
      replica_.database().Write(model::kSessionTable, verifier::SessionKey(session),
                                model::MakeSessionRow({session}, {}));
    }
    judge_.emplace(oracle_.AddView({}), initial_);
    judge_->OnHello({.consistent_point = {1000}, .digest = replica_.database().digest()});
  }

  void Start(SabotageKind kind) {
    saboteur_ = std::make_unique<Saboteur>(kind, [this]() -> model::Result<model::Xid> {
      ++rolled_back_xids_;
      return kRolledBackXid;
    });
    // Transactions that every kind but stale-key and null-for-unchanged could act on, were it not
    // too early.
    for (std::uint64_t i = 0; i < Saboteur::kFirstTransaction; ++i) {
      const Ran ran =
          Run(1 + static_cast<std::uint32_t>(i % 2), {Insert(1000 + static_cast<std::int64_t>(i))});
      ExpectUntouched(ran.transaction);
    }
  }

  // A transaction of the run, of which oracle and judge know.
  Ran Run(std::uint32_t session, std::vector<model::Operation> operations) {
    Ran ran = postgres_.Run(session, std::move(operations));
    Tell(oracle_, ran);
    return ran;
  }

  // What comes out of the saboteur, applied and judged.
  std::vector<Transaction> Follow(const Transaction& transaction) {
    auto changed = saboteur_->Change(transaction).value();
    for (const Transaction& one : changed) Apply(one);
    return changed;
  }
  void ExpectUntouched(const Transaction& transaction) {
    ExpectOut(Follow(transaction), transaction);
  }
  static void ExpectOut(const std::vector<Transaction>& out, const Transaction& transaction) {
    ASSERT_THAT(out, SizeIs(1));
    EXPECT_TRUE(AreEqual(out[0], transaction));
  }
  Transaction Foreign() {
    const model::CommitRecord record = postgres_.CommitForeign();
    Tell(oracle_, record);
    return {.xid = record.xid, .end_lsn = record.end_lsn};
  }

  bool HasActed() const { return !saboteur_->deed().empty(); }
  bool IsHonest() const { return replica_.database().digest() == postgres_.database().digest(); }
  const model::Row* Replicated(std::int64_t id) const {
    return replica_.database().table(kItems).Find(ItemKey(id));
  }

  // The judgement, once the WAL goes on.
  const verifier::Finding& Judge() {
    Run(3, {});
    oracle_.Advance(std::nullopt);
    for (const auto& expectation : oracle_.TakeExpectations()) judge_->OnExpectation(expectation);
    judge_->Judge(oracle_);
    EXPECT_FALSE(oracle_.illegal_effect());
    EXPECT_EQ(judge_->commits_checked(), Saboteur::kFirstTransaction + honest_after_);
    static const verifier::Finding kNone{.reason = "nothing was found"};
    EXPECT_TRUE(judge_->finding());
    return judge_->finding() ? *judge_->finding() : kNone;
  }
  void ExpectDiverged(const Ran& ran, Lsn end_lsn, const char* reason) {
    const verifier::Finding& finding = Judge();
    EXPECT_EQ(finding.kind, VerdictKind::kDiverged);
    EXPECT_EQ(finding.commit, ran.script.id);
    EXPECT_EQ(finding.xid, ran.record.xid);
    EXPECT_EQ(finding.end_lsn, end_lsn);
    EXPECT_THAT(finding.reason, HasSubstr(reason));
    EXPECT_TRUE(finding.rows_differ);
  }

  verifier::PretendedPostgres postgres_;
  verifier::Oracle oracle_{verifier::MakeSmallCatalog()};
  const model::Digest initial_ = oracle_.expected().digest();
  replication::Replica replica_;
  std::optional<verifier::ListenerJudge> judge_;
  std::unique_ptr<Saboteur> saboteur_;
  int rolled_back_xids_ = 0;
  // Commits that agree after the first ones and before the deed.
  std::uint64_t honest_after_ = 0;

 private:
  void Apply(const Transaction& transaction) {
    if (stuck_) return;
    auto applied = replica_.Apply(transaction);
    if (!applied) {
      stuck_ = true;
      judge_->OnMisfit({transaction.xid, transaction.end_lsn, applied.error().table,
                        applied.error().message, applied.error().key});
      return;
    }
    judge_->OnCommit({.xid = transaction.xid,
                      .end_lsn = transaction.end_lsn,
                      .digest = replica_.database().digest(),
                      .changes_digest = applied->changes,
                      .run_changes = static_cast<std::uint32_t>(transaction.changes.size())});
  }
  bool stuck_ = false;
};

// The same, as decoderbufs says an update that left a long column b alone.
Transaction WithoutB(Transaction transaction, std::size_t change) {
  auto& update = std::get<model::Update>(transaction.changes[change]);
  model::RowBuilder builder;
  builder.Add(update.row.At(0));
  builder.Add(update.row.At(1));
  builder.Add(model::Cell(model::Unchanged{}));
  update.row = builder.Build();
  return transaction;
}

// ---- drop-change ----

TEST_F(SabotageTest, DropChangeLeavesOutTheLastChangeOnce) {
  Start(SabotageKind::kDropChange);
  const Ran ran = Run(1, {Insert(1), Insert(2)});
  const auto out = Follow(ran.transaction);
  ASSERT_THAT(out, SizeIs(1));
  ASSERT_THAT(out[0].changes, SizeIs(2));
  EXPECT_EQ(out[0].changes[1], ran.transaction.changes[1]);
  EXPECT_EQ(out[0].end_lsn, ran.record.end_lsn);
  EXPECT_THAT(saboteur_->deed(), HasSubstr("drop-change in xid 126"));
  EXPECT_FALSE(IsHonest());
  ExpectUntouched(Run(1, {Insert(3)}).transaction);
  ExpectDiverged(ran, ran.record.end_lsn, "its state has digest");
}

TEST_F(SabotageTest, DropChangeSkipsWhatWouldNotShow) {
  Start(SabotageKind::kDropChange);
  ExpectUntouched(Run(1, {}).transaction);                 // the session row alone
  ExpectUntouched(Run(1, {SetA(1000, "a")}).transaction);  // an update to what is there already
  EXPECT_FALSE(HasActed());
  EXPECT_TRUE(IsHonest());
  const Ran ran = Run(1, {Delete(1000)});
  Follow(ran.transaction);
  EXPECT_TRUE(HasActed());
  honest_after_ = 2;
  ExpectDiverged(ran, ran.record.end_lsn, "its state has digest");
}

// ---- null-for-unchanged ----

TEST_F(SabotageTest, NullStandsForAnUnchangedValueOnce) {
  Start(SabotageKind::kNullForUnchanged);
  ExpectUntouched(Run(1, {SetA(1000, "x")}).transaction);
  const Ran ran = Run(1, {SetA(1000, "y")});
  Follow(WithoutB(ran.transaction, 1));
  EXPECT_EQ(*Replicated(1000),
            model::MakeRow({std::int64_t{1000}, model::Text{"y"}, model::Null{}}));
  EXPECT_TRUE(HasActed());
  EXPECT_FALSE(IsHonest());
  const Transaction later = WithoutB(Run(2, {SetA(1001, "z")}).transaction, 1);
  ExpectUntouched(later);
  honest_after_ = 1;
  ExpectDiverged(ran, ran.record.end_lsn, "its state has digest");
}

TEST_F(SabotageTest, NullForUnchangedSkipsARowThatChangesAgain) {
  Start(SabotageKind::kNullForUnchanged);
  const Ran ran = Run(1, {SetA(1000, "y"), Delete(1000)});
  ExpectUntouched(WithoutB(ran.transaction, 1));
  EXPECT_FALSE(HasActed());
  EXPECT_TRUE(IsHonest());
}

// ---- corrupt-value ----

TEST_F(SabotageTest, CorruptValueFlipsOneBitOutsideTheKeyOnce) {
  Start(SabotageKind::kCorruptValue);
  const Ran ran = Run(1, {Insert(1, "abc"), Insert(2, "abc")});
  Follow(ran.transaction);
  EXPECT_EQ(*Replicated(1), Item(1, "abb", "b"));
  EXPECT_EQ(*Replicated(2), Item(2, "abc", "b"));
  EXPECT_TRUE(HasActed());
  ExpectUntouched(Run(1, {Insert(3)}).transaction);
  ExpectDiverged(ran, ran.record.end_lsn, "its state has digest");
}

TEST_F(SabotageTest, CorruptValueSkipsWhatItCannotCorruptForGood) {
  Start(SabotageKind::kCorruptValue);
  ExpectUntouched(Run(1, {}).transaction);
  ExpectUntouched(Run(1, {Delete(1000)}).transaction);
  ExpectUntouched(Run(1, {Insert(1, "", "")}).transaction);
  ExpectUntouched(Run(1, {Insert(2, "x"), Delete(2)}).transaction);
  EXPECT_FALSE(HasActed());
  const Ran ran = Run(1, {Insert(3, "abc"), SetA(3, "abd")});
  Follow(ran.transaction);
  EXPECT_EQ(*Replicated(3), Item(3, "abe", "b"));
  honest_after_ = 4;
  ExpectDiverged(ran, ran.record.end_lsn, "its state has digest");
}

// ---- stale-key ----

TEST_F(SabotageTest, StaleKeyLeavesTheOldKeyOnce) {
  Start(SabotageKind::kStaleKey);
  ExpectUntouched(Run(1, {SetA(1000, "x")}).transaction);
  ExpectUntouched(Run(1, {SetId(1000, 1000)}).transaction);
  const Ran ran = Run(1, {SetId(1000, 1)});
  Follow(ran.transaction);
  EXPECT_EQ(*Replicated(1000), Item(1000, "x", "b"));
  EXPECT_EQ(*Replicated(1), Item(1, "x", "b"));
  EXPECT_TRUE(HasActed());
  ExpectUntouched(Run(1, {SetId(1002, 2)}).transaction);
  honest_after_ = 2;
  ExpectDiverged(ran, ran.record.end_lsn, "its state has digest");
}

// ---- duplicate-transaction ----

TEST_F(SabotageTest, ADuplicateComesAgainUnderALaterLsnOnce) {
  Start(SabotageKind::kDuplicateTransaction);
  const Ran ran = Run(1, {SetA(1000, "x")});
  const auto out = Follow(ran.transaction);
  ASSERT_THAT(out, SizeIs(2));
  EXPECT_TRUE(AreEqual(out[0], ran.transaction));
  EXPECT_EQ(out[1].changes, ran.transaction.changes);
  EXPECT_EQ(out[1].xid, ran.record.xid);
  EXPECT_GT(out[1].end_lsn, ran.record.end_lsn);
  EXPECT_TRUE(HasActed());
  ExpectUntouched(Run(1, {SetA(1002, "x")}).transaction);
  honest_after_ = 1;
  ExpectDiverged(ran, out[1].end_lsn, "where Postgres committed nothing of the run");
}

TEST_F(SabotageTest, ADuplicateThatDoesNotFitIsFoundToo) {
  Start(SabotageKind::kDuplicateTransaction);
  const Ran ran = Run(1, {Insert(1)});
  const auto out = Follow(ran.transaction);
  honest_after_ = 1;
  ExpectDiverged(ran, out[1].end_lsn, "a change does not fit its copy");
}

// ---- swap-commits ----

TEST_F(SabotageTest, NeighboursOnDisjointKeysAreSwappedOnce) {
  Start(SabotageKind::kSwapCommits);
  const Ran first = Run(1, {Insert(1)}), second = Run(2, {Insert(2)});
  EXPECT_THAT(Follow(first.transaction), SizeIs(0));
  EXPECT_TRUE(saboteur_->holds_one());
  const auto out = Follow(second.transaction);
  EXPECT_FALSE(saboteur_->holds_one());
  ASSERT_THAT(out, SizeIs(2));
  EXPECT_EQ(out[0].xid, second.record.xid);
  EXPECT_EQ(out[0].end_lsn, first.record.end_lsn);
  EXPECT_EQ(out[0].changes, second.transaction.changes);
  EXPECT_EQ(out[1].xid, first.record.xid);
  EXPECT_EQ(out[1].end_lsn, second.record.end_lsn);
  EXPECT_TRUE(HasActed());
  EXPECT_TRUE(IsHonest()) << "only the way there differs";
  ExpectUntouched(Run(1, {Insert(3)}).transaction);
  ExpectDiverged(first, first.record.end_lsn, "where Postgres committed xid 126");
}

TEST_F(SabotageTest, NeighboursOnTheSameKeysAreNotSwapped) {
  Start(SabotageKind::kSwapCommits);
  // Of the same session: both write its row.
  const Ran first = Run(1, {Insert(1)}), second = Run(1, {Insert(2)}), third = Run(2, {Insert(3)});
  EXPECT_THAT(Follow(first.transaction), SizeIs(0));
  ExpectOut(Follow(second.transaction), first.transaction);
  EXPECT_FALSE(HasActed());
  EXPECT_THAT(Follow(third.transaction), SizeIs(2));
  EXPECT_TRUE(HasActed());
  honest_after_ = 1;
  ExpectDiverged(second, second.record.end_lsn, "where Postgres committed");
}

TEST_F(SabotageTest, AForeignCommitIsNotSwappedAndEndsTheNeighbourhood) {
  Start(SabotageKind::kSwapCommits);
  const Ran first = Run(1, {Insert(1)});
  EXPECT_THAT(Follow(first.transaction), SizeIs(0));
  const Transaction foreign = Foreign();
  const auto out = Follow(foreign);
  ASSERT_THAT(out, SizeIs(2));
  EXPECT_TRUE(AreEqual(out[0], first.transaction));
  EXPECT_TRUE(AreEqual(out[1], foreign));
  const Ran second = Run(2, {Insert(2)}), third = Run(1, {Insert(3)});
  EXPECT_THAT(Follow(second.transaction), SizeIs(0));
  EXPECT_FALSE(HasActed());
  Follow(third.transaction);
  EXPECT_TRUE(HasActed());
  honest_after_ = 1;
  ExpectDiverged(second, second.record.end_lsn, "where Postgres committed");
}

// ---- apply-rolled-back ----

TEST_F(SabotageTest, ARolledBackTransactionIsInventedOnce) {
  Start(SabotageKind::kApplyRolledBack);
  ExpectUntouched(Run(1, {Delete(1000)}).transaction);  // no row to take away
  EXPECT_EQ(rolled_back_xids_, 0);
  const Ran ran = Run(1, {Insert(1)});
  const auto out = Follow(ran.transaction);
  ASSERT_THAT(out, SizeIs(2));
  EXPECT_TRUE(AreEqual(out[0], ran.transaction));
  EXPECT_EQ(out[1].xid, kRolledBackXid);
  EXPECT_GT(out[1].end_lsn, ran.record.end_lsn);
  EXPECT_EQ(Replicated(1), nullptr);
  EXPECT_FALSE(IsHonest());
  ExpectUntouched(Run(1, {Insert(2)}).transaction);
  EXPECT_EQ(rolled_back_xids_, 1);
  honest_after_ = 2;
  const verifier::Finding& finding = Judge();
  EXPECT_EQ(finding.kind, VerdictKind::kDiverged);
  EXPECT_EQ(finding.commit, std::nullopt);
  EXPECT_EQ(finding.xid, kRolledBackXid);
  EXPECT_EQ(finding.end_lsn, out[1].end_lsn);
  EXPECT_TRUE(finding.rows_differ);
}

TEST_F(SabotageTest, WithoutARolledBackXidThereIsAnError) {
  Saboteur saboteur(SabotageKind::kApplyRolledBack, [] {
    return model::Result<model::Xid>(model::Fail(model::ErrorKind::kEnvironment, "no server"));
  });
  for (std::uint64_t i = 0; i < Saboteur::kFirstTransaction; ++i)
    ASSERT_TRUE(
        saboteur.Change(postgres_.Run(1, {Insert(static_cast<std::int64_t>(i))}).transaction));
  const auto result = saboteur.Change(postgres_.Run(1, {Insert(100)}).transaction);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().message, "no server");
}

// ---- all kinds ----

class EverySabotageTest : public SabotageTest, public testing::WithParamInterface<SabotageKind> {};

TEST_P(EverySabotageTest, ForeignCommitsAreLeftAloneAndNotCounted) {
  saboteur_ = std::make_unique<Saboteur>(GetParam(),
                                         [] { return model::Result<model::Xid>(kRolledBackXid); });
  for (std::uint64_t i = 0; i < 2 * Saboteur::kFirstTransaction; ++i) ExpectUntouched(Foreign());
  // Still among the first.
  ExpectUntouched(Run(1, {Insert(1), Insert(2)}).transaction);
  ExpectUntouched(Run(1, {SetId(1, 3)}).transaction);
  EXPECT_FALSE(HasActed());
}

INSTANTIATE_TEST_SUITE_P(Kinds, EverySabotageTest, testing::ValuesIn(model::SabotageKinds()),
                         [](const auto& kind) {
                           std::string name(model::NameOf(kind.param));
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace lockstep::consumer
