// The promise of Settled: below its LSN every commit of the run has had its outcome.
#include "applier/settler.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "postgres/commit_order.h"
#include "tests/applier/applier_fixture.h"

namespace lockstep::applier {
namespace {

using Clock = std::chrono::steady_clock;
using model::Lsn;
using model::TransactionId;

class SettlerTest : public ApplierFixture {
 protected:
  Settler OpenSettler() { return Must(Settler::Open(cluster().uri())); }

  // Asks once and reads the answer while these scripts are under way.
  static void AskAndAnswer(Settler& settler, const std::vector<TransactionId>& under_way) {
    const Clock::time_point give_up = Clock::now() + kPatience;
    Must(settler.Ask(settler.NextAsk().value()));
    ASSERT_FALSE(settler.NextAsk().has_value());
    // Once there is an answer, or once there was a new connection instead, no more comes.
    pollfd waiting{settler.fd(), POLLIN, 0};
    do {
      ASSERT_LT(Clock::now(), give_up);
      ASSERT_EQ(poll(&waiting, 1, 30'000), 1);
      Must(settler.Drive(under_way));
      waiting.fd = settler.fd();
    } while (poll(&waiting, 1, 0) == 1);
  }
  // Asks, however often the connection is lost, until there is an answer.
  static void UntilSettled(Settler& settler) {
    const Clock::time_point give_up = Clock::now() + kPatience;
    while (!settler.TakeSettled()) {
      ASSERT_LT(Clock::now(), give_up);
      if (auto next = settler.NextAsk()) Must(settler.Ask(*next));
      pollfd waiting{settler.fd(), POLLIN, 0};
      poll(&waiting, 1, 10);
      Must(settler.Drive({}));
    }
  }
  static Lsn InsertLsn() { return Must(Sql().ScalarLsn("SELECT pg_current_wal_insert_lsn()")); }
};

TEST_F(SettlerTest, WithNothingUnderWayTheAnswerIsSettled) {
  Settler settler = OpenSettler();
  EXPECT_FALSE(settler.TakeSettled().has_value());
  const Lsn before = InsertLsn();
  AskAndAnswer(settler, {});
  const Lsn after = InsertLsn();
  const std::optional<Lsn> settled = settler.TakeSettled();
  ASSERT_TRUE(settled.has_value());
  EXPECT_LE(before, *settled);
  EXPECT_LE(*settled, after);
  EXPECT_FALSE(settler.TakeSettled().has_value());  // once
  EXPECT_TRUE(settler.NextAsk().has_value());
}

TEST_F(SettlerTest, WaitsForEveryScriptUnderWay) {
  Settler settler = OpenSettler();
  AskAndAnswer(settler, {TransactionId{7}, TransactionId{8}});
  EXPECT_FALSE(settler.TakeSettled().has_value());
  settler.OnOutcome(TransactionId{9});
  settler.OnOutcome(TransactionId{8});
  EXPECT_FALSE(settler.TakeSettled().has_value());
  EXPECT_FALSE(settler.NextAsk().has_value());
  settler.OnOutcome(TransactionId{7});
  EXPECT_TRUE(settler.TakeSettled().has_value());
}

TEST_F(SettlerTest, AsksNoMoreOftenThanItSays) {
  Settler settler = OpenSettler();
  const Clock::time_point now = Clock::now();
  Must(settler.Ask(now));
  EXPECT_FALSE(settler.NextAsk().has_value());
  pollfd waiting{settler.fd(), POLLIN, 0};
  while (!settler.TakeSettled()) {
    ASSERT_EQ(poll(&waiting, 1, 30'000), 1);
    Must(settler.Drive({}));
  }
  const std::optional<Clock::time_point> next = settler.NextAsk();
  ASSERT_TRUE(next.has_value());
  EXPECT_GT(*next, now);
  Must(settler.Ask(*next - std::chrono::nanoseconds(1)));
  EXPECT_TRUE(settler.NextAsk().has_value());
  Must(settler.Ask(*next));
  EXPECT_FALSE(settler.NextAsk().has_value());
}

TEST_F(SettlerTest, LostConnectionIsOpenedAgain) {
  Settler settler = OpenSettler();
  Must(cluster().Crash());
  Must(cluster().StartAgain());
  UntilSettled(settler);
}

TEST_F(SettlerTest, ServerAwayIsNotAnError) {
  Settler settler = OpenSettler();
  Must(cluster().Crash());
  for (int i = 0; i < 5; ++i) {
    if (auto next = settler.NextAsk()) Must(settler.Ask(*next));
    Must(settler.Drive({}));
    EXPECT_FALSE(settler.TakeSettled().has_value());
  }
  Must(cluster().StartAgain());
  UntilSettled(settler);
}

// Four sessions at work and the settler beside them, as in the process: at every Settled, each
// commit that Postgres ordered at or below it has been reported.
TEST_F(SettlerTest, EveryCommitBelowSettledWasReported) {
  constexpr std::uint32_t kSessions = 4;
  constexpr std::uint64_t kScripts = 1'000;
  const model::Catalog catalog = MakeCatalog("settled", kSessions);
  Connection sql = Sql();
  Must(CreateSchema(sql, catalog));
  const std::string why = Must(postgres::CommitOrder::WhyUnavailable(sql));
  ASSERT_EQ(why, "");
  postgres::CommitOrder order = Must(postgres::CommitOrder::Start(Sql(), InsertLsn()));

  std::vector<Session> sessions;
  for (std::uint32_t id = 1; id <= kSessions; ++id)
    sessions.push_back(Must(Session::Open({cluster().uri(), model::SessionId{id}}, catalog)));
  Settler settler = OpenSettler();
  std::set<model::Xid> reported;
  struct Settled {
    Lsn lsn;
    std::set<model::Xid> reported;
  };
  std::vector<Settled> settled;
  std::uint64_t started = 0;
  std::uint64_t ended = 0;
  while (ended < kScripts) {
    std::vector<pollfd> waiting;
    std::vector<TransactionId> under_way;
    for (std::uint32_t i = 0; i < kSessions; ++i) {
      Session& session = sessions[i];
      if (auto outcome = Must(session.Drive())) {
        ASSERT_EQ(outcome->fate, model::Fate::kCommitted);
        settler.OnOutcome(outcome->id);
        reported.insert(model::Low(outcome->xid));
        ++ended;
      }
      if (session.idle() && started < kScripts) {
        ++started;
        Must(session.Start({TransactionId{started},
                            model::SessionId{i + 1},
                            {Insert(static_cast<std::int64_t>(started), "x")}}));
      }
      if (auto id = session.current()) under_way.push_back(*id);
      waiting.push_back(
          {session.fd(), static_cast<short>(session.WantsWrite() ? POLLIN | POLLOUT : POLLIN), 0});
    }
    // As often as it can be, not only each interval.
    if (auto next = settler.NextAsk()) Must(settler.Ask(*next));
    Must(settler.Drive(under_way));
    if (auto lsn = settler.TakeSettled()) settled.push_back({*lsn, reported});
    waiting.push_back({settler.fd(), POLLIN, 0});
    if (ended < kScripts) {
      ASSERT_GE(poll(waiting.data(), waiting.size(), 30'000), 1);
    }
  }

  const std::vector<model::CommitRecord> commits =
      Must(order.ReadTo(InsertLsn(), std::chrono::seconds(60)));
  ASSERT_GE(settled.size(), 2U);
  std::size_t below = 0;
  for (const Settled& at : settled) {
    for (const model::CommitRecord& commit : commits) {
      if (commit.end_lsn > at.lsn || !reported.contains(commit.xid)) continue;
      EXPECT_TRUE(at.reported.contains(commit.xid)) << ToString(commit.end_lsn);
      ++below;
    }
  }
  EXPECT_GT(below, 0U);
  Must(DropSchema(sql, catalog));
}

}  // namespace
}  // namespace lockstep::applier
