// A whole run on a server of its own: it converges, twice the same, and reports what it promises.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <string>
#include <vector>

#include "tests/integration/lockstep_fixture.h"

namespace lockstep::integration {
namespace {

class PipelineTest : public LockstepFixture {};

bool Matches(const Json& text, const char* pattern) {
  return text.is_string() && std::regex_match(text.get<std::string>(), std::regex(pattern));
}
bool IsDigest(const Json& value) { return Matches(value, "[0-9a-f]{32}"); }
bool IsLsn(const Json& value) { return Matches(value, "(0|[1-9A-F][0-9A-F]{0,7})/[0-9A-F]{1,8}"); }
bool IsCount(const Json& value) { return value.is_number_unsigned(); }

std::vector<std::string> NamesOf(const Json& object) {
  std::vector<std::string> names;
  for (const auto& [name, value] : object.items()) names.push_back(name);
  return names;  // sorted
}

using Names = std::vector<std::string>;

TEST_F(PipelineTest, SeveralSeedsConverge) {
  for (const std::uint64_t seed : {0ull, 7ull, 20260101ull, 18446744073709551615ull}) {
    SCOPED_TRACE(seed);
    const Ended run = Run({.seed = seed, .transactions = 300, .checkpoint = 100});
    run.Converges();
    EXPECT_EQ(run.report["seed"], seed);
    EXPECT_EQ(run.report["transactions"]["generated"], 300);
  }
}

TEST_F(PipelineTest, ThreeListenersConverge) {
  const Ended run = Run({.seed = 7, .transactions = 1000, .listeners = 3, .checkpoint = 400});
  run.Converges();
  ASSERT_EQ(run.report["listeners"].size(), 3u);
  for (int i = 0; i < 3; ++i) {
    const Json& listener = run.report["listeners"][static_cast<std::size_t>(i)];
    EXPECT_EQ(listener["id"], "listener-" + std::to_string(i + 1));
    EXPECT_GT(listener["changes"], listener["transactions"]);
  }
}

TEST_F(PipelineTest, OneSessionAndManySessionsConverge) {
  Run({.seed = 3, .sessions = 1}).Converges();
  Run({.seed = 3, .sessions = 16}).Converges();
}

TEST_F(PipelineTest, TheSameSeedEndsInTheSameStateAnotherOneDoesNot) {
  const Ended first = Run({.seed = 11});
  const Ended again = Run({.seed = 11});
  const Ended watched_by_three = Run({.seed = 11, .listeners = 3});
  const Ended other = Run({.seed = 12});
  for (const Ended* run : {&first, &again, &watched_by_three, &other}) run->Converges();
  for (const Ended* run : {&again, &watched_by_three}) {
    EXPECT_EQ(run->report["workload_hash"], first.report["workload_hash"]);
    EXPECT_EQ(run->report["digests"], first.report["digests"]);
    EXPECT_EQ(run->report["transactions"], first.report["transactions"]);
  }
  EXPECT_NE(other.report["workload_hash"], first.report["workload_hash"]);
  EXPECT_NE(other.report["digests"]["expected"], first.report["digests"]["expected"]);
}

TEST_F(PipelineTest, TheReportOfAConvergedRunIsTheContract) {
  const Ended run = Run({.seed = 5, .transactions = 100});
  const Json& report = run.report;
  EXPECT_EQ(NamesOf(report), (Names{"commit_order", "digests", "elapsed_s", "exit_code",
                                    "listeners", "postgres_version", "rows_compared", "seed",
                                    "situations", "transactions", "verdict", "workload_hash"}));
  EXPECT_EQ(report["verdict"], "converged");
  EXPECT_EQ(report["exit_code"], 0);
  EXPECT_TRUE(IsCount(report["exit_code"]) && IsCount(report["seed"]));
  EXPECT_TRUE(IsDigest(report["workload_hash"])) << report["workload_hash"];
  EXPECT_TRUE(Matches(report["postgres_version"], "[0-9]+\\.[0-9]+.*"));
  EXPECT_TRUE(IsCount(report["rows_compared"]));
  EXPECT_GT(report["situations"]["insert"], 0);
  EXPECT_TRUE(std::ranges::all_of(report["situations"], IsCount)) << report["situations"];
  EXPECT_TRUE(report["elapsed_s"].is_number_float()) << report["elapsed_s"];

  const Json& counts = report["transactions"];
  EXPECT_EQ(NamesOf(counts), (Names{"committed", "failed", "generated", "rolled_back"}));
  EXPECT_TRUE(std::ranges::all_of(counts, IsCount)) << counts;
  EXPECT_EQ(NamesOf(report["digests"]), (Names{"expected", "generator", "source"}));
  EXPECT_TRUE(std::ranges::all_of(report["digests"], IsDigest)) << report["digests"];

  ASSERT_EQ(report["listeners"].size(), 1u);
  const Json& listener = report["listeners"][0];
  EXPECT_EQ(NamesOf(listener),
            (Names{"changes", "commits_checked", "digest", "end_lsn", "foreign", "id", "joined",
                   "left", "lost", "plugin", "projected", "quarantined", "transactions"}));
  for (const char* count : {"changes", "commits_checked", "foreign", "transactions"}) {
    EXPECT_TRUE(IsCount(listener[count])) << count;
  }
  EXPECT_EQ(listener["plugin"], "decoderbufs");
  EXPECT_TRUE(IsLsn(listener["end_lsn"])) << listener["end_lsn"];
  EXPECT_TRUE(IsDigest(listener["digest"]));
}

TEST_F(PipelineTest, TheReportOfADivergedRunIsTheContract) {
  const Ended run = Run({.seed = 5, .sabotage = "corrupt-value"});
  run.LeavesNothing();
  EXPECT_EQ(run.report["exit_code"], 2);
  const Json& divergence = run.divergence();
  EXPECT_EQ(NamesOf(divergence), (Names{"commit", "end_lsn", "listener", "rows", "table", "xid"}));
  EXPECT_EQ(divergence["listener"], "listener-1");
  EXPECT_TRUE(IsCount(divergence["commit"]) && IsCount(divergence["xid"])) << divergence;
  EXPECT_TRUE(IsLsn(divergence["end_lsn"]));
  EXPECT_TRUE(divergence["table"].is_string());
  ASSERT_EQ(divergence["rows"].size(), 1u);
  const Json& row = divergence["rows"][0];
  EXPECT_EQ(NamesOf(row), (Names{"expected", "key", "replicated", "source"}));
  for (const Json& side : row) {
    EXPECT_TRUE(side.is_object()) << row;
    EXPECT_TRUE(std::ranges::all_of(side, [](const Json& text) {
      return text.is_string() || text.is_null();
    })) << row;
  }
}

TEST_F(PipelineTest, AnUnknownSabotageIsToldAndExitsWithOne) {
  const Ended run = Run({.sabotage = "nothing-known"});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_TRUE(run.output.starts_with(
      "lockstep: --sabotage: there is no kind of sabotage \"nothing-known\"; choose one of drop-"))
      << run.output;
  EXPECT_TRUE(run.output.ends_with("(lockstep run --help)\n")) << run.output;
}

}  // namespace
}  // namespace lockstep::integration
