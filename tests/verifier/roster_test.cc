// Listeners that come, go and lag in the middle of a run, as the referee deals with them.
#include "verifier/roster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/verifier/referee_fixture.h"

namespace lockstep::verifier {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RosterTest : public RefereeTest {
 protected:
  const model::ListenerResult& ResultOf(std::size_t number) const {
    return referee_.verdict()->listeners.at(number);
  }
};

// ---- leaving ----

TEST_F(RosterTest, OneThatLeavesIsJudgedForWhatItSaidAndTheRunGoesOn) {
  Begin(2);
  Transaction(1);
  Transaction(2);
  Report("l2", 1);
  Leave("l2", 1);
  Report("l1", 1);
  Report("l1", 2);
  ReportAllUpTo("l1", 2);
  EndOfScripts(2);
  ASSERT_TRUE(Is(VerdictKind::kConverged)) << Reason();
  ASSERT_EQ(referee_.verdict()->listeners.size(), 2u);
  EXPECT_EQ(ResultOf(0).id, "l2");
  EXPECT_EQ(ResultOf(0).commits_checked, 1u);
  EXPECT_EQ(ResultOf(0).joined, Lsn{10});
  EXPECT_EQ(ResultOf(0).left, EndOf(1));
  EXPECT_FALSE(ResultOf(0).lost);
  EXPECT_EQ(ResultOf(1).id, "l1");
  EXPECT_EQ(ResultOf(1).left, Lsn{});
}

TEST_F(RosterTest, OneThatLeavesAheadOfTheOracleIsJudgedWhenThatIsThere) {
  Begin(2);
  Transaction(1);
  Say("l2", wire::Commit{XidOf(2), EndOf(2), initial_, {}, 2, 2});  // wrong, as will be seen
  Leave("l2", 2);
  Report("l1", 1);
  EXPECT_FALSE(referee_.investigation());
  Transaction(2);
  ASSERT_TRUE(referee_.investigation());
  EXPECT_EQ(referee_.investigation()->listener, "l2");
  EXPECT_THAT(referee_.investigation()->finding.reason, HasSubstr("transaction 1"));
  EXPECT_TRUE(referee_.IsReadyToConclude());  // nobody is there to be asked
  EXPECT_THAT(Take<wire::RowsRequest>(), IsEmpty());
}

TEST_F(RosterTest, OneThatLeavesWithoutACommitThatItPassedIsFoundMissingIt) {
  Begin(2);
  Transaction(1);
  Leave("l2", 1);
  ASSERT_TRUE(referee_.investigation());
  EXPECT_EQ(referee_.investigation()->finding.kind, VerdictKind::kMissing);
}

TEST_F(RosterTest, CreditGoesOnWhenAllHaveLeft) {
  Begin(2);
  (void)referee_.TakeLetters();
  Leave("l1", 0);
  Leave("l2", 0);
  Transaction(1);
  EXPECT_THAT(Receivers<wire::Credit>(), ElementsAre("generator"));
}

TEST_F(RosterTest, WithoutAnybodyJudgedThereIsNoVerdict) {
  Begin(2);
  Leave("l1", 0);
  Leave("l2", 0);
  Transaction(1);
  EndOfScripts(1);
  EXPECT_TRUE(Is(VerdictKind::kInconclusive));
  EXPECT_THAT(Reason(), HasSubstr("every listener left before the end"));
}

TEST_F(RosterTest, WhatWasJudgedOfThoseThatLeftIsEnough) {
  Begin(2);
  Transaction(1);
  Report("l1", 1);
  Leave("l1", 1);
  Leave("l2", 0);
  Transaction(2);
  EndOfScripts(2);
  EXPECT_TRUE(Is(VerdictKind::kConverged)) << Reason();
}

TEST_F(RosterTest, OneThatLeavesBeforeItHasAttachedIsWaitedForNoLonger) {
  Begin(2);
  Transaction(1);
  for (const char* listener : {"l1", "l2"}) {
    Report(listener, 1);
    ReportAllUpTo(listener, 1);
  }
  Join("l3");
  EndOfScripts(1);
  ASSERT_FALSE(referee_.verdict()) << Reason();
  Leave("l3", 0);
  ASSERT_TRUE(Is(VerdictKind::kConverged)) << Reason();
  EXPECT_EQ(referee_.verdict()->listeners.size(), 2u);
}

// ---- joining in the middle ----

TEST_F(RosterTest, OneThatJoinsInTheMiddleIsJudgedFromItsConsistentPoint) {
  Begin(2);
  Transaction(1);
  Join("l3");
  EXPECT_THAT(Receivers<wire::Attach>(), ElementsAre("l1", "l2", "l3"));
  Transaction(2);  // while it attaches: nobody waits
  for (const char* listener : {"l1", "l2"}) {
    Report(listener, 1);
    Report(listener, 2);
  }
  EXPECT_THAT(Take<wire::Credit>().back().second, (wire::Credit{10, 1'000'020}));
  Transaction(3);
  GreetAfter("l3", 2);
  for (const char* listener : {"l1", "l2", "l3"}) {
    Report(listener, 3);
    ReportAllUpTo(listener, 3);
  }
  EndOfScripts(3);
  ASSERT_TRUE(Is(VerdictKind::kConverged)) << Reason();
  EXPECT_EQ(ResultOf(2).joined, EndOf(2));
  EXPECT_EQ(ResultOf(2).commits_checked, 1u);
}

TEST_F(RosterTest, OneThatJoinsWithAWrongCopyHasDiverged) {
  Begin(2);
  Transaction(1);
  Join("l3");
  Transaction(2);
  GreetAt("l3", EndOf(2), digests_[0]);  // without transaction 2
  ASSERT_TRUE(referee_.investigation());
  EXPECT_THAT(referee_.investigation()->finding.reason, HasSubstr("its copy at the consistent"));
}

TEST_F(RosterTest, AtTheEndOneThatAttachesIsWaitedFor) {
  Begin(2);
  Transaction(1);
  for (const char* listener : {"l1", "l2"}) {
    Report(listener, 1);
    ReportAllUpTo(listener, 1);
  }
  Join("l3");
  EndOfScripts(1);
  EXPECT_FALSE(referee_.verdict());
  EXPECT_THAT(referee_.WhoseTurn(), HasSubstr("l3: it has not attached"));
  GreetAfter("l3", 1);
  ReportAllUpTo("l3", 1);
  EXPECT_TRUE(Is(VerdictKind::kConverged)) << Reason();
}

// ---- lost ----

TEST_F(RosterTest, OneThatIsSilentForTooLongIsToldAndNamed) {
  Begin(2);
  Transaction(1);
  Report("l1", 1);
  ReportAllUpTo("l1", 1);
  MissForLong("l2");
  EXPECT_THAT(Receivers<wire::Leave>(), ElementsAre("l2"));
  EndOfScripts(1);
  ASSERT_TRUE(Is(VerdictKind::kInconclusive));
  EXPECT_THAT(Reason(), HasSubstr("l2 was lost after 0/A without a word"));
  EXPECT_TRUE(ResultOf(0).lost);
}

// It would take it for itself, and join twice.
TEST_F(RosterTest, OneThatWasStartedAgainIsNotToldToLeave) {
  Begin(2);
  Restart("l2");
  EXPECT_THAT(Take<wire::Leave>(), IsEmpty());
}

TEST_F(RosterTest, OneThatComesBackIsJudgedAnew) {
  Begin(2);
  Transaction(1);
  Report("l1", 1);
  Restart("l2");
  Report("l2", 1);  // of the dead, on its way: nobody listens
  Join("l2");
  EXPECT_THAT(Receivers<wire::Attach>(), ElementsAre("l1", "l2", "l2"));
  Transaction(2);
  GreetAfter("l2", 1);
  for (const char* listener : {"l1", "l2"}) {
    Report(listener, 2);
    ReportAllUpTo(listener, 2);
  }
  EndOfScripts(2);
  ASSERT_TRUE(Is(VerdictKind::kConverged)) << Reason();
  EXPECT_THAT(Reason(), HasSubstr("l2 was lost after 0/A without a word, and came back"));
  ASSERT_EQ(referee_.verdict()->listeners.size(), 3u);
  EXPECT_EQ(ResultOf(2).joined, EndOf(1));
  EXPECT_EQ(ResultOf(2).commits_checked, 1u);
}

TEST_F(RosterTest, OnlyThoseThatOweAWordAreWatched) {
  Begin(2);
  EXPECT_THAT(referee_.Debtors(), IsEmpty());
  Transaction(1);
  Report("l1", 1);
  EXPECT_THAT(referee_.Debtors(), ElementsAre(std::pair("l2", true)));
  Join("l3");
  EXPECT_THAT(referee_.Debtors(), ElementsAre(std::pair("l2", true), std::pair("l3", false)));
}

// ---- lagging ----

class LaggardTest : public RefereeTest {
 protected:
  LaggardTest()
      : RefereeTest(RefereeOptions{.listeners = 2,
                                   .window = {.scripts = 8, .bytes = 1'000'000},
                                   .history = {.scripts = 3, .bytes = 1'000'000},
                                   .queue_bytes_max = 1}) {}
};

TEST_F(LaggardTest, OneThatStandsStillHoldsUpNobodyAndCatchesUp) {
  Begin(2);
  constexpr std::uint64_t kCount = 50;  // the window is 8
  for (std::uint64_t id = 1; id <= kCount; ++id) {
    Transaction(id);
    Report("l1", id);
  }
  EXPECT_EQ(Take<wire::Credit>().back().second.scripts, kCount + 8);
  EXPECT_EQ(referee_.oracle().history().size(), 3u);
  EndOfScripts(kCount);
  ReportAllUpTo("l1", kCount);
  EXPECT_FALSE(referee_.verdict());
  for (std::uint64_t id = 1; id <= kCount; ++id) Report("l2", id);
  ReportAllUpTo("l2", kCount);
  ASSERT_TRUE(Is(VerdictKind::kConverged)) << Reason();
  EXPECT_EQ(referee_.verdict()->listeners.at(1).commits_checked, kCount);
}

TEST_F(LaggardTest, ADifferenceFarBehindIsFoundWithoutRowsAndSaysSo) {
  Begin(2);
  for (std::uint64_t id = 1; id <= 9; ++id) {
    Transaction(id);
    Report("l1", id);
  }
  (void)referee_.TakeLetters();
  Say("l2", wire::Commit{XidOf(1), EndOf(1), initial_, {}, 2, 2});
  ASSERT_TRUE(referee_.investigation());
  EXPECT_THAT(Take<wire::RowsRequest>(), IsEmpty());
  EXPECT_THAT(referee_.investigation()->finding.reason,
              HasSubstr("kept only for commits after 0/258, so no row is shown"));
  EXPECT_TRUE(referee_.IsReadyToConclude());
}

}  // namespace
}  // namespace lockstep::verifier
