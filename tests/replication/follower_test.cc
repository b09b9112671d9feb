// Each rule of docs/architecture.md, "The heart does no I/O", that the Follower keeps.
#include "replication/follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.h"
#include "tests/replication/word_stream.h"

namespace lockstep::replication {
namespace {

using model::ErrorKind;
using model::Lsn;
using std::chrono::milliseconds;
using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr std::uint64_t kStart = 100;

StandbyStatusUpdate Confirms(std::uint64_t write, std::uint64_t flush) {
  return {.write = Lsn{write}, .flush = Lsn{flush}, .apply = Lsn{flush}};
}
StandbyStatusUpdate ConfirmsNothing(std::uint64_t write) { return {.write = Lsn{write}}; }

// A server that says words to a Follower, a clock, and sinks. P is 100 at the start.
class FollowerTest : public testing::Test {
 protected:
  static FollowerOptions Options() {
    return {.start = Lsn{kStart},
            .status_interval = 10s,
            .confirm_interval = 1s,
            .max_pending_transactions = 3};
  }

  // The end LSN of the transaction that came out; 0 when none did.
  std::uint64_t Says(std::uint64_t lsn, std::string_view word) {
    auto out = follower_.OnCopyData(XLogDataFrame(lsn, word));
    EXPECT_TRUE(out.has_value()) << out.error().message;
    return out && *out ? (*out)->end_lsn.value : 0;
  }
  // A whole transaction that ends at `end_lsn`.
  std::uint64_t Commits(std::uint64_t end_lsn) {
    const std::string xid = std::to_string(end_lsn);
    EXPECT_EQ(Says(end_lsn - 5, "B" + xid), 0u);
    EXPECT_EQ(Says(end_lsn - 5, "+" + xid), 0u);
    return Says(end_lsn, "C" + xid);
  }
  void Keepalive(std::uint64_t lsn) { Receive(KeepaliveFrame(lsn)); }
  void Asks(std::uint64_t lsn) { Receive(KeepaliveFrame(lsn, true)); }
  void Receive(const std::string& frame) {
    auto out = follower_.OnCopyData(frame);
    ASSERT_TRUE(out.has_value()) << out.error().message;
    ASSERT_FALSE(*out);
  }
  void Durable(std::uint64_t lsn) { follower_.OnDurable(Lsn{lsn}); }

  void Pass(milliseconds time) { now_ += time; }
  std::optional<StandbyStatusUpdate> Update() { return follower_.TakeStatusUpdate(now_); }
  milliseconds DueIn() {
    return std::chrono::duration_cast<milliseconds>(follower_.NextStatusDue() - now_);
  }
  std::uint64_t P() { return follower_.progress().position().value; }

