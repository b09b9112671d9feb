// Whole runs on a server where the user may do no more than a run needs: without a superuser's
// rights the WAL cannot be read, and the order of commits is bracketed.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "tests/integration/lockstep_fixture.h"

namespace lockstep::integration {
namespace {

class BracketsTest : public DatabaseFixture {
 protected:
  static void SetUpTestSuite() {
    DatabaseFixture::SetUpTestSuite();
    Must(Sql().Execute("CREATE ROLE plain LOGIN REPLICATION"));
    Must(Sql().Execute("GRANT CREATE ON DATABASE postgres TO plain"));
  }
  // The suite's server as the user without rights.
  static std::string Plain() {
    std::string uri = cluster().uri();
    return uri.replace(uri.find("postgres@"), 9, "plain@");
  }

  // The liar is found out, and a commit is named.
  static void ExpectCaught(const Ended& run) {
    EXPECT_TRUE(run.verdict() == "diverged" || run.verdict() == "missing") << run.output;
    EXPECT_EQ(run.exit_code, run.verdict() == "diverged" ? 2 : 3);
    EXPECT_EQ(run.report["commit_order"], "brackets");
    EXPECT_EQ(run.divergence()["listener"], "listener-1");
    EXPECT_GT(run.divergence()["xid"], 0);
    EXPECT_NE(run.divergence()["end_lsn"], "0/0");
    run.LeavesNothing();
    EXPECT_EQ(LeftOnServer(), "");
  }
};

TEST_F(BracketsTest, AUserWithoutSpecialRightsConverges) {
  for (const std::uint64_t seed : {3, 4}) {
    const Ended run =
        Run({.seed = seed, .transactions = 1500, .listeners = 2, .database = Plain()});
    run.Converges();
    EXPECT_EQ(run.report["commit_order"], "brackets");
    for (const Json& listener : run.report["listeners"]) {
      EXPECT_EQ(listener["commits_checked"], run.report["transactions"]["committed"]);
    }
    EXPECT_NE(run.output.find("bracketed"), std::string::npos) << run.output;
  }
  EXPECT_EQ(LeftOnServer(), "");
}

TEST_F(BracketsTest, SabotageOfAnOnlyListenerIsCaught) {
  // Not swap-commits: it swaps neighbours of two sessions, which nobody can tell where their
  // brackets overlap.
  for (const char* kind : {"corrupt-value", "drop-change", "duplicate-transaction",
                           "apply-rolled-back", "stale-key", "null-for-unchanged"}) {
    SCOPED_TRACE(kind);
    ExpectCaught(Run({.transactions = 1500, .database = Plain(), .sabotage = kind}));
  }
}

TEST_F(BracketsTest, CommitsSwappedByOneOfThreeAreCaughtWhateverTheBrackets) {
  const Ended run = Run({.transactions = 600,
                         .sessions = 8,
                         .listeners = 3,
                         .database = Plain(),
                         .sabotage = "swap-commits"});
  ExpectCaught(run);
  EXPECT_EQ(run.verdict(), "diverged") << run.output;
}

TEST_F(BracketsTest, AServerStoppedAndStartedInTheMiddleConverges) {
  LockstepRun run = Start({.transactions = 5000, .database = Plain()});
  WaitForTransaction(run, 300);
  Must(cluster().Stop(postgres::StopMode::kFast));
  Must(cluster().StartAgain());
  run.End().Converges();
  EXPECT_EQ(LeftOnServer(), "");
}

TEST_F(BracketsTest, ASuperuserReadsTheWal) {
  const Ended run = Run({});
  run.Converges();
  EXPECT_EQ(run.report["commit_order"], "wal");
  Must(Sql().Execute("DROP EXTENSION pg_walinspect"));
}

}  // namespace
}  // namespace lockstep::integration
