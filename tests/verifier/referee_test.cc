#include "verifier/referee.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/verifier/referee_fixture.h"

namespace lockstep::verifier {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// ---- the start ----

TEST_F(RefereeTest, TheCatalogGoesOnToTheApplierWhenTheCommitOrderIsChosen) {
  Say("generator", wire::CatalogMade{catalog_, 7});
  EXPECT_THAT(Receivers<wire::CatalogMade>(), IsEmpty());
  referee_.OnCommitOrder(model::CommitOrderSource::kWal);
  EXPECT_THAT(Take<wire::CatalogMade>(),
              ElementsAre(std::pair("applier", wire::CatalogMade{catalog_, 7})));
}

TEST_F(RefereeTest, WithoutTheWalTheApplierIsToldToBracket) {
  Say("generator", wire::CatalogMade{catalog_, 7});
  referee_.OnCommitOrder(model::CommitOrderSource::kBrackets);
  EXPECT_THAT(Take<wire::CatalogMade>(),
              ElementsAre(std::pair("applier", wire::CatalogMade{catalog_, 7, true})));
}

TEST_F(RefereeTest, AListenerAttachesOnlyWhenTheApplierIsReady) {
  Join("l1");  // before everybody else
  Say("generator", wire::CatalogMade{catalog_, 7});
  referee_.OnCommitOrder(model::CommitOrderSource::kWal);
  EXPECT_THAT(Receivers<wire::Attach>(), IsEmpty());
  Say("applier", wire::Ready{"15.20"});
  EXPECT_THAT(Receivers<wire::Attach>(), ElementsAre("l1"));
  Join("l2");
  EXPECT_THAT(Receivers<wire::Attach>(), ElementsAre("l2"));
  Join("l2");  // resent
  EXPECT_THAT(Receivers<wire::Attach>(), IsEmpty());
}

TEST_F(RefereeTest, CreditIsGivenWhenAllHaveAttached) {
  Say("generator", wire::CatalogMade{catalog_, 7});
  referee_.OnCommitOrder(model::CommitOrderSource::kWal);
  Say("applier", wire::Ready{"15.20"});
  Join("l1");
  Join("l2");
  Greet("l1");
  EXPECT_THAT(Take<wire::Credit>(), IsEmpty());
  Greet("l2");
  EXPECT_THAT(Take<wire::Credit>(),
              ElementsAre(std::pair("generator", wire::Credit{8, 1'000'000})));
}

// ---- judging, credit, acceptance ----

TEST_F(RefereeTest, CreditFollowsTheFastestListenerAcceptanceEachOne) {
  Begin(2);
  Transaction(1);
  EXPECT_EQ(Take<wire::Credit>().size(), 1u);  // the first one
  Report("l1", 1);
  auto letters = referee_.TakeLetters();
  ASSERT_EQ(letters.size(), 2u);
  EXPECT_EQ(letters[0].peer, "l1");
  EXPECT_EQ(std::get<wire::Accepted>(letters[0].message), wire::Accepted{EndOf(1)});
  EXPECT_EQ(std::get<wire::Credit>(letters[1].message), (wire::Credit{9, 1'000'010}));
  Report("l2", 1);
  EXPECT_THAT(Receivers<wire::Accepted>(), ElementsAre("l2"));
}

TEST_F(OneListener, ARolledBackScriptIsCreditedWithoutAListener) {
  Begin();
  (void)referee_.TakeLetters();
  model::Script script = ScriptOf(1);
  script.end = model::ScriptEnd::kRollback;
  Say("generator", script);
  model::Outcome outcome = OutcomeOf(1);
  outcome.fate = model::Fate::kRolledBack;
  EXPECT_THAT(Take<wire::Credit>(), IsEmpty());
  Say("applier", outcome);
  EXPECT_THAT(Receivers<wire::Credit>(), ElementsAre("generator"));
}

TEST_F(OneListener, AnOutcomeThatOvertookItsScriptWaitsForIt) {
  Begin();
  Outcome(1);
  // What the applier said later stays behind it: else the commit would be a foreign one.
  Say("applier", wire::Settled{EndOf(1)});
  WalHas(1);
  EXPECT_EQ(referee_.verdict(), std::nullopt) << Reason();
  EXPECT_LT(referee_.oracle().frontier(), EndOf(1));
  Script(1);
  EXPECT_EQ(referee_.oracle().frontier(), EndOf(1));
  EXPECT_EQ(referee_.oracle().counts().committed, 1u);
}

TEST_F(OneListener, AnOutcomeOutOfTurnEndsTheRun) {
  Begin();
  Script(1);
  Script(3);  // of the same session
  Outcome(3);
  EXPECT_TRUE(Is(VerdictKind::kInconclusive));
  EXPECT_THAT(Reason(), HasSubstr("an outcome of transaction 3, which is not its turn"));
}

TEST_F(OneListener, AnEffectThatTheScriptDoesNotMeanIsADivergence) {
  Begin();
  Script(1);
  Say("applier", OutcomeOf(1, 0));
  WalHas(1);
  EXPECT_TRUE(Is(VerdictKind::kDiverged));
  EXPECT_THAT(Reason(), HasSubstr("expected 1 rows, Postgres did 0 rows"));
  const auto& divergence = referee_.verdict()->first_divergence;
  ASSERT_TRUE(divergence.has_value());
  EXPECT_EQ(divergence->commit, TransactionId{1});
  EXPECT_EQ(divergence->xid, XidOf(1));
  EXPECT_EQ(divergence->listener, "");
}

// ---- barriers ----

TEST_F(OneListener, ABarrierReleasesTheSessionsAtTheSnapshotAndHoldsTheOracle) {
  Begin();
  Script(1);
  Script(2);
  Outcome(1);
  Say("applier", wire::BarrierReached{1, Lsn{150}});
  EXPECT_TRUE(referee_.WantsSnapshot());
  EXPECT_THAT(Receivers<wire::BarrierRelease>(), IsEmpty());
  referee_.OnSnapshot();
  EXPECT_FALSE(referee_.WantsSnapshot());
  EXPECT_THAT(Receivers<wire::BarrierRelease>(), ElementsAre("applier"));
  EXPECT_FALSE(referee_.StandsAtBarrier());  // transaction 1 is not replayed yet
  WalHas(1);
  Outcome(2);
  WalHas(2);
  EXPECT_TRUE(referee_.StandsAtBarrier());
  EXPECT_EQ(referee_.oracle().counts().committed, 1u);  // 2 lies behind the barrier
}

TEST_F(OneListener, ASecondBarrierWaitsUntilTheFirstIsChecked) {
  Begin();
  Say("applier", wire::BarrierReached{1, Lsn{50}});
  referee_.OnSnapshot();
  (void)referee_.TakeLetters();
  Say("applier", wire::BarrierReached{2, Lsn{60}});
  EXPECT_FALSE(referee_.WantsSnapshot());
  EXPECT_TRUE(referee_.StandsAtBarrier());
  EXPECT_THAT(Receivers<wire::BarrierRelease>(), IsEmpty());
}

// ---- the end ----

TEST_F(OneListener, ConvergedOnlyWhenEverythingIsThere) {
  Begin();
  Transaction(1);
  Transaction(2);
  Report("l1", 1);
  EndOfScripts(2);
  EXPECT_FALSE(referee_.verdict());  // 2 is not reported
  EXPECT_THAT(referee_.WhoseTurn(), HasSubstr("l1: 1 commits after 0/64 have not come"));
  Report("l1", 2);
  EXPECT_FALSE(referee_.verdict());  // it may have more to say
  ReportAllUpTo("l1", 2);
  ASSERT_TRUE(Is(VerdictKind::kConverged)) << Reason();
  EXPECT_EQ(referee_.verdict()->seed, 7u);
  EXPECT_EQ(referee_.verdict()->expected, truth_.digest());
  EXPECT_EQ(referee_.verdict()->situations.at(0).second, 3u);
  EXPECT_EQ(referee_.verdict()->listeners.at(0).commits_checked, 2u);
}

TEST_F(OneListener, NotConvergedBeforeAllScriptsAndBarriersOfTheEnd) {
  Begin();
  Transaction(1);
  Report("l1", 1);
  ReportAllUpTo("l1", 1);
  EndOfScripts(2, 0);
  EXPECT_FALSE(referee_.verdict());
  EndOfScripts(1, 1);
  EXPECT_FALSE(referee_.verdict());
  EndOfScripts(1, 0);
  EXPECT_TRUE(Is(VerdictKind::kConverged));
}

TEST_F(OneListener, AGeneratorWithAnotherModelIsADivergence) {
  Begin();
  Transaction(1);
  Report("l1", 1);
  ReportAllUpTo("l1", 1);
  Say("generator", wire::End{1, 0, model::Digest{}, initial_});
  EXPECT_TRUE(Is(VerdictKind::kDiverged));
  EXPECT_THAT(Reason(), HasSubstr("the generator's own model"));
}

// ---- a finding ----

TEST_F(OneListener, AWrongDigestIsInvestigatedAndDescribedWhenAllHasDrained) {
  Begin();
  Transaction(1);
  Script(2);
  (void)referee_.TakeLetters();
  Say("l1", wire::Commit{XidOf(1), EndOf(1), initial_, {}, 2, 2});
  ASSERT_TRUE(referee_.investigation());
  const auto requests = Take<wire::RowsRequest>();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].first, "l1");
  EXPECT_EQ(requests[0].second.end_lsn, EndOf(1));
  EXPECT_THAT(requests[0].second.rows, ElementsAre(wire::RowAddress{"session", KeyRow(2)},
                                                   wire::RowAddress{"t", KeyRow(1)}));
  EXPECT_THAT(referee_.WhoseTurn(), HasSubstr("l1: it has not sent the rows"));
  EXPECT_FALSE(referee_.IsReadyToConclude());

  Say("somebody", wire::RowsReply{EndOf(1), {}});
  Say("l1", wire::RowsReply{EndOf(2), {}});
  EXPECT_FALSE(referee_.investigation()->reply);
  Say("l1", wire::RowsReply{EndOf(1), {}});
  EXPECT_FALSE(referee_.IsReadyToConclude());  // script 2 is under way
  Outcome(2);
  WalHas(2);
  EXPECT_TRUE(referee_.IsReadyToConclude());
  EXPECT_THAT(Receivers<wire::Accepted>(), IsEmpty());
  EXPECT_THAT(Receivers<wire::Credit>(), IsEmpty());

  referee_.Conclude({.listener = "l1", .commit = TransactionId{1}, .xid = XidOf(1)});
  EXPECT_TRUE(Is(VerdictKind::kDiverged));
  EXPECT_THAT(Reason(), HasSubstr("l1: after transaction 1 its state has digest"));
  EXPECT_EQ(referee_.verdict()->first_divergence->commit, TransactionId{1});
}

