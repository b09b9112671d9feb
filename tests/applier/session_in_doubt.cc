// A session whose connection is lost at the worst moments: every script is applied exactly once.
#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "applier/session.h"
#include "tests/applier/applier_fixture.h"
#include "tests/applier/proxy.h"

namespace lockstep::applier {
namespace {

using model::Fate;
using model::Outcome;

class InDoubtTest : public ApplierFixture {
 protected:
  void SetUp() override {
    ApplierFixture::SetUp();
    // Every commit of a script leaves a row.
    Must(Sql().Execute(
        "CREATE TABLE run.committed(transaction_id bigint, xid xid8);"
        "CREATE FUNCTION run.count() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "INSERT INTO run.committed VALUES (NEW.transaction_id, pg_current_xact_id()); "
        "RETURN NULL; END $$; CREATE TRIGGER count AFTER UPDATE ON run.session FOR EACH ROW "
        "EXECUTE FUNCTION run.count()"));
  }
  static std::string Committed() {
    return Must(
        Sql().Scalar("SELECT coalesce(string_agg(transaction_id::text, ',' ORDER BY "
                     "transaction_id), '') FROM run.committed"));
  }
  static std::string XidOf(std::uint64_t id) {
    return Scalar("SELECT xid FROM run.committed WHERE transaction_id = " + std::to_string(id));
  }
};

TEST_F(InDoubtTest, TerminatedBeforeCommitIsRunAgain) {
  Session session = OpenSession();
  RunScript(session, MakeScript(1, {Insert(1, "a")}));
  // A lock that the script waits for, so that it is surely under way.
  Connection lock = Sql();
  Must(lock.Execute("BEGIN; UPDATE run.t SET b = 'locked' WHERE a = 1"));
  Must(session.Start(MakeScript(2, {Insert(2, "b"), Update(1, "z")})));
  EXPECT_FALSE(Must(session.Drive()).has_value());
  EXPECT_EQ(session.current(), model::TransactionId{2});
  TerminateSession();
  Must(lock.Execute("ROLLBACK"));
  const Outcome outcome = Finish(session);
  EXPECT_EQ(outcome.fate, Fate::kCommitted);
  EXPECT_FALSE(outcome.was_in_doubt);
  EXPECT_EQ(outcome.effects.size(), 2U);
  EXPECT_EQ(std::to_string(outcome.xid.value), XidOf(2));
  EXPECT_EQ(Rows(), "1=z,2=b");
  EXPECT_EQ(Committed(), "1,2");
}

TEST_F(InDoubtTest, LostAnswerToCommitIsFoundCommitted) {
  Proxy proxy(cluster().directory());
  std::uint64_t id = 0;
  for (Proxy::Fault fault : {Proxy::Fault::kLoseAnswerToCommit, Proxy::Fault::kLoseAllAnswers}) {
    Session session = OpenSession(catalog_, proxy.conninfo());
    const auto key = static_cast<std::int64_t>(++id);
    proxy.Arm(fault);
    const Outcome outcome = RunScript(session, MakeScript(id, {Insert(key, "a")}));
    EXPECT_TRUE(proxy.happened());
    EXPECT_EQ(outcome.fate, Fate::kCommitted);
    EXPECT_TRUE(outcome.was_in_doubt);
    EXPECT_EQ(std::to_string(outcome.xid.value), XidOf(id));
    EXPECT_TRUE(outcome.effects.empty());
    EXPECT_EQ(outcome.id, model::TransactionId{id});
    // The session goes on.
    const Outcome next = RunScript(session, MakeScript(++id, {Update(key, "b")}));
    EXPECT_EQ(next.fate, Fate::kCommitted);
    EXPECT_FALSE(next.was_in_doubt);
  }
  EXPECT_EQ(Rows(), "1=b,3=b");
  EXPECT_EQ(Committed(), "1,2,3,4");
}

// Wherever the commit lies between the last position known before and one read afterwards, the
// bracket holds it.
TEST_F(InDoubtTest, InDoubtCommitHasTheWidestBracket) {
  const auto position = [] { return Must(Sql().ScalarLsn("SELECT pg_current_wal_insert_lsn()")); };
  Proxy proxy(cluster().directory());
  std::uint64_t id = 0;
  for (Proxy::Fault fault : {Proxy::Fault::kLoseAnswerToCommit, Proxy::Fault::kLoseAllAnswers}) {
    const model::Lsn start = position();
    Session session = OpenSession(catalog_, proxy.conninfo(), true);
    const model::Lsn opened = position();
    Must(Sql().Execute("CREATE TABLE run.other" + std::to_string(id) + "(a int)"));
    const model::Lsn between = position();
    proxy.Arm(fault);
    const auto key = static_cast<std::int64_t>(++id);
    const Outcome outcome = RunScript(session, MakeScript(id, {Insert(key, "a")}));
    EXPECT_TRUE(outcome.was_in_doubt);
    ASSERT_TRUE(outcome.bracket.has_value());
    EXPECT_GE(outcome.bracket->before, start);
    if (fault == Proxy::Fault::kLoseAllAnswers) {
      EXPECT_LE(outcome.bracket->before, opened);
    }
    EXPECT_GT(outcome.bracket->after, between);
    EXPECT_LE(outcome.bracket->after, position());
    // The next one begins where this ended.
    const Outcome next = RunScript(session, MakeScript(++id, {Update(key, "b")}));
    ASSERT_TRUE(next.bracket.has_value());
    EXPECT_GE(next.bracket->before, outcome.bracket->after);
    EXPECT_GT(next.bracket->after, next.bracket->before);
  }
  EXPECT_EQ(Committed(), "1,2,3,4");
}

// What was on its way to the server when the connection broke may not be executed after all.
TEST_F(InDoubtTest, DelayedScriptIsNotExecutedBesideItsRepetition) {
  Proxy proxy(cluster().directory());
  Session session = OpenSession(catalog_, proxy.conninfo());
  proxy.Arm(Proxy::Fault::kDelayScript);
  const Outcome outcome = RunScript(session, MakeScript(1, {Upsert(1, "a")}));
  ASSERT_TRUE(proxy.happened());
  EXPECT_EQ(outcome.fate, Fate::kCommitted);
  proxy.Deliver();
  EXPECT_EQ(Committed(), "1");
}

TEST_F(InDoubtTest, RollbackScriptIsRunAgain) {
  Session session = OpenSession();
  RunScript(session, MakeScript(1, {Insert(1, "a")}));
  Connection lock = Sql();
  Must(lock.Execute("BEGIN; UPDATE run.t SET b = 'locked' WHERE a = 1"));
  Must(session.Start(MakeScript(2, {Insert(2, "b"), Update(1, "z")}, model::ScriptEnd::kRollback)));
  EXPECT_FALSE(Must(session.Drive()).has_value());
  TerminateSession();
  Must(lock.Execute("ROLLBACK"));
  const Outcome outcome = Finish(session);
  EXPECT_EQ(outcome.fate, Fate::kRolledBack);
  EXPECT_EQ(outcome.effects.at(1).rows, 1U);
  EXPECT_EQ(Rows(), "1=a");
  EXPECT_EQ(Committed(), "1");
}

TEST_F(InDoubtTest, ConnectionLostWhileIdleIsOpenedAgain) {
  Session session = OpenSession();
  RunScript(session, MakeScript(1, {Insert(1, "a")}));
  // Once the loop has seen it ...
  TerminateSession();
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  const auto sessions = [] {
    return Scalar(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'lockstep "
        "applier session 1'");
  };
  while (sessions() == "0") {
    WaitFor(session, deadline);
    EXPECT_FALSE(Must(session.Drive()).has_value());
  }
  // ... nothing keeps it awake.
  pollfd waiting{session.fd(), POLLIN, 0};
  EXPECT_EQ(poll(&waiting, 1, 0), 0);
  EXPECT_EQ(RunScript(session, MakeScript(2, {Insert(2, "b")})).fate, Fate::kCommitted);
  // And when a script is started before it has.
  TerminateSession();
  EXPECT_EQ(RunScript(session, MakeScript(3, {Insert(3, "c")})).fate, Fate::kCommitted);
  EXPECT_EQ(Committed(), "1,2,3");
}

// Scripts go on while the server crashes and comes back, again and again.
TEST_F(InDoubtTest, ServerRestartsAreSurvived) {
  Session session = OpenSession();
  std::uint64_t id = 0;
  std::string expected;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 20; ++i) {
      ++id;
      RunScript(session, MakeScript(id, {Insert(static_cast<std::int64_t>(id), "a")}));
    }
    ++id;
    Must(session.Start(MakeScript(id, {Insert(static_cast<std::int64_t>(id), "b")})));
    if (round == 2) {
      Must(cluster().Stop(postgres::StopMode::kFast));
    } else {
      Must(cluster().Crash());
    }
    Must(cluster().StartAgain());
    EXPECT_EQ(Finish(session).fate, Fate::kCommitted);
  }
  for (std::uint64_t i = 1; i <= id; ++i) expected += (i == 1 ? "" : ",") + std::to_string(i);
  EXPECT_EQ(Committed(), expected);
}

TEST_F(InDoubtTest, SessionRowGoneIsAnError) {
  Session session = OpenSession();
  RunScript(session, MakeScript(1, {Insert(1, "a")}));
  Must(Sql().Execute("DELETE FROM run.session"));
  TerminateSession();
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  auto driven = session.Start(MakeScript(2, {Insert(2, "b")}));
  while (driven) {
    ASSERT_FALSE(driven->has_value());
    WaitFor(session, deadline);
    driven = session.Drive();
  }
  EXPECT_NE(driven.error().message.find("session 1"), std::string::npos);
}

}  // namespace
}  // namespace lockstep::applier
