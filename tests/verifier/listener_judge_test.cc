// What a listener says, held against what is expected: agreement, and each way to disagree.
#include "verifier/listener_judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/verifier/small_run.h"

namespace lockstep::verifier {
namespace {

using model::Lsn;
using model::VerdictKind;
using ::testing::HasSubstr;

class ListenerJudgeTest : public testing::Test {
 protected:
  ListenerJudgeTest() { Attach({1000}, initial_); }

  void Attach(Lsn consistent_point, model::Digest digest) {
    judge_.emplace(oracle_.AddView({}), initial_);
    for (const Expectation& expectation : made_) judge_->OnExpectation(expectation);
    judge_->OnHello({.listener = "listener-1",
                     .plugin = "decoderbufs",
                     .slot = "s",
                     .consistent_point = consistent_point,
                     .digest = digest,
                     .blind_tables = blind_tables_});
  }

  // A transaction of the run, of which the verifier knows.
  Ran Commit(std::uint32_t session = 1) {
    Ran ran = postgres_.Run(session, {Insert(++last_item_)});
    Know(ran);
    return ran;
  }
  void Know(const Ran& ran) {
    Tell(oracle_, ran);
    Expect();
  }
  model::CommitRecord CommitForeign() {
    const model::CommitRecord record = postgres_.CommitForeign();
    Tell(oracle_, record);
    Expect();
    return record;
  }
  void Expect() {
    oracle_.Advance(std::nullopt);
    for (const Expectation& expectation : oracle_.TakeExpectations()) {
      made_.push_back(expectation);
      judge_->OnExpectation(expectation);
    }
  }

  // What the listener says.
  static wire::Commit Of(const Ran& ran) {
    return {.xid = ran.record.xid,
            .end_lsn = ran.record.end_lsn,
            .digest = ran.digest,
            .changes_digest = ran.changes,
            .changes = 3,
            .run_changes = 2};
  }
  void Report(const wire::Commit& commit) {
    judge_->OnCommit(commit);
    Judge();
  }
  void Report(const Ran& ran) { Report(Of(ran)); }
  void ReportForeign(const model::CommitRecord& record, model::Digest digest) {
    Report({.xid = record.xid, .end_lsn = record.end_lsn, .digest = digest, .changes = 1});
  }
  void Position(Lsn received) {
    judge_->OnPosition({.received = received});
    Judge();
  }
  void Misfit(const Ran& ran) {
    judge_->OnMisfit({.xid = ran.record.xid,
                      .end_lsn = ran.record.end_lsn,
                      .table = "items",
                      .message = "no such row",
                      .key = ItemKey(1)});
    Judge();
  }
  // Whatever happens, judged() does not go back, and not beyond the finding.
  void Judge() {
    const Lsn before = judge_->judged();
    judge_->Judge(oracle_);
    EXPECT_GE(judge_->judged(), before);
    EXPECT_LE(judge_->judged(), std::max(oracle_.frontier(), before));
    const bool has_finding = judge_->finding().has_value();
    EXPECT_TRUE(!has_finding || judge_->judged() < judge_->finding()->end_lsn);
  }

  // The finding is of this kind and names this commit.
  void ExpectFinding(VerdictKind kind, const Ran& ran, const std::string& reason,
                     bool rows_differ) const {
    ASSERT_TRUE(judge_->finding());
    EXPECT_EQ(judge_->finding()->kind, kind);
    EXPECT_EQ(judge_->finding()->commit, ran.script.id);
    EXPECT_EQ(judge_->finding()->xid, ran.record.xid);
    EXPECT_THAT(judge_->finding()->reason, HasSubstr(reason));
    EXPECT_EQ(judge_->finding()->rows_differ, rows_differ);
  }
  void ExpectAgreement() const { EXPECT_FALSE(judge_->finding()) << judge_->finding()->reason; }