TEST_F(OneListener, ACommitThatTheListenerWentPastIsMissing) {
  Begin();
  Transaction(1);
  ReportAllUpTo("l1", 1);
  ASSERT_TRUE(referee_.investigation());
  EXPECT_TRUE(referee_.IsReadyToConclude());  // no rows are asked for
  referee_.Conclude({.listener = "l1", .commit = TransactionId{1}});
  EXPECT_TRUE(Is(VerdictKind::kMissing));
}

// ---- giving up ----

TEST_F(OneListener, GivingUpSaysWhoseTurnItWas) {
  EXPECT_THAT(referee_.WhoseTurn(), HasSubstr("the generator: it has sent no catalog"));
  Say("generator", wire::CatalogMade{catalog_, 7});
  EXPECT_THAT(referee_.WhoseTurn(), HasSubstr("the applier: it has not made the schema"));
  referee_.OnCommitOrder(model::CommitOrderSource::kWal);
  Say("applier", wire::Ready{"15.20"});
  EXPECT_THAT(referee_.WhoseTurn(), HasSubstr("listeners: 0 of 1 have joined"));
  Join("l1");
  EXPECT_THAT(referee_.WhoseTurn(), HasSubstr("l1: it has not attached"));
  Greet("l1");
  EXPECT_THAT(referee_.WhoseTurn(), HasSubstr("the generator: it has not ended"));
  Script(1);
  EXPECT_THAT(referee_.WhoseTurn(), HasSubstr("the applier: transaction 1 has no outcome"));
  Outcome(1);
  EXPECT_THAT(referee_.WhoseTurn(), HasSubstr("Postgres: a commit has not been found"));
  referee_.GiveUp("nothing moved");
  EXPECT_TRUE(Is(VerdictKind::kInconclusive));
  EXPECT_EQ(Reason(), "nothing moved; waited for Postgres: a commit has not been found in the WAL");
  referee_.GiveUp("again");
  EXPECT_THAT(Reason(), HasSubstr("nothing moved"));
}

