// Commits placed by what listeners report of them, within brackets; and what is said of listeners
// that report something else.
#include "verifier/bracket_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace lockstep::verifier {
namespace {

using model::CommitRecord;
using model::Lsn;
using model::VerdictKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kFirst = "listener-1";
const std::string kSecond = "listener-2";
const std::string kThird = "listener-3";

class BracketOrderTest : public testing::Test {
 protected:
  void Attach(int listeners) {
    for (int i = 1; i <= listeners; ++i)
      order_.OnListener("listener-" + std::to_string(i), Lsn{100});
  }
  // Transaction `xid` - 1000, committed in (before, after].
  bool Committed(std::uint32_t xid, std::uint64_t before, std::uint64_t after) {
    return order_.OnOutcome({.id = {xid - 1000},
                             .session = {1},
                             .xid = {xid},
                             .fate = model::Fate::kCommitted,
                             .bracket = model::CommitBracket{{before}, {after}}});
  }
  void Reports(const std::string& listener, std::uint32_t xid, std::uint64_t end_lsn) {
    order_.OnReport(listener, {xid}, {end_lsn});
  }
  void Received(const std::string& listener, std::uint64_t lsn) {
    order_.OnReceived(listener, {lsn});
  }
  void Settled(std::uint64_t lsn) { order_.OnSettled({lsn}); }
  static CommitRecord Record(std::uint32_t xid, std::uint64_t end_lsn) {
    return {{xid}, {end_lsn}};
  }
  // What has become certain; `certain()` is how far, then.
  std::vector<CommitRecord> Take() {
    BracketOrder::Batch batch = order_.Take();
    certain_ = batch.certain.value;
    return std::move(batch.commits);
  }
  std::uint64_t certain() const { return certain_; }
  // A judge's finding about `xid`, explained.
  Finding Explained(const std::string& listener, std::uint32_t xid,
                    VerdictKind kind = VerdictKind::kMissing) const {
    Finding finding{.kind = kind, .reason = "judged", .xid = {xid}};
    order_.Explain(listener, finding);
    return finding;
  }