  PretendedPostgres postgres_;
  Oracle oracle_{MakeSmallCatalog()};
  std::vector<std::string> blind_tables_;
  const model::Digest initial_ = oracle_.expected().digest();
  std::vector<Expectation> made_;
  std::int64_t last_item_ = 0;
  std::optional<ListenerJudge> judge_;
};

TEST_F(ListenerJudgeTest, WhatIsAsExpectedIsCountedAndAccepted) {
  const Ran first = Commit(), second = Commit();
  Report(first);
  EXPECT_EQ(judge_->judged(), first.record.end_lsn);
  EXPECT_EQ(judge_->expectations_waiting(), 1u);
  Report(second);
  ExpectAgreement();
  EXPECT_EQ(judge_->judged(), second.record.end_lsn);
  EXPECT_EQ(judge_->expectations_waiting(), 0u);
  EXPECT_EQ(judge_->Result(), (model::ListenerResult{.id = "listener-1",
                                                     .plugin = "decoderbufs",
                                                     .transactions = 2,
                                                     .changes = 6,
                                                     .commits_checked = 2,
                                                     .end_lsn = second.record.end_lsn,
                                                     .digest = second.digest,
                                                     .joined = {1000}}));
}

TEST_F(ListenerJudgeTest, ACommitAheadOfTheOracleWaits) {
  const Ran ran = postgres_.Run(1, {Insert(1)});
  Report(ran);
  ExpectAgreement();
  EXPECT_LT(judge_->judged(), ran.record.end_lsn);
  EXPECT_EQ(judge_->Result().commits_checked, 0u);
  Know(ran);
  Judge();
  ExpectAgreement();
  EXPECT_EQ(judge_->Result().commits_checked, 1u);
}

TEST_F(ListenerJudgeTest, AnotherDigestDiverges) {
  const Ran good = Commit(), bad = Commit();
  Report(good);
  wire::Commit commit = Of(bad);
  commit.digest = good.digest;
  Report(commit);
  ExpectFinding(VerdictKind::kDiverged, bad, "its state has digest", true);
  EXPECT_EQ(judge_->finding()->end_lsn, bad.record.end_lsn);
  EXPECT_EQ(judge_->judged(), good.record.end_lsn);
  EXPECT_EQ(judge_->Result().digest, good.digest);
}

TEST_F(ListenerJudgeTest, TheFirstFindingIsKept) {
  const Ran first = Commit(), second = Commit();
  for (const Ran& ran : {first, second}) {
    wire::Commit commit = Of(ran);
    commit.digest = {};
    Report(commit);
  }
  ExpectFinding(VerdictKind::kDiverged, first, "digest", true);
}

TEST_F(ListenerJudgeTest, SwappedCommitsDivergeAtTheFirst) {
  const Ran first = Commit(1), second = Commit(2);
  wire::Commit early = Of(second);
  early.end_lsn = first.record.end_lsn;
  Report(early);
  ExpectFinding(VerdictKind::kDiverged, first, "where Postgres committed xid 101", true);
  EXPECT_EQ(judge_->finding()->end_lsn, first.record.end_lsn);
}

TEST_F(ListenerJudgeTest, ACommitUnderALaterLsnDiverges) {
  const Ran ran = Commit();
  const Ran next = Commit();
  wire::Commit late = Of(ran);
  ++late.end_lsn.value;
  Report(late);
  ExpectFinding(VerdictKind::kDiverged, ran, "which Postgres committed at 0/3F8", true);
}

TEST_F(ListenerJudgeTest, ADuplicateUnderALaterLsnDivergesAndNamesItsTransaction) {
  const Ran ran = Commit();
  Report(ran);
  wire::Commit again = Of(ran);
  ++again.end_lsn.value;
  Report(again);
  ExpectAgreement();  // nothing is known of what ends there
  Commit();
  Judge();
  ExpectFinding(VerdictKind::kDiverged, ran, "where Postgres committed nothing of the run", true);
  EXPECT_EQ(judge_->finding()->end_lsn, again.end_lsn);
}

TEST_F(ListenerJudgeTest, ACommitReportedTwiceAtTheSameLsnDiverges) {
  const Ran ran = Commit();
  Report(ran);
  const Lsn judged = judge_->judged();
  judge_->OnCommit(Of(ran));
  judge_->Judge(oracle_);
  ExpectFinding(VerdictKind::kDiverged, ran, "after it had come to", false);
  EXPECT_EQ(judge_->judged(), judged);
}

TEST_F(ListenerJudgeTest, AnInventedCommitDivergesAndHasNoTransaction) {
  const Ran ran = Commit();
  Report(ran);
  Report({.xid = {4711}, .end_lsn = {ran.record.end_lsn.value + 1}, .run_changes = 1});
  Commit();
  Judge();
  ASSERT_TRUE(judge_->finding());
  EXPECT_EQ(judge_->finding()->kind, VerdictKind::kDiverged);
  EXPECT_EQ(judge_->finding()->commit, std::nullopt);
  EXPECT_EQ(judge_->finding()->xid, model::Xid{4711});
}

TEST_F(ListenerJudgeTest, ALaterCommitProvesThatOneIsMissing) {
  const Ran lost = Commit(), next = Commit();
  Report(next);
  ExpectFinding(VerdictKind::kMissing, lost, "it went on with the commit at", false);
  EXPECT_EQ(judge_->finding()->end_lsn, lost.record.end_lsn);
}

TEST_F(ListenerJudgeTest, APositionProvesThatOneIsMissing) {
  const Ran lost = Commit();
  Position({lost.record.end_lsn.value - 1});
  ExpectAgreement();
  Position(lost.record.end_lsn);
  ExpectFinding(VerdictKind::kMissing, lost, "it has received everything up to", false);
}

TEST_F(ListenerJudgeTest, NothingIsMissingBeyondTheFrontier) {
  const Ran ran = postgres_.Run(1, {Insert(1)});
  const Ran later = postgres_.Run(1, {Insert(2)});
  Position(later.record.end_lsn);
  ExpectAgreement();
  oracle_.OnScript(ran.script, 1);
  oracle_.OnOutcome(ran.outcome);
  Expect();
  Judge();
  ExpectAgreement();
  Tell(oracle_, ran.record);
  Expect();
  Judge();
  ExpectFinding(VerdictKind::kMissing, ran, "did not come", false);
}

TEST_F(ListenerJudgeTest, NothingIsMissingWhileReportsWait) {
  const Ran ran = Commit();
  const Ran ahead = postgres_.Run(2, {Insert(50)});
  judge_->OnCommit(Of(ran));
  judge_->OnCommit(Of(ahead));
  Position(ahead.record.end_lsn);
  ExpectAgreement();
  EXPECT_EQ(judge_->judged(), ran.record.end_lsn);
}

TEST_F(ListenerJudgeTest, AMissingCommitComesBeforeTheMisfitThatFollowsFromIt) {
  const Ran lost = Commit(), next = Commit();
  Misfit(next);
  ExpectFinding(VerdictKind::kMissing, lost, "it went on", false);
}

TEST_F(ListenerJudgeTest, AMisfitDiverges) {
  const Ran ran = Commit();
  Misfit(ran);
  ExpectFinding(VerdictKind::kDiverged, ran, "a change does not fit its copy: no such row", true);
  ASSERT_TRUE(judge_->finding()->misfit);
  EXPECT_EQ(judge_->finding()->misfit->key, ItemKey(1));
}

TEST_F(ListenerJudgeTest, ForeignCommitsAreCountedAndAccepted) {
  const Ran first = Commit();
  const model::CommitRecord foreign = CommitForeign();
  const Ran second = Commit();
  Report(first);
  ReportForeign(foreign, first.digest);
  EXPECT_EQ(judge_->judged(), foreign.end_lsn);
  Report(second);
  ExpectAgreement();
  EXPECT_EQ(judge_->Result().foreign, 1u);
  EXPECT_EQ(judge_->Result().commits_checked, 2u);
  EXPECT_EQ(judge_->Result().transactions, 3u);
}

TEST_F(ListenerJudgeTest, AForeignCommitThatNobodyReportsIsNotMissing) {
  const model::CommitRecord foreign = CommitForeign();
  Position(foreign.end_lsn);
  ExpectAgreement();
  EXPECT_EQ(judge_->judged(), foreign.end_lsn);
}

TEST_F(ListenerJudgeTest, AForeignCommitThatChangesTheStateDiverges) {
  ReportForeign(CommitForeign(), {1, 2});
  ASSERT_TRUE(judge_->finding());
  EXPECT_EQ(judge_->finding()->commit, std::nullopt);
  EXPECT_THAT(judge_->finding()->reason, HasSubstr("another digest after the foreign commit"));
}

TEST_F(ListenerJudgeTest, ACommitOfWhatWasReportedAsRolledBackIsNamed) {
  Ran ran = postgres_.Run(1, {Insert(++last_item_)});
  ran.outcome.fate = model::Fate::kRolledBack;
  Tell(oracle_, ran);
  Tell(oracle_, ran.record);
  Expect();
  Report(ran);
  ExpectFinding(
      VerdictKind::kDiverged, ran,
      "transaction 1, which the applier reports as rolled back, or somebody else (xid 101", true);
}

TEST_F(ListenerJudgeTest, ARunsCommitThatClaimsToBeForeignIsStillCompared) {
  const Ran ran = Commit();
  ReportForeign(ran.record, initial_);
  ExpectFinding(VerdictKind::kDiverged, ran, "its state has digest", true);
}

TEST_F(ListenerJudgeTest, APositionAheadOfTheFrontierAcceptsUpToTheFrontier) {
  const Ran ran = Commit();
  Report(ran);
  Position({ran.record.end_lsn.value + 5000});
  EXPECT_EQ(judge_->judged(), oracle_.frontier());
  Position({1});  // an old one changes nothing
  ExpectAgreement();
  const model::CommitRecord foreign = CommitForeign();
  Judge();
  EXPECT_EQ(judge_->judged(), foreign.end_lsn);
}

TEST_F(ListenerJudgeTest, AttachedInTheMiddleItIsJudgedFromThere) {
  const Ran before = Commit(), at = Commit();
  Attach(at.record.end_lsn, at.digest);
  const Ran after = Commit();
  Report(after);
  ExpectAgreement();
  EXPECT_EQ(judge_->Result().commits_checked, 1u);
  EXPECT_EQ(judge_->judged(), after.record.end_lsn);
}

TEST_F(ListenerJudgeTest, AttachedBetweenTwoCommitsItHoldsTheStateOfTheEarlier) {
  const Ran ran = Commit();
  Attach({ran.record.end_lsn.value + 4}, ran.digest);
  Commit();
  Judge();
  ExpectAgreement();
}

TEST_F(ListenerJudgeTest, AttachedWithAnotherStateItDiverges) {
  const Ran before = Commit(), at = Commit();
  Attach(at.record.end_lsn, before.digest);
  Judge();
  ASSERT_TRUE(judge_->finding());
  EXPECT_EQ(judge_->finding()->kind, VerdictKind::kDiverged);
  EXPECT_EQ(judge_->finding()->end_lsn, at.record.end_lsn);
  EXPECT_THAT(judge_->finding()->reason, HasSubstr("its copy at the consistent point"));
  EXPECT_FALSE(judge_->judged().IsValid());
}

TEST_F(ListenerJudgeTest, NothingIsAcceptedBeforeTheStateAtTheConsistentPointIsJudged) {
  Attach({5000}, {1, 2});
  oracle_.OnCommitRecords({}, {3000});
  oracle_.Advance(std::nullopt);
  Position({6000});
  EXPECT_FALSE(judge_->judged().IsValid());
  EXPECT_FALSE(judge_->HasAgreedUpTo({1000}));
  oracle_.OnCommitRecords({}, {5000});
  oracle_.Advance(std::nullopt);
  Judge();
  EXPECT_TRUE(judge_->finding());
}

TEST_F(ListenerJudgeTest, ACommitBelowTheConsistentPointDiverges) {
  const Ran ran = Commit();
  Attach(ran.record.end_lsn, ran.digest);
  Judge();
  judge_->OnCommit(Of(ran));
  judge_->Judge(oracle_);
  ExpectFinding(VerdictKind::kDiverged, ran, "after it had come to", false);
}

TEST_F(ListenerJudgeTest, AgreementNeedsTheListenersWordThatThereIsNothingMore) {
  const Ran ran = Commit();
  const Lsn end = ran.record.end_lsn;
  EXPECT_FALSE(judge_->HasAgreedUpTo(end));
  Report(ran);
  EXPECT_FALSE(judge_->HasAgreedUpTo(end));  // a second report of it may still be on its way
  Position(end);
  EXPECT_TRUE(judge_->HasAgreedUpTo(end));
  EXPECT_FALSE(judge_->HasAgreedUpTo({end.value + 1}));
  wire::Commit again = Of(ran);
  ++again.end_lsn.value;
  Report(again);
  EXPECT_FALSE(judge_->HasAgreedUpTo(end));
}

}  // namespace
}  // namespace lockstep::verifier