// ---- a process that fails ----

const model::Error kNoDisk{model::ErrorKind::kEnvironment, "no disk"};
const model::Error kNoPlugin{model::ErrorKind::kUsage, "no such plugin"};

TEST_F(OneListener, WithoutAnApplierTheRunEndsWithItsErrorAndExitCode) {
  Begin();
  Say("applier", wire::Failure{"applier", kNoDisk});
  ASSERT_TRUE(referee_.failure());
  EXPECT_EQ(*referee_.failure(),
            (model::Error{model::ErrorKind::kEnvironment, "applier: no disk"}));
  EXPECT_EQ(referee_.verdict(), std::nullopt);
}

TEST_F(OneListener, AListenerWhoseUserMustChangeSomethingEndsARunThatWaitsForIt) {
  Say("l1", wire::Failure{"l1", kNoPlugin});  // before it has joined
  ASSERT_TRUE(referee_.failure());
  EXPECT_EQ(*referee_.failure(), (model::Error{model::ErrorKind::kUsage, "l1: no such plugin"}));
}

TEST_F(OneListener, AListenerThatFailsForAnotherReasonMayBeStartedAgain) {
  Say("generator", wire::CatalogMade{catalog_, 7});
  referee_.OnCommitOrder(model::CommitOrderSource::kWal);
  Say("applier", wire::Ready{"15.20"});
  Join("l1");
  Say("l1", wire::Failure{"l1", kNoDisk});
  EXPECT_FALSE(referee_.failure());
  EXPECT_THAT(referee_.WhoseTurn(), HasSubstr("listeners: 0 of 1 have joined"));
  Join("l1");
  EXPECT_THAT(Receivers<wire::Attach>(), ElementsAre("l1", "l1"));
}