  BracketOrder order_;
  std::uint64_t certain_ = 0;
};

TEST_F(BracketOrderTest, ACommitIsGivenOnceItIsReportedInItsBracketAndSettled) {
  Attach(1);
  EXPECT_TRUE(Committed(1001, 110, 150));
  Settled(200);
  EXPECT_THAT(Take(), IsEmpty());
  EXPECT_EQ(certain(), 110u);
  Reports(kFirst, 1001, 130);
  EXPECT_THAT(Take(), ElementsAre(Record(1001, 130)));
  EXPECT_EQ(certain(), 200u);
  EXPECT_THAT(Take(), IsEmpty());
}

TEST_F(BracketOrderTest, ReportsMayComeBeforeOutcomesAndOutcomesBeforeReports) {
  Attach(1);
  Reports(kFirst, 1002, 140);
  Reports(kFirst, 1001, 150);
  Committed(1001, 110, 160);
  Settled(125);
  EXPECT_THAT(Take(), IsEmpty());
  Committed(1002, 105, 160);
  Settled(200);
  EXPECT_THAT(Take(), ElementsAre(Record(1002, 140), Record(1001, 150)));
}

TEST_F(BracketOrderTest, NothingAboveASettledLsnIsCertain) {
  Attach(1);
  Committed(1001, 110, 150);
  Reports(kFirst, 1001, 130);
  Settled(129);
  EXPECT_THAT(Take(), IsEmpty());
  EXPECT_EQ(certain(), 129u);
  Settled(130);
  EXPECT_THAT(Take(), ElementsAre(Record(1001, 130)));
}

TEST_F(BracketOrderTest, ACommitThatMayLieBelowHoldsUpWhatIsAbove) {
  Attach(1);
  Committed(1001, 110, 190);
  Committed(1002, 120, 150);
  Settled(200);
  Reports(kFirst, 1002, 140);
  EXPECT_THAT(Take(), IsEmpty());
  EXPECT_EQ(certain(), 110u);
  Reports(kFirst, 1001, 180);
  EXPECT_THAT(Take(), ElementsAre(Record(1002, 140), Record(1001, 180)));
}

TEST_F(BracketOrderTest, ForeignAndRolledBackTransactionsHoldUpNothing) {
  Attach(1);
  Reports(kFirst, 77, 120);
  EXPECT_TRUE(order_.OnOutcome({.id = {5}, .xid = {1005}, .fate = model::Fate::kRolledBack}));
  Settled(200);
  EXPECT_THAT(Take(), IsEmpty());
  EXPECT_EQ(certain(), 200u);
}

TEST_F(BracketOrderTest, OutcomesThatCannotBeTrueAreRefused) {
  Attach(1);
  EXPECT_FALSE(order_.OnOutcome({.id = {1}, .xid = {1001}, .fate = model::Fate::kCommitted}));
  EXPECT_FALSE(Committed(1001, 150, 150));
  EXPECT_TRUE(Committed(1001, 110, 150));
  EXPECT_FALSE(Committed(1001, 110, 150));
  Settled(200);
  EXPECT_FALSE(Committed(1002, 120, 200));  // it would have come before
}

TEST_F(BracketOrderTest, AnOutcomeAfterSettledLiesAboveIt) {
  Attach(1);
  Settled(200);
  EXPECT_THAT(Take(), IsEmpty());
  Committed(1001, 150, 250);
  Reports(kFirst, 1001, 190);  // a lie
  Received(kFirst, 300);
  Settled(300);
  EXPECT_THAT(Take(), ElementsAre(Record(1001, 250)));
  EXPECT_THAT(Explained(kFirst, 1001).reason,
              HasSubstr("it reports transaction 1 (xid 1001) at 0/BE, but Postgres committed it "
                        "above 0/C8 and at 0/FA at the latest"));
}

TEST_F(BracketOrderTest, ACommitThatNobodyReportsIsPlacedWhereNobodyReportsAnything) {
  Attach(2);
  Committed(1001, 110, 150);
  Reports(kFirst, 77, 150);
  Settled(200);
  Received(kFirst, 180);
  Received(kSecond, 149);
  EXPECT_THAT(Take(), IsEmpty());
  EXPECT_THAT(order_.WhoseTurn(), HasSubstr("listener-2: it has not reported transaction 1"));
  Received(kSecond, 150);
  EXPECT_THAT(Take(), ElementsAre(Record(1001, 149)));
  EXPECT_EQ(order_.WhoseTurn(), "");
  const Finding finding = Explained(kFirst, 1001);
  EXPECT_EQ(finding.kind, VerdictKind::kMissing);
  EXPECT_EQ(finding.reason, "judged; Postgres committed it above 0/6E and at 0/96 at the latest");
}

TEST_F(BracketOrderTest, AListenerThatEndedIsNotWaitedFor) {
  Attach(1);
  Committed(1001, 110, 150);
  Settled(200);
  order_.OnEnd(kFirst);
  EXPECT_THAT(Take(), ElementsAre(Record(1001, 150)));
}

TEST_F(BracketOrderTest, OneOfTwoIsEnoughWhenTheOtherHasGoneBy) {
  Attach(2);
  Committed(1001, 110, 150);
  Settled(200);
  Reports(kSecond, 1001, 130);
  EXPECT_THAT(Take(), IsEmpty());
  Received(kSecond, 150);
  Received(kFirst, 150);
  EXPECT_THAT(Take(), ElementsAre(Record(1001, 130)));
  EXPECT_EQ(Explained(kFirst, 1001).kind, VerdictKind::kMissing);
}

TEST_F(BracketOrderTest, MoreThanHalfDecideAtOnceWhoeverCameFirst) {
  Attach(3);
  Committed(1001, 110, 150);
  Settled(200);
  Reports(kFirst, 1001, 140);
  Reports(kSecond, 1001, 130);
  EXPECT_THAT(Take(), IsEmpty());
  Reports(kThird, 1001, 130);
  EXPECT_THAT(Take(), ElementsAre(Record(1001, 130)));
  const Finding finding = Explained(kFirst, 1001);
  EXPECT_EQ(finding.kind, VerdictKind::kDiverged);
  EXPECT_EQ(finding.reason,
            "it reports transaction 1 (xid 1001) at 0/8C, but listener-2, listener-3 at 0/82");
  EXPECT_EQ(Explained(kSecond, 1001).reason, "judged");
}

TEST_F(BracketOrderTest, OfTwoThatContradictTheFirstCountsAndBothAreNamed) {
  Attach(2);
  Committed(1001, 110, 150);
  Settled(200);
  Reports(kSecond, 1001, 130);
  Reports(kFirst, 1001, 140);
  EXPECT_THAT(Take(), ElementsAre(Record(1001, 130)));
  EXPECT_EQ(Explained(kFirst, 1001).reason,
            "it reports transaction 1 (xid 1001) at 0/8C, but listener-2 at 0/82; both are "
            "possible, and only one can be true");
}

TEST_F(BracketOrderTest, AReportOutsideTheBracketIsNoVote) {
  Attach(2);
  Committed(1001, 110, 150);
  Settled(200);
  Reports(kFirst, 1001, 151);
  Reports(kSecond, 1001, 150);
  EXPECT_THAT(Take(), ElementsAre(Record(1001, 150)));
  EXPECT_EQ(Explained(kFirst, 1001).kind, VerdictKind::kDiverged);
  EXPECT_THAT(Explained(kFirst, 1001).reason, HasSubstr("at 0/96 at the latest"));
}

// One session's neighbours have brackets that do not overlap.
TEST_F(BracketOrderTest, NeighboursOfASessionCannotBeSwapped) {
  Attach(1);
  Committed(1001, 110, 130);
  Committed(1002, 130, 160);
  Settled(200);
  Reports(kFirst, 1002, 130);
  Reports(kFirst, 1001, 160);
  Received(kFirst, 200);
  EXPECT_THAT(Take(), ElementsAre(Record(1001, 129), Record(1002, 159)));
  EXPECT_EQ(Explained(kFirst, 1001).kind, VerdictKind::kDiverged);
  EXPECT_EQ(Explained(kFirst, 1002).kind, VerdictKind::kDiverged);
}

TEST_F(BracketOrderTest, TwoCommitsDoNotEndAtOneLsn) {
  Attach(1);
  Committed(1001, 110, 160);
  Committed(1002, 115, 160);
  Settled(200);
  Reports(kFirst, 1001, 130);
  Reports(kFirst, 1002, 130);
  Received(kFirst, 200);
  EXPECT_THAT(Take(), ElementsAre(Record(1001, 130), Record(1002, 160)));
  EXPECT_THAT(Explained(kFirst, 1002).reason, HasSubstr("it reports another commit there too"));
}

TEST_F(BracketOrderTest, ARepetitionChangesNothing) {
  Attach(1);
  Committed(1001, 110, 150);
  Settled(200);
  Reports(kFirst, 1001, 130);
  Reports(kFirst, 1001, 131);
  EXPECT_THAT(Take(), ElementsAre(Record(1001, 130)));
  EXPECT_EQ(Explained(kFirst, 1001, VerdictKind::kDiverged).reason, "judged");
}

TEST_F(BracketOrderTest, AListenerThatAttachesLateIsNotAskedForWhatItsCopyHolds) {
  Attach(1);
  Committed(1001, 110, 150);
  Settled(300);
  order_.OnListener(kSecond, Lsn{160});
  Reports(kFirst, 1001, 130);
  Received(kFirst, 150);
  EXPECT_THAT(Take(), ElementsAre(Record(1001, 130)));
}

class LaggardBracketsTest : public BracketOrderTest {
 protected:
  // `count` more commits; the first listener reports them, the second one stands still.
  void GoOn(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      ++last_;
      Committed(1000 + last_, 10 * last_ + 100, 10 * last_ + 110);
      Reports(kFirst, 1000 + last_, 10 * last_ + 105);
    }
    Settled(10 * last_ + 110);
  }
  void CatchUp() {
    for (std::uint32_t n = 1; n <= last_; ++n) Reports(kSecond, 1000 + n, 10 * n + 105);
  }
  std::uint32_t last_ = 0;
};

