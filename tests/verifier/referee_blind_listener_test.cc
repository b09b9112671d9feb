// Listeners whose plugin does not show them TRUNCATE, as the referee deals with them.
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
using ::testing::Pair;

class BlindListenerTest : public RefereeTest {
 protected:
  BlindListenerTest() : RefereeTest(1) { catalog_.owners = {{}, SessionOf(1)}; }

  // Only the owner of a table truncates it.
  model::SessionId SessionOf(std::uint64_t) const override { return model::SessionId{1}; }

  void JoinBlind(const std::string& listener) {
    Say(listener, wire::Join{listener, "decoderbufs", {model::Loss::kTruncate}});
  }
  void GreetBlind(const std::string& listener, Lsn consistent_point, model::Digest digest) {
    Say(listener, wire::Hello{listener, "decoderbufs", "slot", consistent_point, digest, {"t"}});
  }
  void BeginBlind() {
    Say("generator", wire::CatalogMade{catalog_, 7});
    referee_.OnCommitOrder(model::CommitOrderSource::kWal);
    Say("applier", wire::Ready{"15.20"});
    JoinBlind("l1");
    GreetBlind("l1", Lsn{10}, initial_);
  }
  // A commit after which it holds this state, and of whose changes it saw these.
  void ReportAs(const std::string& listener, std::uint64_t id, model::Digest state,
                model::Digest changes) {
    Say(listener, wire::Commit{XidOf(id), EndOf(id), state, changes, 2, 2});
  }
  void SayQuarantined(const std::string& listener, std::uint64_t id) {
    Say(listener, wire::Quarantined{"t", EndOf(id), "it was told to"});
  }
  // The expected state with "t" empty.
  model::Digest WithoutT() const {
    model::Database database = truth_;
    (void)database.EraseAll(1);
    return database.digest();
  }
  std::string Finding() const {
    return referee_.investigation() ? referee_.investigation()->finding.reason : "";
  }
};

TEST_F(BlindListenerTest, ATruncatedTableIsGivenUpAndTheRestIsJudged) {
  BeginBlind();
  Transaction(1);
  Report("l1", 1);
  Truncation(2);
  ReportAs("l1", 2, digests_[0], {});  // it saw the session's row only: whatever it holds
  EXPECT_THAT(Take<wire::Quarantine>(),
              ElementsAre(Pair("l1", testing::Field(&wire::Quarantine::table, "t"))));
  SayQuarantined("l1", 2);
  Transaction(3);
  ReportAs("l1", 3, WithoutT(), {});
  ReportAllUpTo("l1", 3);
  EXPECT_EQ(Finding(), "");
  EndOfScripts(3);
  ASSERT_TRUE(Is(VerdictKind::kInconclusive)) << Reason();
  EXPECT_THAT(Reason(), HasSubstr("table t was truncated"));
  ASSERT_EQ(referee_.verdict()->listeners[0].quarantined.size(), 1u);
  EXPECT_EQ(referee_.verdict()->listeners[0].quarantined[0].end_lsn, EndOf(2));
}

TEST_F(BlindListenerTest, ALieInAnotherTableIsStillFound) {
  BeginBlind();
  Truncation(1);
  ReportAs("l1", 1, initial_, {});
  SayQuarantined("l1", 1);
  Transaction(2);
  ReportAs("l1", 2, initial_, {});  // without the session's row
  EXPECT_THAT(Finding(), HasSubstr("after transaction 2 its state has digest"));
}

TEST_F(BlindListenerTest, ATableThatNobodyTruncatedMayNotBeGivenUp) {
  BeginBlind();
  Transaction(1);
  Report("l1", 1);
  SayQuarantined("l1", 1);
  EXPECT_THAT(Finding(), HasSubstr("it gave up following table t, which nobody truncated"));
}

TEST_F(BlindListenerTest, ATableThatItSeesTruncatedIsNotGivenUp) {
  BeginBlind();
  Truncation(1);
  EXPECT_THAT(Take<wire::Quarantine>(), IsEmpty());  // nor before it says anything of that commit
}

// Its Attach goes before the first transaction, its Hello comes after a truncation.
TEST_F(BlindListenerTest, OneThatAttachesWhileTheRunBeginsIsBlindFromItsCopyOn) {
  Say("generator", wire::CatalogMade{catalog_, 7});
  referee_.OnCommitOrder(model::CommitOrderSource::kWal);
  Say("applier", wire::Ready{"15.20"});
  JoinBlind("l2");
  Join("l1");
  Greet("l1");
  Transaction(1);
  Truncation(2);
  Report("l1", 1);
  Report("l1", 2);
  GreetBlind("l2", EndOf(1), digests_[0]);
  ReportAs("l2", 2, digests_[0], {});
  EXPECT_EQ(Finding(), "");
  EXPECT_THAT(Receivers<wire::Quarantine>(), ElementsAre("l2"));
}

}  // namespace
}  // namespace lockstep::verifier
