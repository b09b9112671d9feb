// What is expected follows from scripts, outcomes and the WAL, not from the order in which they
// come; and what Postgres did otherwise than the scripts mean is named.
#include "verifier/oracle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/verifier/small_run.h"

namespace lockstep::verifier {
namespace {

using model::CommitRecord;
using model::Fate;
using model::Lsn;
using model::ScriptEnd;
using ::testing::HasSubstr;

class OracleTest : public testing::Test {
 protected:
  OracleTest() { oracle_.AddView({}); }
  bool Script(const Ran& ran) { return oracle_.OnScript(ran.script, 10); }
  bool Outcome(const Ran& ran) { return oracle_.OnOutcome(ran.outcome); }
  void Wal(const CommitRecord& record) { oracle_.OnCommitRecords({&record, 1}, record.end_lsn); }
  void Wal(const Ran& ran) { Wal(ran.record); }
  void Scanned(Lsn lsn) { oracle_.OnCommitRecords({}, lsn); }
  void Advance(std::optional<Lsn> limit = std::nullopt) {
    oracle_.Advance(limit);
    for (const Expectation& e : oracle_.TakeExpectations()) made_.push_back(e);
  }
  void TellAll(const Ran& ran) {
    Tell(oracle_, ran);
    Advance();
  }

  std::vector<std::uint64_t> Replayed() const {
    std::vector<std::uint64_t> ids;
    for (const Expectation& e : made_) ids.push_back(e.id.value);
    return ids;
  }
  std::optional<model::Row> Expected(std::int64_t id) const {
    const model::Row* row = oracle_.expected().table(kItems).Find(ItemKey(id));
    return row ? std::optional(*row) : std::nullopt;
  }
  std::string Illegal() const {
    return oracle_.illegal_effect() ? oracle_.illegal_effect()->message : "";
  }