TEST_F(RefereeTest, ARunUnderWayGoesOnWithoutAListenerThatFails) {
  Begin(2);
  Transaction(1);
  for (const char* listener : {"l1", "l2"}) {
    Report(listener, 1);
    ReportAllUpTo(listener, 1);
  }
  Join("l3");
  EndOfScripts(1);
  Say("l4", wire::Failure{"l4", kNoPlugin});
  EXPECT_FALSE(referee_.failure());
  EXPECT_EQ(referee_.verdict(), std::nullopt) << Reason();  // l3 attaches
  Say("l3", wire::Failure{"l3", kNoPlugin});
  EXPECT_FALSE(referee_.failure());
  EXPECT_TRUE(Is(VerdictKind::kConverged)) << Reason();
}

TEST_F(RefereeTest, AListenerThatFailsInTheMiddleIsAsOneThatWasKilled) {
  Begin(2);
  Transaction(1);
  Report("l1", 1);
  ReportAllUpTo("l1", 1);
  Say("l2", wire::Failure{"l2", kNoPlugin});
  EndOfScripts(1);
  EXPECT_FALSE(referee_.failure());
  EXPECT_EQ(referee_.verdict(), std::nullopt) << Reason();
  EXPECT_THAT(referee_.Debtors(), ElementsAre(std::pair("l2", true)));
}

TEST_F(OneListener, WhatWasFoundStaysFoundWhenAProcessFails) {
  Begin();
  Transaction(1);
  Say("l1", wire::Commit{XidOf(1), EndOf(1), initial_, {}, 2, 2});
  ASSERT_TRUE(referee_.investigation());
  Say("generator", wire::Failure{"generator", kNoDisk});
  EXPECT_FALSE(referee_.failure());
  EXPECT_FALSE(referee_.IsReadyToConclude());
  Say("l1", wire::Failure{"l1", kNoDisk});  // it will not send the rows that it was asked for
  EXPECT_FALSE(referee_.failure());
  EXPECT_TRUE(referee_.IsReadyToConclude());
}