TEST_F(LaggardBracketsTest, OneThatLagsIsWaitedForAWhileAndThenNotUntilItHasCaughtUp) {
  Attach(2);
  GoOn(BracketOrder::kPatience);
  EXPECT_THAT(Take(), IsEmpty());
  GoOn(1);
  EXPECT_EQ(Take().size(), BracketOrder::kPatience);  // the last one's bracket is open yet
  GoOn(10);
  EXPECT_EQ(Take().size(), 11u);
  CatchUp();
  Received(kSecond, 10 * last_ + 110);
  EXPECT_THAT(Take(), IsEmpty());
  GoOn(1);
  EXPECT_THAT(Take(), IsEmpty());  // it counts again
  Reports(kSecond, 1000 + last_, 10 * last_ + 105);
  EXPECT_EQ(Take().size(), 1u);
}

TEST_F(LaggardBracketsTest, WhoIsGoneIsNotWaitedFor) {
  Attach(2);
  GoOn(3);
  EXPECT_THAT(Take(), IsEmpty());
  Received(kFirst, 10 * last_ + 110);
  order_.OnGone(kSecond);
  EXPECT_EQ(Take().size(), 3u);
  GoOn(1);
  EXPECT_EQ(Take().size(), 1u);
}

TEST_F(LaggardBracketsTest, WithNobodyLeftCommitsArePlacedUnlessSomebodyAttaches) {
  Attach(1);
  order_.OnGone(kFirst);
  Committed(1001, 110, 120);
  Settled(200);
  EXPECT_THAT(Take(), ElementsAre(Record(1001, 120)));
  order_.OnAttaching(kSecond);
  Committed(1002, 210, 220);
  Settled(300);
  EXPECT_THAT(Take(), IsEmpty());  // its consistent point may lie in the bracket
  order_.OnListener(kSecond, Lsn{205});
  EXPECT_THAT(Take(), IsEmpty());
  Reports(kSecond, 1002, 215);
  EXPECT_THAT(Take(), ElementsAre(Record(1002, 215)));
}

TEST_F(BracketOrderTest, WhatIsForgottenIsNotExplained) {
  Attach(1);
  Committed(1001, 110, 150);
  Settled(200);
  Reports(kFirst, 1001, 130);
  Take();
  order_.Forget(Lsn{129});
  EXPECT_NE(Explained(kSecond, 1001).reason, "judged");
  order_.Forget(Lsn{130});
  EXPECT_EQ(Explained(kSecond, 1001).reason, "judged");
}

}  // namespace
}  // namespace lockstep::verifier