  PretendedPostgres postgres_;
  Oracle oracle_{MakeSmallCatalog()};
  std::vector<Expectation> made_;
};

using Ids = std::vector<std::uint64_t>;

TEST_F(OracleTest, ACommitIsExpectedWithTheStateAfterIt) {
  const Ran ran = postgres_.Run(1, {Insert(1)});
  TellAll(ran);
  ASSERT_EQ(made_.size(), 1u);
  EXPECT_EQ(made_[0].id, ran.script.id);
  EXPECT_EQ(made_[0].xid, ran.record.xid);
  EXPECT_EQ(made_[0].end_lsn, ran.record.end_lsn);
  EXPECT_EQ(made_[0].views.at(0).state, ran.digest);
  EXPECT_EQ(made_[0].views.at(0).changes, ran.changes);
  EXPECT_EQ(made_[0].script_bytes, 10u);
  EXPECT_EQ(oracle_.frontier(), ran.record.end_lsn);
  EXPECT_EQ(oracle_.scripts_waiting(), 0u);
  EXPECT_EQ(oracle_.counts(), (model::TransactionCounts{.generated = 1, .committed = 1}));
}

TEST_F(OracleTest, TheWalDecidesTheOrderOfSessions) {
  const model::Script first{{1}, {1}, {Insert(1)}}, second{{2}, {2}, {Insert(2)}};
  const Ran later_script = postgres_.Run(second), earlier_script = postgres_.Run(first);
  for (const Ran& ran : {earlier_script, later_script}) {
    EXPECT_TRUE(Script(ran) && Outcome(ran));
  }
  Wal(later_script);
  Wal(earlier_script);
  Advance();
  EXPECT_EQ(Replayed(), (Ids{2, 1}));
}

TEST_F(OracleTest, NothingIsReplayedBeforeScriptOutcomeAndWalAreThere) {
  const Ran ran = postgres_.Run(1, {Insert(1)});
  Wal(ran);
  Advance();
  EXPECT_TRUE(Outcome(ran));
  oracle_.OnSettled(ran.record.end_lsn);
  Advance();
  EXPECT_EQ(Replayed(), Ids{});
  EXPECT_EQ(oracle_.frontier(), Lsn{ran.record.end_lsn.value - 1});
  EXPECT_EQ(oracle_.scripts_waiting(), 1u);
  EXPECT_TRUE(Script(ran));
  Advance();
  EXPECT_EQ(Replayed(), Ids{1});
  EXPECT_EQ(oracle_.scripts_waiting(), 0u);
}

TEST_F(OracleTest, AnUnknownCommitWaitsUntilTheApplierHasSettledPastIt) {
  const CommitRecord foreign = postgres_.CommitForeign();
  Wal(foreign);
  Advance();
  EXPECT_EQ(oracle_.frontier(), Lsn{foreign.end_lsn.value - 1});
  oracle_.OnSettled({foreign.end_lsn.value - 1});
  Advance();
  EXPECT_EQ(oracle_.frontier(), Lsn{foreign.end_lsn.value - 1});
  oracle_.OnSettled(foreign.end_lsn);
  Advance();
  EXPECT_EQ(oracle_.frontier(), foreign.end_lsn);
  EXPECT_EQ(Replayed(), Ids{});
  EXPECT_EQ(oracle_.FindTransaction(foreign.xid), std::nullopt);
}

TEST_F(OracleTest, AKnownCommitBehindAnUnknownOneWaitsToo) {
  const CommitRecord foreign = postgres_.CommitForeign();
  const Ran ran = postgres_.Run(1, {Insert(1)});
  Wal(foreign);
  EXPECT_TRUE(Script(ran) && Outcome(ran));
  Wal(ran);
  Advance();
  EXPECT_EQ(Replayed(), Ids{});
  oracle_.OnSettled(foreign.end_lsn);
  Advance();
  EXPECT_EQ(Replayed(), Ids{1});
}

TEST_F(OracleTest, ARolledBackScriptIsCheckedWhereItStandsInItsSession) {
  const Ran insert = postgres_.Run(1, {Insert(1)});
  const Ran rolled_back = postgres_.Run(1, {SetA(1, "x"), Delete(1)}, ScriptEnd::kRollback);
  EXPECT_TRUE(Script(insert) && Script(rolled_back) && Outcome(insert) && Outcome(rolled_back));
  Advance();  // before the insert its operations would have touched no rows
  EXPECT_EQ(oracle_.counts().rolled_back, 0u);
  Wal(insert);
  Advance();
  EXPECT_EQ(Illegal(), "");
  EXPECT_EQ(oracle_.counts().rolled_back, 1u);
  EXPECT_EQ(oracle_.rolled_back_bytes(), 10u);
  EXPECT_EQ(Expected(1), Item(1, "a", "b"));
}

TEST_F(OracleTest, ARolledBackScriptWithOtherEffectsIsIllegal) {
  Ran ran = postgres_.Run(1, {Delete(1)}, ScriptEnd::kRollback);
  ran.outcome.effects[0].rows = 1;
  TellAll(ran);
  EXPECT_THAT(Illegal(), HasSubstr("operation 1 (DELETE FROM items {id=1})"));
  EXPECT_FALSE(oracle_.illegal_effect()->end_lsn.IsValid());
}

TEST_F(OracleTest, AnUnexpectedFailureIsCountedAndLeftOutOfTheState) {
  Ran ran = PretendedPostgres().Run(1, {Insert(1), Insert(2)});
  ran.outcome.fate = Fate::kRolledBack;
  ran.outcome.effects = {{.rows = 1}, {.sqlstate = "53100"}};
  TellAll(ran);
  const Ran next = [] {
    PretendedPostgres without;
    (void)without.Run(1, {Insert(1)}, ScriptEnd::kRollback);
    return without.Run(1, {Insert(1, "mine")});
  }();
  TellAll(next);
  EXPECT_EQ(Illegal(), "");
  EXPECT_EQ(oracle_.counts(),
            (model::TransactionCounts{.generated = 2, .committed = 1, .failed = 1}));
  EXPECT_EQ(Expected(1), Item(1, "mine", "b"));
  EXPECT_EQ(made_.at(0).views.at(0).state, next.digest);
}

TEST_F(OracleTest, AnUnexpectedFailureOfAScriptThatRollsBackAnywayIsCountedToo) {
  Ran ran = postgres_.Run(1, {Insert(1), Insert(2)}, ScriptEnd::kRollback);
  ran.outcome.effects = {{.sqlstate = "57014"}, {.sqlstate = "25P02"}};
  TellAll(ran);
  EXPECT_EQ(Illegal(), "");
  EXPECT_EQ(oracle_.counts().failed, 1u);
  EXPECT_EQ(oracle_.counts().rolled_back, 0u);
}

// The savepoint that it tells of comes after the refusal, and was not made: it goes back to the
// first.
TEST_F(OracleTest, ARefusalThatASavepointTakesBackIsCountedAndTheRestIsExpected) {
  const model::Savepoint save;
  const model::RollbackToSavepoint back;
  Ran ran = postgres_.Run(1, {save, Insert(1), save, Insert(2), back, Insert(3)});
  ran.outcome.effects = {
      {}, {.sqlstate = "53100"},           {.sqlstate = "25P02"}, {.sqlstate = "25P02"},
      {}, {.rows = 1, .written_by = {101}}};
  TellAll(ran);
  EXPECT_EQ(Illegal(), "");
  EXPECT_EQ(oracle_.counts(),
            (model::TransactionCounts{.generated = 1, .committed = 1, .failed = 1}));
  EXPECT_EQ(oracle_.ended_without_commit(), 0u);
  EXPECT_EQ(Expected(1), std::nullopt);
  EXPECT_EQ(Expected(3), Item(3, "a", "b"));
}

TEST_F(OracleTest, ARefusalInThePlaceOfAFailureThatWasMeantIsCounted) {
  TellAll(postgres_.Run(1, {Insert(1)}));
  Ran ran = postgres_.Run(1, {Insert(1)});  // 23505
  ran.outcome.effects = {{.sqlstate = "57014"}};
  TellAll(ran);
  EXPECT_EQ(Illegal(), "");
  EXPECT_EQ(oracle_.counts().failed, 1u);
}

// Without a right on the session table nothing else is even tried.
TEST_F(OracleTest, ARefusedFirstStatementIsCountedWithTheServersWords) {
  TellAll(postgres_.Run(1, {Insert(1)}));
  Ran ran = postgres_.Run(1, {Insert(1)});  // 23505
  ran.outcome.xid = {};
  ran.outcome.effects = {{.sqlstate = "25P02"}};
  ran.outcome.error = "permission denied for table session";
  TellAll(ran);
  EXPECT_EQ(Illegal(), "");
  EXPECT_EQ(oracle_.counts().failed, 1u);
  EXPECT_THAT(oracle_.first_failure(), HasSubstr(": permission denied for table session"));
}

// ---- what Postgres may not do ----

TEST_F(OracleTest, ACommitOfWhatShouldHaveRolledBackIsIllegal) {
  Ran ran = postgres_.Run(1, {Insert(1)});
  ran.script.end = ScriptEnd::kRollback;
  TellAll(ran);
  EXPECT_EQ(Illegal(), "Postgres committed what should have rolled back");
  EXPECT_EQ(oracle_.illegal_effect()->id, ran.script.id);
  EXPECT_EQ(oracle_.illegal_effect()->xid, ran.record.xid);
  EXPECT_EQ(oracle_.illegal_effect()->end_lsn, ran.record.end_lsn);
}

TEST_F(OracleTest, WrongRowsNameOperationTableAndKey) {
  Ran ran = postgres_.Run(1, {Insert(1), SetA(1, "x")});
  ran.outcome.effects[1].rows = 0;
  TellAll(ran);
  EXPECT_EQ(Illegal(), "operation 2 (UPDATE items {id=1}): expected 1 rows, Postgres did 0 rows");
}

TEST_F(OracleTest, AWrongSqlstateNamesBoth) {
  Ran ran = postgres_.Run(1, {Insert(1), Insert(1)});
  ASSERT_FALSE(ran.committed());
  ran.outcome.effects[1].sqlstate = "23503";
  TellAll(ran);
  EXPECT_EQ(Illegal(),
            "operation 2 (INSERT INTO items {id=1}): expected SQLSTATE 23505, Postgres did "
            "SQLSTATE 23503");
}

TEST_F(OracleTest, EachKindOfOperationIsNamed) {
  const std::vector<std::pair<model::Operation, std::string>> kinds = {
      {UpsertA(5, "x"), "INSERT ... ON CONFLICT INTO items {id=5}"},
      {SetId(5, 6), "UPDATE items {id=5}"},
      {Delete(5), "DELETE FROM items {id=5}"},
      {model::Savepoint{}, "SAVEPOINT"},
  };
  for (const auto& [operation, text] : kinds) {
    Oracle oracle(MakeSmallCatalog());
    Ran ran = PretendedPostgres().Run(1, {operation});
    ran.outcome.effects[0].rows += 2;
    Tell(oracle, ran);
    oracle.Advance(std::nullopt);
    ASSERT_TRUE(oracle.illegal_effect()) << text;
    EXPECT_THAT(oracle.illegal_effect()->message, HasSubstr("(" + text + ")"));
  }
}

TEST_F(OracleTest, MissingEffectsAreIllegal) {
  Ran ran = postgres_.Run(1, {Insert(1), Insert(2)});
  ran.outcome.effects.pop_back();
  TellAll(ran);
  EXPECT_EQ(Illegal(), "1 effects reported for 2 operations");
}

TEST_F(OracleTest, AnOutcomeInDoubtNeedsNoEffects) {
  Ran ran = postgres_.Run(1, {Insert(1)});
  ran.outcome.was_in_doubt = true;
  ran.outcome.effects.clear();
  TellAll(ran);
  EXPECT_EQ(Illegal(), "");
  EXPECT_EQ(Replayed(), Ids{1});
  EXPECT_EQ(oracle_.counts().committed, 1u);
}

TEST_F(OracleTest, TheFirstIllegalEffectIsKept) {
  for (std::uint32_t session : {1, 2}) {
    Ran ran = postgres_.Run(session, {Insert(session)});
    ran.outcome.effects.clear();
    TellAll(ran);
  }
  EXPECT_EQ(oracle_.illegal_effect()->id, model::TransactionId{1});
}

TEST_F(OracleTest, NoListenerIsJudgedByACommitThatIsIllegal) {
  TellAll(postgres_.Run(1, {Insert(1)}));
  Ran ran = postgres_.Run(2, {Insert(2)});
  ran.outcome.effects.clear();
  TellAll(ran);
  TellAll(postgres_.Run(1, {Insert(3)}));
  EXPECT_EQ(oracle_.frontier(), Lsn{ran.record.end_lsn.value - 1});
  EXPECT_EQ(oracle_.scripts_waiting(), 0u);
}

TEST_F(OracleTest, CommitsOfASessionInAnotherOrderThanItsScriptsAreIllegal) {
  const Ran first = postgres_.Run(1, {}), second = postgres_.Run(1, {});
  for (const Ran& ran : {first, second}) EXPECT_TRUE(Script(ran) && Outcome(ran));
  Wal({second.record.xid, first.record.end_lsn});
  Wal({first.record.xid, second.record.end_lsn});
  Advance();
  EXPECT_THAT(Illegal(), HasSubstr("before transaction 1 of the same session"));
  EXPECT_EQ(oracle_.illegal_effect()->id, model::TransactionId{2});
}

// ---- xids that a server gives again after a crash ----

class OracleXidTest : public OracleTest {
 protected:
  // Of another session, committed with the same xid.
  OracleXidTest() {
    committed_.outcome.xid = rolled_back_.outcome.xid;
    committed_.record.xid = model::Low(committed_.outcome.xid);
    for (model::Effect& effect : committed_.outcome.effects)
      effect.written_by = committed_.record.xid;
    EXPECT_TRUE(Script(rolled_back_) && Script(committed_));
  }
  void ExpectBoth() {
    oracle_.OnSettled(committed_.record.end_lsn);
    Advance();
    EXPECT_EQ(Illegal(), "");
    EXPECT_EQ(Replayed(), Ids{2});
    EXPECT_EQ(oracle_.counts().rolled_back, 1u);
    EXPECT_EQ(oracle_.FindTransaction(committed_.record.xid), committed_.script.id);
  }