  TimePoint now_ = TimePoint(1h);
  Follower follower_{Options(), MakeWordDecoder(), now_};
};

// ---- transactions ----

TEST_F(FollowerTest, ATransactionComesOutWithItsCommitOnly) {
  EXPECT_EQ(Says(110, "B7"), 0u);
  EXPECT_EQ(Says(110, "+7"), 0u);
  EXPECT_EQ(Says(0, "+7"), 0u);
  auto out = follower_.OnCopyData(XLogDataFrame(120, "C7"));
  ASSERT_TRUE(out.has_value() && *out);
  EXPECT_EQ((*out)->xid.value, 7u);
  EXPECT_EQ((*out)->end_lsn, Lsn{120});
  EXPECT_EQ((*out)->changes.size(), 2u);
  EXPECT_EQ(follower_.received(), Lsn{120});
}

TEST_F(FollowerTest, TransactionsThatASlotRepeatsAfterSteppingBackAreDropped) {
  EXPECT_EQ(Commits(80), 0u);
  EXPECT_EQ(Commits(100), 0u);
  EXPECT_EQ(follower_.received(), Lsn{100});
  EXPECT_EQ(P(), 100u);
  EXPECT_EQ(Commits(110), 110u);
}

TEST_F(FollowerTest, DroppedTransactionsDoNotWaitToBecomeDurable) {
  for (std::uint64_t end : {60, 70, 80, 90, 100}) Commits(end);
  EXPECT_TRUE(follower_.WantsToRead());
}

TEST_F(FollowerTest, ReceivedFollowsKeepalivesTooAndNeverGoesBack) {
  Keepalive(150);
  EXPECT_EQ(follower_.received(), Lsn{150});
  Keepalive(120);
  EXPECT_EQ(follower_.received(), Lsn{150});
}

// ---- a new connection ----

TEST_F(FollowerTest, AfterAReconnectOnlyWhatDidNotComeOutComesOut) {
  Commits(110);
  Commits(120);
  Durable(110);
  Says(125, "B130");
  follower_.OnReconnect(MakeWordDecoder(), now_);
  EXPECT_EQ(Commits(110), 0u);
  EXPECT_EQ(Commits(120), 0u);
  EXPECT_EQ(Commits(130), 130u);
  EXPECT_EQ(P(), 110u);
  Durable(130);
  EXPECT_EQ(P(), 130u);
}

TEST_F(FollowerTest, AQuestionOfTheOldConnectionIsNotAnsweredOnTheNew) {
  Asks(150);
  Pass(5s);
  follower_.OnReconnect(MakeWordDecoder(), now_);
  EXPECT_EQ(Update(), std::nullopt);
  EXPECT_EQ(DueIn(), 1s);  // the progress to 150 is still to be confirmed
}

// ---- progress ----

TEST_F(FollowerTest, WhatIsNotDurableIsNotProgress) {
  Commits(110);
  Keepalive(150);
  EXPECT_EQ(P(), 100u);
  Durable(110);
  EXPECT_EQ(P(), 150u);
}

TEST_F(FollowerTest, APartlyReceivedTransactionDoesNotForbidAKeepalive) {
  Says(110, "B7");
  Says(110, "+7");
  Keepalive(150);
  EXPECT_EQ(P(), 150u);
  EXPECT_EQ(Says(160, "C7"), 160u);
  EXPECT_EQ(P(), 150u);
}

TEST_F(FollowerTest, SinksCannotBeAheadOfWhatCameOut) {
  Commits(110);
  Durable(1000);
  EXPECT_EQ(P(), 110u);
}

// ---- status updates ----

TEST_F(FollowerTest, StatusIntervalIsAThirdOfTheTimeoutAndAtMostTenSeconds) {
  EXPECT_EQ(StatusInterval(60s), 10s);
  EXPECT_EQ(StatusInterval(30s), 10s);
  EXPECT_EQ(StatusInterval(3s), 1s);
  EXPECT_EQ(StatusInterval(0s), 10s);
}

TEST_F(FollowerTest, StatusGoesOutFromATimer) {
  EXPECT_EQ(DueIn(), 10s);
  Pass(9999ms);
  EXPECT_EQ(Update(), std::nullopt);
  EXPECT_EQ(DueIn(), 1ms);
  Pass(1ms);
  EXPECT_EQ(Update(), Confirms(100, 100));
  EXPECT_EQ(Update(), std::nullopt);
  EXPECT_EQ(DueIn(), 10s);
}

TEST_F(FollowerTest, StatusGoesOutFromATimerInTheMiddleOfATransaction) {
  Says(110, "B7");
  for (int i = 0; i < 3; ++i) {
    Says(0, "+7");
    Pass(10s);
    EXPECT_EQ(Update(), Confirms(100, 100));
  }
}

TEST_F(FollowerTest, StatusGoesOutFromATimerWhileReadingIsPaused) {
  for (std::uint64_t end : {110, 120, 130}) Commits(end);
  ASSERT_FALSE(follower_.WantsToRead());
  for (int i = 0; i < 3; ++i) {
    Pass(10s);
    EXPECT_EQ(Update(), Confirms(130, 100));
  }
}

TEST_F(FollowerTest, StatusGoesOutAtOnceWhenTheServerAsks) {
  Asks(150);
  EXPECT_LE(follower_.NextStatusDue(), now_);
  EXPECT_EQ(Update(), Confirms(150, 150));
  EXPECT_EQ(Update(), std::nullopt);
  EXPECT_EQ(DueIn(), 10s);
}

TEST_F(FollowerTest, StatusGoesOutAtOnceWhenTheServerAsksInTheMiddleOfATransaction) {
  Says(160, "B7");
  Asks(150);
  EXPECT_EQ(Update(), Confirms(150, 150));
}

TEST_F(FollowerTest, AKeepaliveThatDoesNotAskIsNotAnsweredAtOnce) {
  Keepalive(150);
  EXPECT_EQ(Update(), std::nullopt);
}

TEST_F(FollowerTest, AskedWhileSinksLagItConfirmsNothing) {
  Commits(110);
  Asks(150);
  EXPECT_EQ(Update(), ConfirmsNothing(150));
}

TEST_F(FollowerTest, AskedWhileSinksLagPartOfTheWayItConfirmsNothing) {
  Commits(110);
  Commits(120);
  Asks(150);
  Durable(110);
  EXPECT_EQ(Update(), ConfirmsNothing(150));
  Durable(120);
  Pass(1s);
  EXPECT_EQ(Update(), Confirms(150, 150));  // the answer did not hide the progress
}

TEST_F(FollowerTest, TheAnswerIsThatOfTheMomentItIsSent) {
  Commits(110);
  Asks(150);
  Durable(110);
  EXPECT_EQ(Update(), Confirms(150, 150));
}

TEST_F(FollowerTest, TwoQuestionsBeforeTheAnswerAreAnsweredOnceWithTheLater) {
  Commits(110);
  Asks(150);
  Asks(170);
  EXPECT_EQ(Update(), ConfirmsNothing(170));
  EXPECT_EQ(Update(), std::nullopt);
}

TEST_F(FollowerTest, FlushIsNeverAboveWhatIsDurable) {
  Commits(110);
  Commits(120);
  Keepalive(150);
  Durable(110);
  Pass(10s);
  EXPECT_EQ(Update(), Confirms(150, 110));
}

TEST_F(FollowerTest, NewProgressIsConfirmedAtTheConfirmInterval) {
  Commits(110);
  Durable(110);
  EXPECT_EQ(DueIn(), 1s);
  Pass(999ms);
  EXPECT_EQ(Update(), std::nullopt);
  Pass(1ms);
  EXPECT_EQ(Update(), Confirms(110, 110));
  EXPECT_EQ(DueIn(), 10s);
  Keepalive(150);  // an idle database
  EXPECT_EQ(DueIn(), 1s);
  Pass(1s);
  EXPECT_EQ(Update(), Confirms(150, 150));
}

TEST_F(FollowerTest, AStatusIntervalBelowTheConfirmIntervalWins) {
  FollowerOptions options = Options();
  options.status_interval = 300ms;
  Follower follower(options, MakeWordDecoder(), now_);
  ASSERT_TRUE(follower.OnCopyData(KeepaliveFrame(150)).has_value());
  EXPECT_EQ(follower.NextStatusDue(), now_ + 300ms);
  EXPECT_EQ(follower.TakeStatusUpdate(now_ + 299ms), std::nullopt);
  EXPECT_EQ(follower.TakeStatusUpdate(now_ + 300ms), Confirms(150, 150));
}

// ---- back-pressure ----

TEST_F(FollowerTest, ReadingPausesAtTheLimitAndResumesWhenSinksCatchUp) {
  Commits(110);
  Commits(120);
  EXPECT_TRUE(follower_.WantsToRead());
  Commits(130);
  EXPECT_FALSE(follower_.WantsToRead());
  Durable(109);
  EXPECT_FALSE(follower_.WantsToRead());
  Durable(110);
  EXPECT_TRUE(follower_.WantsToRead());
  Commits(140);
  EXPECT_FALSE(follower_.WantsToRead());
  Durable(140);
  for (std::uint64_t end : {150, 160}) Commits(end);
  EXPECT_TRUE(follower_.WantsToRead());
}

// ---- errors ----

TEST_F(FollowerTest, WhatTheDecoderRefusesIsAnErrorThatSaysWhere) {
  Says(110, "B7");
  auto out = follower_.OnCopyData(XLogDataFrame(0xAB, "!"));
  ASSERT_FALSE(out.has_value());
  EXPECT_EQ(out.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(out.error().message, HasSubstr("0/AB"));
  EXPECT_THAT(out.error().message, HasSubstr("the decoder refuses"));
}

TEST_F(FollowerTest, FramesAndEventsThatCannotBeAreErrors) {
  for (const std::string& bytes :
       {std::string(), std::string("x"), XLogDataFrame(110, "C7"), XLogDataFrame(110, "+7")}) {
    Follower follower(Options(), MakeWordDecoder(), now_);
    auto out = follower.OnCopyData(bytes);
    ASSERT_FALSE(out.has_value());
    EXPECT_EQ(out.error().kind, ErrorKind::kMalformed);
  }
}

TEST_F(FollowerTest, NothingIsConfirmedPastAnError) {
  Commits(110);
  Durable(110);
  Says(120, "B7");
  const auto error = follower_.OnCopyData(XLogDataFrame(120, "!"));
  ASSERT_FALSE(error.has_value());
  // What comes after does not count, whoever still feeds it.
  for (const std::string& bytes :
       {XLogDataFrame(130, "C7"), XLogDataFrame(140, "B8"), XLogDataFrame(150, "C8"),
        KeepaliveFrame(200), KeepaliveFrame(300, true)}) {
    auto out = follower_.OnCopyData(bytes);
    ASSERT_FALSE(out.has_value());
    EXPECT_EQ(out.error(), error.error());
  }
  Durable(1000);
  EXPECT_EQ(P(), 110u);
  EXPECT_EQ(follower_.received(), Lsn{110});
  Pass(10s);
  EXPECT_EQ(Update(), Confirms(110, 110));
}

// What the decoder refuses, and what cannot come there.
TEST_F(FollowerTest, NothingIsConfirmedPastANoticeThatIsAnError) {
  for (const char* notice : {"!", "+8"}) {
    Follower follower(Options(), MakeWordDecoder(), now_);
    ASSERT_TRUE(follower.OnCopyData(XLogDataFrame(110, "B7")).has_value());
    ASSERT_TRUE(follower.OnNotice("+7").has_value());
    const auto error = follower.OnNotice(notice);
    ASSERT_FALSE(error.has_value()) << notice;
    for (const std::string& bytes : {XLogDataFrame(120, "C7"), KeepaliveFrame(200)}) {
      const auto out = follower.OnCopyData(bytes);
      ASSERT_FALSE(out.has_value()) << notice;
      EXPECT_EQ(out.error(), error.error());
    }
    EXPECT_EQ(follower.OnNotice("+7").error(), error.error());
    EXPECT_EQ(follower.progress().position(), Lsn{kStart});
  }
}

TEST_F(FollowerTest, WhatCameOutBeforeAnErrorCanStillBecomeDurable) {
  Commits(110);
  ASSERT_FALSE(follower_.OnCopyData("x").has_value());
  Durable(110);
  EXPECT_EQ(P(), 110u);
}

TEST_F(FollowerTest, CommitsThatDoNotRiseAreAnError) {
  for (std::uint64_t end : {120, 110, 1}) {
    Follower follower(Options(), MakeWordDecoder(), now_);
    for (const char* word : {"B7", "C7", "B8"}) {
      ASSERT_TRUE(follower.OnCopyData(XLogDataFrame(120, word)).has_value());
    }
    auto out = follower.OnCopyData(XLogDataFrame(end, "C8"));
    ASSERT_FALSE(out.has_value()) << end;
    EXPECT_EQ(out.error().kind, ErrorKind::kMalformed);
    EXPECT_THAT(out.error().message, HasSubstr("0/78"));  // 120
  }
}

TEST_F(FollowerTest, ACommitWithoutAPositionIsAnError) {
  Says(0, "B7");
  auto out = follower_.OnCopyData(XLogDataFrame(0, "C7"));
  ASSERT_FALSE(out.has_value());
  EXPECT_EQ(out.error().kind, ErrorKind::kMalformed);
}

}  // namespace
}  // namespace lockstep::replication
