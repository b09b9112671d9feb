#include "launcher/options.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace lockstep::launcher {
namespace {

using Variables = std::map<std::string, std::string>;

model::Result<Command> Parse(std::vector<std::string> arguments, Variables variables = {}) {
  arguments.insert(arguments.begin(), "run");
  return ParseCommandLine(std::move(arguments),
                          [&](const std::string& name) -> std::optional<std::string> {
                            const auto found = variables.find(name);
                            if (found == variables.end()) return std::nullopt;
                            return found->second;
                          });
}

RunOptions Options(std::vector<std::string> arguments, Variables variables = {}) {
  auto command = Parse(std::move(arguments), std::move(variables));
  if (!command) throw std::runtime_error(command.error().message);
  return std::get<RunOptions>(*command);
}

std::string Refusal(std::vector<std::string> arguments, Variables variables = {}) {
  auto command = Parse(std::move(arguments), std::move(variables));
  if (command) return "accepted";
  EXPECT_EQ(command.error().kind, model::ErrorKind::kUsage);
  return command.error().message;
}

std::string WriteFile(const std::string& text) {
  const std::string path = std::filesystem::path(::testing::TempDir()) / "run.conf";
  std::ofstream(path) << text;
  return path;
}

TEST(OptionsTest, DefaultsAreThoseOfTheHelp) { EXPECT_EQ(Options({}), RunOptions()); }

TEST(OptionsTest, EveryOptionIsTaken) {
  EXPECT_EQ(Options({"--seed",          "18446744073709551615",
                     "--transactions",  "20000",
                     "--sessions",      "8",
                     "--listeners",     "3",
                     "--plugin",        "pgoutput",
                     "--database",      "postgresql:///x",
                     "--keep",          "/tmp/k",
                     "--report",        "/tmp/r.json",
                     "--sabotage",      "drop-change",
                     "--checkpoint",    "50",
                     "--stall-timeout", "5"}),
            (RunOptions{.seed = 18446744073709551615u,
                        .transactions = 20000,
                        .sessions = 8,
                        .listeners = 3,
                        .plugin = "pgoutput",
                        .database = "postgresql:///x",
                        .keep = "/tmp/k",
                        .report = "/tmp/r.json",
                        .sabotage = "drop-change",
                        .checkpoint = 50,
                        .stall_timeout_s = 5}));
}

TEST(OptionsTest, CommandLineWinsOverEnvironmentWinsOverFile) {
  const std::string file = WriteFile("seed = 1\nsessions = 1\nstall-timeout = 1\n");
  const RunOptions options = Options({"--seed", "3", "--config", file},
                                     {{"LOCKSTEP_SEED", "2"}, {"LOCKSTEP_SESSIONS", "2"}});
  EXPECT_EQ(options.seed, 3u);
  EXPECT_EQ(options.sessions, 2u);
  EXPECT_EQ(options.stall_timeout_s, 1u);
  EXPECT_EQ(options.listeners, 1u);
}

TEST(OptionsTest, TheEnvironmentCanNameTheFile) {
  EXPECT_EQ(Options({}, {{"LOCKSTEP_CONFIG", WriteFile("checkpoint = 9")}}).checkpoint, 9u);
}

TEST(OptionsTest, AnEmptyVariableIsNoValue) {
  EXPECT_EQ(Options({}, {{"LOCKSTEP_DATABASE", ""}, {"LOCKSTEP_STALL_TIMEOUT", "7"}}),
            (RunOptions{.stall_timeout_s = 7}));
}

TEST(OptionsTest, AValueOutOfRangeNamesItsOption) {
  for (const char* option :
       {"--sessions", "--listeners", "--transactions", "--checkpoint", "--stall-timeout"}) {
    EXPECT_NE(Refusal({option, "0"}).find(option), std::string::npos) << Refusal({option, "0"});
  }
  EXPECT_NE(Refusal({"--seed", "-1"}).find("--seed"), std::string::npos);
  EXPECT_NE(Refusal({"--seed", "many"}).find("--seed"), std::string::npos);
  EXPECT_NE(Refusal({"--colour"}).find("--colour"), std::string::npos);
}

TEST(OptionsTest, AWrongValueFromElsewhereNamesItsSource) {
  EXPECT_TRUE(Refusal({}, {{"LOCKSTEP_SESSIONS", "0"}}).starts_with("LOCKSTEP_SESSIONS: "));
  const std::string file = WriteFile("\nlisteners = none\n");
  EXPECT_TRUE(Refusal({"--config", file}).starts_with(file + ":2: "))
      << Refusal({"--config", file});
  const std::string unknown = WriteFile("colour = red\n");
  EXPECT_TRUE(
      Refusal({"--config", unknown}).starts_with(unknown + ":1: there is no option \"colour\""));
}

TEST(OptionsTest, RelativePathsMeanTheCallersDirectory) {
  const std::filesystem::path directory = ::testing::TempDir();
  WriteFile("keep = kept\n");
  const RunOptions options = Options({"--report", "../r.json", "--config", "run.conf"},
                                     {{"BUILD_WORKING_DIRECTORY", directory.string()}});
  EXPECT_EQ(options.keep, (directory / "kept").lexically_normal());
  EXPECT_EQ(options.report, (directory / "../r.json").lexically_normal());
  EXPECT_EQ(Options({"--keep", "kept"}).keep, std::filesystem::current_path() / "kept");
}

TEST(OptionsTest, HelpTellsOptionsExitCodesAndExamples) {
  const auto command = Parse({"--help"});
  ASSERT_TRUE(command.has_value());
  const std::string text = std::get<HelpText>(*command).text;
  for (const char* part : {"--seed", "--stall-timeout", "5  inconclusive", "lockstep run --seed 7",
                           "LOCKSTEP_SEED", "corrupt-value"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " is not in\n" << text;
  }
}

TEST(OptionsTest, WithoutACommandTheMessageSaysWhatIsMissing) {
  const auto command = ParseCommandLine({}, [](const std::string&) { return std::nullopt; });
  ASSERT_FALSE(command.has_value());
  EXPECT_NE(command.error().message.find("subcommand"), std::string::npos);
}

}  // namespace
}  // namespace lockstep::launcher
