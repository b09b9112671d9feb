// Processes that stand still or die, and Ctrl-C: the run goes on or says whose turn it was, and
// nothing is left behind.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <string>
#include <utility>

#include "tests/integration/lockstep_fixture.h"

namespace lockstep::integration {
namespace {

constexpr int kMany = 4000;
// More than the generator may send ahead (verifier::ProcessOptions::window), by far.
constexpr int kMoreThanTheWindow = 10'000;

class FaultTest : public DatabaseFixture {
 protected:
  // Every transaction has been tried, by all sessions. The last one may have rolled back.
  static void WaitForTheLast(const LockstepRun& run, int transactions) {
    WaitForTransaction(run, transactions - 100);
  }
  // The last transaction that has committed, once none has for a second: somebody holds up all.
  static int WaitUntilStill(const LockstepRun& run) {
    const std::string query = "SELECT max(transaction_id) FROM " + run.schema() + ".session";
    std::string last;
    auto since = std::chrono::steady_clock::now();
    WaitUntil("no transaction has committed for a second", [&] {
      std::string now = Scalar(query);
      if (now != last) since = std::chrono::steady_clock::now();
      last = std::move(now);
      return std::chrono::steady_clock::now() - since >= std::chrono::seconds(1);
    });
    return std::stoi(last);
  }
  static std::string ActiveSlots(const LockstepRun& run) {
    return Scalar(
        "SELECT count(*) FROM pg_replication_slots WHERE active AND "
        "starts_with(slot_name, '" +
        run.schema() + "')");
  }
  // A run that was hurt in the middle.
  void EndsWithoutAVerdict(LockstepRun& run, const std::string& reason) {
    const Ended ended = run.End();
    ended.IsInconclusive();
    EXPECT_NE(ended.reason().find(reason), std::string::npos) << ended.reason();
    EXPECT_EQ(LeftOnServer(), "");
  }
};

// The window lets the others run on: at the end only the frozen listener has something to do.
TEST_F(FaultTest, AListenerThatStandsStillCatchesUp) {
  LockstepRun run = Start({.transactions = kMany, .listeners = 2});
  WaitForTransaction(run, 100);
  run.Freeze("listener-2");
  WaitForTheLast(run, kMany);
  run.Thaw("listener-2");
  run.End().Converges();
}

TEST_F(FaultTest, AListenerThatPostgresGaveUpReconnects) {
  Must(Sql().Execute("ALTER SYSTEM SET wal_sender_timeout = '1s'"));
  Must(Sql().Execute("SELECT pg_reload_conf()"));
  LockstepRun run = Start({.transactions = kMany, .listeners = 2});
  WaitForTransaction(run, 100);
  run.Freeze("listener-1");
  WaitUntil("Postgres has given the listener up", [&] { return ActiveSlots(run) == "1"; });
  run.Thaw("listener-1");
  run.End().Converges();
  Must(Sql().Execute("ALTER SYSTEM RESET wal_sender_timeout"));
  Must(Sql().Execute("SELECT pg_reload_conf()"));
}

// Scripts and outcomes pile up for it, on two connections that are read in turn, up to the next
// checkpoint, where the sessions wait for it.
TEST_F(FaultTest, AVerifierThatStandsStillCatchesUp) {
  LockstepRun run = Start({.transactions = kMany, .sessions = 8});
  WaitForTransaction(run, 100);
  run.Freeze("verifier");
  EXPECT_LT(WaitUntilStill(run), kMany);
  run.Thaw("verifier");
  run.End().Converges();
}

TEST_F(FaultTest, AnApplierAndAGeneratorThatStandStillGoOn) {
  LockstepRun run = Start({.transactions = kMoreThanTheWindow});
  WaitForTransaction(run, 100);
  for (const char* process : {"generator", "applier"}) {
    run.Freeze(process);
    EXPECT_LT(WaitUntilStill(run), kMoreThanTheWindow) << process;
    run.Thaw(process);
  }
  run.End().Converges();
}

TEST_F(FaultTest, AStallNamesTheListenerThatStandsStill) {
  LockstepRun run = Start({.transactions = 500, .listeners = 2, .stall_timeout_s = 2});
  WaitForTransaction(run, 20);
  run.Freeze("listener-2");
  // It is thawed to leave, when the verdict is there.
  WaitUntil("the verifier gives up",
            [&] { return run.Log("verifier").find("verdict:") != std::string::npos; });
  run.Thaw("listener-2");
  EndsWithoutAVerdict(run, "nothing has moved for 2 s; waited for listener-2: ");
}

TEST_F(FaultTest, AListenerThatStaysFrozenIsKilledInTheEnd) {
  LockstepRun run = Start({.transactions = 500, .listeners = 2, .stall_timeout_s = 1});
  WaitForTransaction(run, 20);
  run.Freeze("listener-2");
  EndsWithoutAVerdict(run, "waited for listener-2: ");
}

TEST_F(FaultTest, AKilledProcessIsNamed) {
  for (const std::string process : {"listener-1", "applier", "generator", "verifier"}) {
    SCOPED_TRACE(process);
    LockstepRun run = Start({.transactions = 1'000'000});
    WaitForTransaction(run, 50);
    run.Signal(process, SIGKILL);
    EndsWithoutAVerdict(run, process + " was killed by signal 9");
  }
}

TEST_F(FaultTest, CtrlCRemovesEverything) {
  for (const int number : {SIGINT, SIGTERM}) {
    LockstepRun run = Start({.transactions = 1'000'000, .listeners = 3});
    WaitForTransaction(run, 50);
    run.SignalLauncher(number);
    EndsWithoutAVerdict(run, "interrupted");
  }
}

TEST_F(FaultTest, CtrlCBeforeTheStartRemovesEverything) {
  LockstepRun run = Start({.transactions = 1'000'000});
  (void)run.schema();
  run.SignalLauncher(SIGINT);
  EndsWithoutAVerdict(run, "interrupted");
}

class OwnServer : public LockstepFixture {};

TEST_F(OwnServer, CtrlCRemovesTheServerToo) {
  LockstepRun run = Start({.transactions = 1'000'000});
  (void)run.Find("generator");
  WaitUntil("its own server is at work", [&] { return run.output().size() > 0; });
  run.SignalLauncher(SIGINT);
  run.End().IsInconclusive();
}

}  // namespace
}  // namespace lockstep::integration
