// Listeners that join, leave, die and stand still in the middle of a run without an end, which
// Ctrl-C ends with a verdict.
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdint>
#include <string>

#include "tests/integration/lockstep_fixture.h"

namespace lockstep::integration {
namespace {

// Of the listeners; longer than one that is well is ever silent, on a slow machine too.
constexpr std::uint32_t kTimeoutSeconds = 5;

class ScaleTest : public DatabaseFixture {
 protected:
  LockstepRun StartEndless(std::uint32_t listeners, Plan plan = {}) {
    plan.transactions = 0;
    plan.listeners = listeners;
    LockstepRun run = Start(plan);
    WaitForTransaction(run, 50);
    return run;
  }
  // The transactions that the sessions have begun.
  static int Now(const LockstepRun& run) {
    return std::stoi(Scalar("SELECT max(transaction_id) FROM " + run.schema() + ".session"));
  }
  static void GoOn(const LockstepRun& run, int transactions) {
    WaitForTransaction(run, Now(run) + transactions);
  }
  // Attached: it is being streamed to, and the verifier has been told.
  static void WaitForJoined(const LockstepRun& run, const std::string& listener, int times = 1) {
    std::string log;
    const auto joined = [&] {
      log = run.Log("verifier");
      int found = 0;
      for (std::size_t at = 0; (at = log.find(listener + " joins at", at)) != log.npos; ++at)
        ++found;
      return found >= times;
    };
    try {
      WaitUntil(listener + " has joined", joined);
    } catch (const std::exception& error) {
      throw std::runtime_error(std::string(error.what()) + ": " + log + run.JoinedLog(listener));
    }
  }
  static Ended Stop(LockstepRun& run) {
    run.SignalLauncher(SIGINT);
    return run.End();
  }
  static const Json& ResultOf(const Ended& run, const std::string& listener, int number = 0) {
    for (const Json& result : run.report["listeners"]) {
      if (result["id"] == listener && number-- == 0) return result;
    }
    throw std::runtime_error("no result of " + listener + " in " + run.output);
  }
  static void ExpectConverged(const Ended& run) {
    EXPECT_EQ(run.exit_code, 0) << run.output;
    EXPECT_EQ(run.verdict(), "converged") << run.output;
    EXPECT_EQ(run.report["transactions"]["failed"], 0);
    EXPECT_GT(run.report["rows_compared"], 0);
    EXPECT_EQ(run.report["digests"]["source"], run.report["digests"]["expected"]);
    EXPECT_EQ(run.report["digests"]["generator"], run.report["digests"]["expected"]);
    run.LeavesNothing();
    EXPECT_EQ(LeftOnServer(), "");
  }
  static void ExpectAllChecked(const Ended& run) {
    ExpectConverged(run);
    for (const Json& listener : run.report["listeners"])
      EXPECT_EQ(listener["commits_checked"], run.report["transactions"]["committed"]) << listener;
  }
};

TEST_F(ScaleTest, ARunWithoutAnEndEndsWithAVerdictWhenItIsStopped) {
  LockstepRun run = StartEndless(1);
  ExpectAllChecked(Stop(run));
}

TEST_F(ScaleTest, OneThatJoinsInTheMiddleIsJudgedFromThere) {
  LockstepRun run = StartEndless(1);
  GoOn(run, 300);
  run.Join("listener-9");
  WaitForJoined(run, "listener-9");
  GoOn(run, 300);
  const Ended ended = Stop(run);
  ExpectConverged(ended);
  const Json& late = ResultOf(ended, "listener-9");
  EXPECT_GT(late["commits_checked"], 0);
  EXPECT_LT(late["commits_checked"], ResultOf(ended, "listener-1")["commits_checked"]);
  EXPECT_NE(late["joined"], ResultOf(ended, "listener-1")["joined"]);
  EXPECT_TRUE(late["left"].is_null());
  EXPECT_EQ(late["digest"], ResultOf(ended, "listener-1")["digest"]);
}

TEST_F(ScaleTest, OneThatLeavesIsJudgedForWhatItHadAndTheRunGoesOn) {
  LockstepRun run = StartEndless(2);
  GoOn(run, 200);
  run.Signal("listener-2", SIGTERM);
  WaitUntil("it has left",
            [&] { return run.Log("verifier").find("listener-2 leaves") != std::string::npos; });
  GoOn(run, 200);
  const Ended ended = Stop(run);
  ExpectConverged(ended);
  const Json& gone = ResultOf(ended, "listener-2");
  EXPECT_TRUE(gone["left"].is_string());
  EXPECT_EQ(gone["lost"], false);
  EXPECT_GT(gone["commits_checked"], 0);
  EXPECT_LT(gone["commits_checked"], ResultOf(ended, "listener-1")["commits_checked"]);
}

TEST_F(ScaleTest, OneThatIsKilledComesBackUnderItsName) {
  LockstepRun run = StartEndless(1);
  run.Join("listener-9");
  WaitForJoined(run, "listener-9");
  GoOn(run, 200);
  run.Signal("listener-9", SIGKILL);
  GoOn(run, 200);
  run.Join("listener-9");
  WaitForJoined(run, "listener-9", 2);
  GoOn(run, 200);
  const Ended ended = Stop(run);
  ExpectConverged(ended);
  EXPECT_NE(ended.reason().find("listener-9 was lost after"), std::string::npos) << ended.reason();
  EXPECT_EQ(ResultOf(ended, "listener-9", 0)["lost"], true);
  EXPECT_EQ(ResultOf(ended, "listener-9", 1)["lost"], false);
  EXPECT_GT(ResultOf(ended, "listener-9", 1)["commits_checked"], 0);
  EXPECT_NE(run.JoinedLog("listener-9").find("drops slot"), std::string::npos);
}

TEST_F(ScaleTest, OneThatIsKilledAndStaysAwayIsNamed) {
  LockstepRun run = StartEndless(1, {.listener_timeout_s = kTimeoutSeconds});
  run.Join("listener-9");
  WaitForJoined(run, "listener-9");
  run.Signal("listener-9", SIGKILL);
  WaitUntil("it is lost",
            [&] { return run.Log("verifier").find("listener-9 is lost") != std::string::npos; });
  const Ended ended = Stop(run);
  EXPECT_EQ(ended.verdict(), "inconclusive") << ended.output;
  EXPECT_NE(ended.reason().find("listener-9 was lost after"), std::string::npos) << ended.reason();
  EXPECT_EQ(LeftOnServer(), "");  // the launcher removes its slot too
}

// More than the credit that there would be, did it wait for the one that is stopped.
TEST_F(ScaleTest, OneThatIsStoppedDoesNotHoldTheOthersAndCatchesUp) {
  LockstepRun run = StartEndless(3, {.sessions = 8, .checkpoint = 2000});
  run.Freeze("listener-2");
  GoOn(run, 9000);
  run.Thaw("listener-2");
  const Ended ended = Stop(run);
  ExpectAllChecked(ended);
}

TEST_F(ScaleTest, OneThatWasTakenForDeadJoinsAnew) {
  LockstepRun run = StartEndless(2, {.listener_timeout_s = kTimeoutSeconds});
  run.Freeze("listener-2");
  WaitUntil("it is lost",
            [&] { return run.Log("verifier").find("listener-2 is lost") != std::string::npos; });
  run.Thaw("listener-2");
  WaitForJoined(run, "listener-2");
  GoOn(run, 200);
  const Ended ended = Stop(run);
  ExpectConverged(ended);
  EXPECT_EQ(ResultOf(ended, "listener-2", 0)["lost"], true);
  EXPECT_EQ(ResultOf(ended, "listener-2", 1)["lost"], false);
}

}  // namespace
}  // namespace lockstep::integration
