#include "launcher/programs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace lockstep::launcher {
namespace {

namespace fs = std::filesystem;

fs::path FreshDirectory(const std::string& name) {
  const fs::path path = fs::path(::testing::TempDir()) / name;
  fs::remove_all(path);
  fs::create_directories(path);
  return path;
}

void MakeProgram(const fs::path& path) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << "#!/bin/sh\n";
  fs::permissions(path, fs::perms::owner_all);
}

TEST(ProgramsTest, AreFoundInTheNamedDirectory) {
  const fs::path bin = FreshDirectory("bin");
  for (const char* name : {"generator", "applier", "listener"}) MakeProgram(bin / name);
  MakeProgram(bin / "verifier" / "verifier");
  const auto programs = FindPrograms(bin.string(), "/nowhere");
  ASSERT_TRUE(programs.has_value()) << programs.error().message;
  EXPECT_EQ(programs->generator, bin / "generator");
  EXPECT_EQ(programs->verifier, bin / "verifier/verifier");
}

TEST(ProgramsTest, AreFoundBesideTheLauncherInBazelsTree) {
  const fs::path tree = FreshDirectory("tree");
  for (const char* name : {"generator", "applier", "listener", "verifier"}) {
    MakeProgram(tree / name / name);
  }
  const auto programs = FindPrograms(std::nullopt, (tree / "launcher").string());
  ASSERT_TRUE(programs.has_value()) << programs.error().message;
  EXPECT_EQ(programs->applier, tree / "applier/applier");
}

TEST(ProgramsTest, AMissingOneIsNamedWithTheRemedy) {
  const fs::path bin = FreshDirectory("empty");
  fs::create_directories(bin / "generator");  // a directory is no program
  const auto programs = FindPrograms(bin.string(), "/nowhere");
  ASSERT_FALSE(programs.has_value());
  EXPECT_EQ(programs.error().message,
            "the program \"generator\" is not in " + bin.string() +
                ": build it (bazel build //generator) or name its directory in LOCKSTEP_BIN_DIR");
}

class PlanTest : public ::testing::Test {
 protected:
  static std::vector<std::string> CommandOf(const std::vector<ProcessPlan>& plans,
                                            const std::string& name) {
    const auto found = std::ranges::find(plans, name, &ProcessPlan::name);
    return found == plans.end() ? std::vector<std::string>() : found->command;
  }

  const Programs programs_{"/b/generator", "/b/applier", "/b/listener", "/b/verifier"};
  const RunNames names_{
      "lockstep_1234abcd", {"postgresql://x", {{"PGPASSWORD", "secret"}}}, "/tmp/s"};
};

TEST_F(PlanTest, EachProcessIsCalledAsItsContractSays) {
  const auto plans = PlanProcesses(programs_, names_, RunOptions{.seed = 7});
  using Words = std::vector<std::string>;
  EXPECT_EQ(CommandOf(plans, "verifier"),
            (Words{"/b/verifier", "--listen", "ipc:///tmp/s/verifier", "--database",
                   "postgresql://x", "--listeners", "1", "--stall-timeout", "60",
                   "--listener-timeout", "180", "--status", "ipc:///tmp/s/launcher"}));
  EXPECT_EQ(CommandOf(plans, "applier"),
            (Words{"/b/applier", "--listen", "ipc:///tmp/s/applier", "--verifier",
                   "ipc:///tmp/s/verifier", "--database", "postgresql://x", "--status",
                   "ipc:///tmp/s/launcher"}));
  EXPECT_EQ(CommandOf(plans, "listener-1"),
            (Words{"/b/listener", "--id", "listener-1", "--verifier", "ipc:///tmp/s/verifier",
                   "--database", "postgresql://x", "--plugin", "decoderbufs", "--slot",
                   "lockstep_1234abcd_1", "--status", "ipc:///tmp/s/launcher"}));
  EXPECT_EQ(CommandOf(plans, "generator"),
            (Words{"/b/generator", "--verifier", "ipc:///tmp/s/verifier", "--applier",
                   "ipc:///tmp/s/applier", "--status", "ipc:///tmp/s/launcher", "--seed", "7",
                   "--transactions", "2000", "--sessions", "4", "--checkpoint", "5000", "--schema",
                   "lockstep_1234abcd"}));
}

TEST_F(PlanTest, ThePasswordIsForThoseThatConnectAndInNoArgument) {
  for (const ProcessPlan& plan : PlanProcesses(programs_, names_, RunOptions{.listeners = 2})) {
    const bool connects = std::ranges::count(plan.command, "--database") == 1;
    EXPECT_EQ(connects, plan.name != "generator");
    EXPECT_EQ(plan.variables, connects ? names_.database.variables : postgres::Variables())
        << plan.name;
  }
}

TEST_F(PlanTest, OnlyTheFirstListenerIsSabotaged) {
  const auto plans =
      PlanProcesses(programs_, names_, RunOptions{.listeners = 3, .sabotage = "stale-key"});
  EXPECT_EQ(plans.size(), 6u);
  EXPECT_EQ(CommandOf(plans, "listener-1").back(), "stale-key");
  EXPECT_EQ(std::ranges::count(CommandOf(plans, "listener-3"), "--sabotage"), 0);
  EXPECT_EQ(std::ranges::count(CommandOf(plans, "listener-3"), "lockstep_1234abcd_3"), 1);
}

TEST_F(PlanTest, KeptTracesHaveAFileForEachListener) {
  RunNames names = names_;
  names.trace_directory = "/k/trace";
  const auto plans = PlanProcesses(programs_, names, RunOptions{.listeners = 2});
  for (const ProcessPlan& plan : plans) {
    const bool is_listener = plan.name.starts_with("listener-");
    const auto flag = std::ranges::find(plan.command, "--trace");
    ASSERT_EQ(flag != plan.command.end(), is_listener) << plan.name;
    if (!is_listener) continue;
    EXPECT_EQ(*(flag + 1), "/k/trace/" + plan.name + ".trace");
  }
}

}  // namespace
}  // namespace lockstep::launcher
