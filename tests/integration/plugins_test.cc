// Runs with a listener on every output plugin: one standard form, whoever tells it.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/integration/lockstep_fixture.h"

namespace lockstep::integration {
namespace {

using PluginsTest = LockstepFixture;

std::set<std::string> Reasons(const Json& listener) {
  std::set<std::string> reasons;
  for (const auto& [reason, cells] : listener["projected"].items()) reasons.insert(reason);
  return reasons;
}

TEST_F(PluginsTest, AllAtOnceConvergeAndSayWhatEachCannotShow) {
  for (const std::uint64_t seed : {1, 2}) {
    const Ended run = Run({.seed = seed, .transactions = 1500, .plugin = "all"});
    run.Converges();
    const Json& listeners = run.report["listeners"];
    ASSERT_EQ(listeners.size(), 4U);
    EXPECT_EQ(listeners[0]["plugin"], "decoderbufs");
    EXPECT_EQ(Reasons(listeners[0]),
              std::set<std::string>({"logical_message", "time_zone", "timestamp_end"}));
    EXPECT_EQ(listeners[1]["plugin"], "wal2json");
    EXPECT_EQ(Reasons(listeners[1]), std::set<std::string>({"non_finite"}));
    for (int i : {2, 3})
      EXPECT_EQ(Reasons(listeners[i]), std::set<std::string>({"generated_column"}));
    EXPECT_EQ(listeners[2]["digest"], listeners[3]["digest"]);
    for (const auto& [situation, count] : run.report["situations"].items()) {
      EXPECT_TRUE(count > 0 || situation == "large_transaction") << situation;
    }
  }
}

TEST_F(PluginsTest, ChangesInAnotherOrderAreNoticedThoughTheStateIsRight) {
  for (const char* plugin : {"decoderbufs", "pgoutput-binary"}) {
    const Ended run = Run({.plugin = plugin, .sabotage = "reorder-changes"});
    EXPECT_EQ(run.exit_code, 2) << run.output;
    EXPECT_NE(run.reason().find("not in their order"), std::string::npos) << run.output;
    EXPECT_EQ(run.divergence()["listener"], "listener-1");
    run.LeavesNothing();
  }
}

// Without triggers decoderbufs shows no TRUNCATE: what it hits is out of sight, and only that.
TEST_F(PluginsTest, ATruncationThatCannotBeSeenIsNeitherEqualNorADivergence) {
  const Ended run =
      Run({.transactions = 1500, .plugin = "decoderbufs,wal2json", .truncation_triggers = false});
  run.IsInconclusive();
  EXPECT_NE(run.reason().find("was truncated"), std::string::npos) << run.output;
  const Json& blind = run.report["listeners"][0];
  const Json& seeing = run.report["listeners"][1];
  EXPECT_FALSE(blind["quarantined"].empty()) << run.output;
  EXPECT_TRUE(seeing["quarantined"].empty());
  EXPECT_EQ(seeing["commits_checked"], run.report["transactions"]["committed"]);
  EXPECT_GT(blind["commits_checked"], run.report["transactions"]["committed"].get<int>() / 2);
  EXPECT_LE(blind["commits_checked"], run.report["transactions"]["committed"]);
}

TEST_F(PluginsTest, ALieIsCaughtBesideATableThatIsOutOfSight) {
  const Ended run = Run({.transactions = 1500,
                         .plugin = "decoderbufs",
                         .sabotage = "corrupt-value",
                         .truncation_triggers = false});
  EXPECT_EQ(run.exit_code, 2) << run.output;
  run.LeavesNothing();
}

}  // namespace
}  // namespace lockstep::integration