TEST_F(OneListener, PositionsAndSettlingAreNoProgress) {
  Begin();
  const std::uint64_t before = referee_.progress();
  Say("l1", wire::Position{.received = Lsn{20}, .confirmed = Lsn{20}});
  Say("applier", wire::Settled{Lsn{20}});
  EXPECT_EQ(referee_.progress(), before);
  // Somebody else's commits, of this database and of others.
  Say("l1", wire::Commit{Xid{9}, Lsn{30}, initial_, {}, 1, 0});
  const model::CommitRecord record{Xid{9}, Lsn{30}};
  referee_.OnCommitRecords({&record, 1}, Lsn{30});
  referee_.Advance();
  EXPECT_EQ(referee_.progress(), before);
  Script(1);
  EXPECT_GT(referee_.progress(), before);
}

// ---- strangers ----

TEST_F(OneListener, WhatIsNotTheSendersToSayIsDropped) {
  Begin();
  const std::uint64_t before = referee_.progress();
  Say("stranger", ScriptOf(99));
  Say("stranger", wire::End{});
  Say("l1", OutcomeOf(99));
  Say("generator", wire::Ready{"99"});
  Say("stranger", wire::Join{"stranger", "no_such_plugin", {}});
  Say("stranger", wire::Hello{"stranger", "decoderbufs", "slot", Lsn{10}, initial_, {}});
  Say("stranger", wire::Status{"stranger", {{"transactions", 1}}});
  EXPECT_EQ(referee_.verdict(), std::nullopt) << Reason();
  EXPECT_THAT(referee_.peers(), ElementsAre("generator", "applier", "l1"));
  EXPECT_EQ(referee_.oracle().counts().generated, 0u);
  EXPECT_EQ(referee_.oracle().scripts_waiting(), 0u);
  EXPECT_EQ(referee_.progress(), before + 2);  // a Join and a Hello may be anybody's
}

// ---- failures ----

// Transactions 1 to `failed` are refused, those up to `all` committed and reported.
class Failures : public OneListener {
 protected:
  void Run(std::uint64_t failed, std::uint64_t all) {
    Begin();
    for (std::uint64_t id = 1; id <= failed; ++id) {
      Script(id);
      model::Outcome outcome = OutcomeOf(id);
      outcome.fate = model::Fate::kRolledBack;
      outcome.xid = {};
      outcome.effects = {{.sqlstate = "25P02"}};
      outcome.error = "permission denied for table session";
      Say("applier", outcome);
      digests_.push_back({});
      changes_.push_back({});
    }
    for (std::uint64_t id = failed + 1; id <= all; ++id) {
      Transaction(id);
      Report("l1", id);
    }
    referee_.OnCommitRecords({}, EndOf(all));
    ReportAllUpTo("l1", all);
  }
};

TEST_F(Failures, ARunInWhichEverythingFailedDoesNotConverge) {
  Run(3, 3);
  Say("generator", wire::End{3, 0, {}, {}, {}, 3});
  EXPECT_TRUE(Is(VerdictKind::kInconclusive)) << Reason();
  EXPECT_THAT(Reason(), HasSubstr("3 of 3 transactions failed, and at most one in 20 may in a run "
                                  "that converges; the first was transaction 1: permission denied "
                                  "for table session"));
}

TEST_F(Failures, OneInTwentyMayFailAndIsTold) {
  Run(1, 20);
  EndOfScripts(20);
  EXPECT_TRUE(Is(VerdictKind::kConverged)) << Reason();
  EXPECT_THAT(Reason(), HasSubstr("1 of 20 transactions failed"));
}

TEST_F(Failures, WhatDidNotCommitInConsequenceCountsToo) {
  Run(1, 20);
  Say("generator", wire::End{20, 0, {}, {}, {}, 21});
  EXPECT_TRUE(Is(VerdictKind::kInconclusive)) << Reason();
  EXPECT_THAT(Reason(), HasSubstr("2 of 20 transactions failed"));
}

TEST_F(OneListener, AFindingStaysFoundWhenTheRowsCannotBeShown) {
  Begin();
  Transaction(1);
  Say("l1", wire::Commit{XidOf(1), EndOf(1), initial_, changes_.at(0), 2, 2});
  ASSERT_TRUE(referee_.investigation());
  referee_.GiveUp("l1 was killed by signal 9");
  EXPECT_TRUE(Is(VerdictKind::kDiverged)) << Reason();
  EXPECT_THAT(Reason(), HasSubstr("(no row is shown: l1 was killed by signal 9)"));
  EXPECT_EQ(referee_.verdict()->first_divergence->end_lsn, EndOf(1));
}

}  // namespace
}  // namespace lockstep::verifier