  const Ran rolled_back_ = postgres_.Run(1, {Insert(1)}, ScriptEnd::kRollback);
  Ran committed_ = postgres_.Run(2, {Insert(2)});
};

TEST_F(OracleXidTest, TheCommitHasIt) {
  EXPECT_TRUE(Outcome(rolled_back_) && Outcome(committed_));
  Wal(committed_);
  ExpectBoth();
}

TEST_F(OracleXidTest, AlsoWhenTheRollbackIsHeardOfLater) {
  EXPECT_TRUE(Outcome(committed_) && Outcome(rolled_back_));
  Wal(committed_);
  ExpectBoth();
}

TEST_F(OracleXidTest, AlsoWhenTheWalIsReadBeforeItsOutcomeCame) {
  EXPECT_TRUE(Outcome(rolled_back_));
  Wal(committed_);
  Advance();
  EXPECT_EQ(Replayed(), Ids{});
  EXPECT_TRUE(Outcome(committed_));
  ExpectBoth();
}

TEST_F(OracleXidTest, NoTwoCommitsHaveIt) {
  EXPECT_TRUE(Outcome(committed_));
  Ran third = postgres_.Run(3, {Insert(3)});
  third.outcome.xid = committed_.outcome.xid;
  EXPECT_TRUE(Script(third));
  EXPECT_FALSE(Outcome(third));
}

TEST_F(OracleXidTest, ACommitThatNoOutcomeTellsOfIsSomebodyElses) {
  EXPECT_TRUE(Outcome(rolled_back_));
  Wal(committed_);
  Advance();
  EXPECT_FALSE(oracle_.IsForeign(committed_.record));
  oracle_.OnSettled(committed_.record.end_lsn);
  Advance();
  EXPECT_TRUE(oracle_.IsForeign(committed_.record));
  EXPECT_EQ(oracle_.FindTransaction(committed_.record.xid), rolled_back_.script.id);
  EXPECT_EQ(Illegal(), "");
}

// ---- frontier, barriers ----

TEST_F(OracleTest, TheFrontierFollowsTheWalThatWasRead) {
  Scanned({500});
  Advance();
  EXPECT_EQ(oracle_.frontier(), Lsn{500});
  Scanned({400});
  Advance();
  EXPECT_EQ(oracle_.frontier(), Lsn{500});
}

TEST_F(OracleTest, AdvanceStopsAtABarrier) {
  const Ran before = postgres_.Run(1, {Insert(1)}), after = postgres_.Run(1, {Insert(2)});
  for (const Ran& ran : {before, after}) {
    EXPECT_TRUE(Script(ran) && Outcome(ran));
    Wal(ran);
  }
  Advance(Lsn{before.record.end_lsn.value + 3});
  EXPECT_EQ(Replayed(), Ids{1});
  EXPECT_EQ(oracle_.frontier(), Lsn{before.record.end_lsn.value + 3});
  EXPECT_EQ(oracle_.expected().digest(), before.digest);
  Advance(after.record.end_lsn);  // at the barrier, not above it
  EXPECT_EQ(Replayed(), (Ids{1, 2}));
  EXPECT_EQ(oracle_.frontier(), after.record.end_lsn);
}

// ---- writers ----

class OracleWriterTest : public OracleTest {
 protected:
  std::uint32_t Writer(std::int64_t id) {
    return oracle_.WrittenBy(kItems, ItemKey(id)).value_or(model::Xid{}).value;
  }
};

TEST_F(OracleWriterTest, InsertsUpdatesAndUpsertsWrite) {
  TellAll(postgres_.Run(1, {Insert(1), Insert(2), Insert(3)}));
  TellAll(postgres_.Run(1, {SetA(2, "x"), UpsertA(3, "y"), UpsertA(4, "z"), SetA(9, "none")}));
  EXPECT_EQ(Writer(1), 101u);
  EXPECT_EQ(Writer(2), 102u);
  EXPECT_EQ(Writer(3), 102u);
  EXPECT_EQ(Writer(4), 102u);
  EXPECT_EQ(Writer(9), 0u);
  EXPECT_EQ(oracle_.WrittenBy(model::kSessionTable, SessionKey(1)), model::Xid{102});
  EXPECT_EQ(oracle_.WrittenBy(model::kSessionTable, SessionKey(2)), std::nullopt);
}

TEST_F(OracleWriterTest, AKeyChangeWritesTheNewKeyAndLeavesTheOld) {
  TellAll(postgres_.Run(1, {Insert(1)}));
  TellAll(postgres_.Run(1, {SetId(1, 2)}));
  EXPECT_EQ(Writer(1), 0u);
  EXPECT_EQ(Writer(2), 102u);
}

TEST_F(OracleWriterTest, ADeletedRowHasNoWriter) {
  TellAll(postgres_.Run(1, {Insert(1)}));
  TellAll(postgres_.Run(1, {Delete(1)}));
  EXPECT_EQ(Writer(1), 0u);
}

TEST_F(OracleWriterTest, TheXidOfASavepointIsTheWriter) {
  Ran ran = postgres_.Run(1, {Insert(1), model::Savepoint{}, SetA(1, "x"), Insert(2)});
  ran.outcome.effects[2].written_by = ran.outcome.effects[3].written_by = {5001};
  TellAll(ran);
  EXPECT_EQ(Writer(1), 5001u);
  EXPECT_EQ(Writer(2), 5001u);
}

TEST_F(OracleWriterTest, InDoubtNobodyKnowsTheWriterButOfTheSessionRow) {
  TellAll(postgres_.Run(1, {Insert(1)}));
  Ran ran = postgres_.Run(1, {SetA(1, "x")});
  ran.outcome.was_in_doubt = true;
  ran.outcome.effects.clear();
  TellAll(ran);
  EXPECT_EQ(Writer(1), 0u);
  EXPECT_EQ(oracle_.WrittenBy(model::kSessionTable, SessionKey(1)), model::Xid{102});
}

// ---- looking back ----

TEST_F(OracleTest, RowsOfThePastStayUntilForgotten) {
  const Ran insert = postgres_.Run(1, {Insert(1, "old")});
  const Ran update = postgres_.Run(1, {SetA(1, "new")});
  TellAll(insert);
  TellAll(update);
  const auto row = [&](Lsn lsn) {
    return oracle_.history().RowAfter(lsn, oracle_.expected(), kItems, ItemKey(1));
  };
  EXPECT_EQ(row(insert.record.end_lsn), Item(1, "old", "b"));
  EXPECT_EQ(row(update.record.end_lsn), Item(1, "new", "b"));
  ASSERT_NE(oracle_.history().ImagesAt(insert.record.end_lsn), nullptr);
  oracle_.Forget(insert.record.end_lsn);
  EXPECT_EQ(oracle_.history().size(), 1u);
}

TEST_F(OracleTest, TransactionsAreFoundByXidWhateverBecameOfThem) {
  TellAll(postgres_.Run(1, {}));
  TellAll(postgres_.Run(1, {}, ScriptEnd::kRollback));
  EXPECT_EQ(oracle_.FindTransaction({101}), model::TransactionId{1});
  EXPECT_EQ(oracle_.FindTransaction({102}), model::TransactionId{2});
  EXPECT_EQ(oracle_.FindTransaction({103}), std::nullopt);
}

TEST_F(OracleTest, OnlyTheLatestThatEndedAreRememberedByXid) {
  constexpr std::uint64_t kMore = 100;
  for (std::uint64_t id = 1; id <= Oracle::kRememberedXids + kMore; ++id) {
    Tell(oracle_, postgres_.Run(1, {}, ScriptEnd::kRollback));
    oracle_.Advance(std::nullopt);
  }
  EXPECT_EQ(oracle_.FindTransaction({static_cast<std::uint32_t>(100 + kMore)}), std::nullopt);
  EXPECT_NE(oracle_.FindTransaction({static_cast<std::uint32_t>(101 + kMore)}), std::nullopt);
}

TEST_F(OracleTest, TheOneThatHasAnXidNowIsNotForgottenWithTheOneThatHadIt) {
  Tell(oracle_, postgres_.Run(1, {}, ScriptEnd::kRollback));
  Ran again = postgres_.Run(2, {});
  again.outcome.xid = {101};
  again.record.xid = {101};
  EXPECT_TRUE(Script(again) && Outcome(again));
  for (std::uint64_t i = 0; i < Oracle::kRememberedXids; ++i) {
    Tell(oracle_, postgres_.Run(1, {}, ScriptEnd::kRollback));
    oracle_.Advance(std::nullopt);
  }
  EXPECT_EQ(oracle_.FindTransaction({101}), again.script.id);
}

TEST_F(OracleTest, AnyNumberMayWaitForTheWal) {
  const std::size_t count = Oracle::kRememberedXids + 10;
  std::vector<Ran> all;
  for (std::size_t i = 0; i < count; ++i) {
    all.push_back(postgres_.Run(1, {}));
    ASSERT_TRUE(Script(all.back()) && Outcome(all.back()));
  }
  for (const Ran& ran : all) Wal(ran);
  Advance();
  EXPECT_EQ(made_.size(), count);
}

TEST_F(OracleTest, TheOldestWithoutOutcomeIsNamed) {
  const Ran first = postgres_.Run(2, {}), second = postgres_.Run(1, {}),
            third = postgres_.Run(2, {});
  EXPECT_EQ(oracle_.OldestWithoutOutcome(), std::nullopt);
  for (const Ran& ran : {first, second, third}) EXPECT_TRUE(Script(ran));
  EXPECT_EQ(oracle_.OldestWithoutOutcome(), model::TransactionId{1});
  EXPECT_TRUE(Outcome(first));
  EXPECT_EQ(oracle_.OldestWithoutOutcome(), model::TransactionId{2});
}

}  // namespace
}  // namespace lockstep::verifier
