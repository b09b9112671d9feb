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

model::Result<Command> Parse(std::vector<std::string> arguments, Variables variables = {},
                             const std::string& command = "run") {
  arguments.insert(arguments.begin(), command);
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
  for (const char* option : {"--sessions", "--listeners", "--checkpoint", "--stall-timeout"}) {
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

DoctorOptions Doctor(std::vector<std::string> arguments, Variables variables = {}) {
  auto command = Parse(std::move(arguments), std::move(variables), "doctor");
  if (!command) throw std::runtime_error(command.error().message);
  return std::get<DoctorOptions>(*command);
}

TEST(OptionsTest, EveryOptionOfDoctorIsTaken) {
  EXPECT_EQ(Doctor({"--database", "postgresql:///x"}),
            (DoctorOptions{.database = "postgresql:///x"}));
  EXPECT_EQ(Doctor({"--database", "postgresql:///x", "--plugin", "pgoutput-binary", "--schema", "a",
                    "--schema", "b,c", "--json"}),
            (DoctorOptions{.database = "postgresql:///x",
                           .plugin = "pgoutput-binary",
                           .schemas = {"a", "b,c"},
                           .json = true}));
}

TEST(OptionsTest, DoctorReadsEnvironmentAndTheFileOfARun) {
  const std::string file = WriteFile("seed = 7\ndatabase = postgresql:///f\nschema = s\n");
  EXPECT_EQ(
      Doctor({"--config", file}, {{"LOCKSTEP_JSON", "true"}, {"LOCKSTEP_PLUGIN", "pgoutput"}}),
      (DoctorOptions{
          .database = "postgresql:///f", .plugin = "pgoutput", .schemas = {"s"}, .json = true}));
  // And the other way round.
  EXPECT_EQ(Options({"--config", file}).seed, 7u);
  const auto wrong = Parse({"--config", WriteFile("colour = red\n")}, {}, "doctor");
  ASSERT_FALSE(wrong.has_value());
  EXPECT_NE(wrong.error().message.find("lockstep doctor --help"), std::string::npos);
}

TEST(OptionsTest, DoctorNeedsADatabaseAndAPluginThatIsKnown) {
  auto missing = Parse({}, {}, "doctor");
  ASSERT_FALSE(missing.has_value());
  EXPECT_TRUE(missing.error().message.starts_with("--database is required"));
  EXPECT_FALSE(Parse({"--database", "x", "--schema", "a", "b"}, {}, "doctor").has_value());
  auto unknown = Parse({"--database", "x", "--plugin", "avro"}, {}, "doctor");
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().kind, model::ErrorKind::kUsage);
  EXPECT_NE(unknown.error().message.find("\"avro\" is none of decoderbufs, wal2json"),
            std::string::npos)
      << unknown.error().message;
  EXPECT_NE(unknown.error().message.find("lockstep doctor --help"), std::string::npos);
}

TEST(OptionsTest, HelpOfDoctorTellsSeveritiesAndExitCodes) {
  const auto command = Parse({"--help"}, {}, "doctor");
  ASSERT_TRUE(command.has_value());
  const std::string text = std::get<HelpText>(*command).text;
  for (const char* part :
       {"--schema", "--json", "loss     data would be lost", "4  the database"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " is not in\n" << text;
  }
}

TEST(OptionsTest, SlotsAndPruneTakeTheirOptions) {
  EXPECT_EQ(Parse({"--database", "x", "--json"}, {}, "slots").value(),
            Command(SlotsOptions{.database = "x", .json = true}));
  EXPECT_EQ(
      Parse({"prune", "--database", "x", "--older-than", "2d", "--wal-above", "20GB", "--dry-run"},
            {}, "slots")
          .value(),
      Command(PruneOptions{.database = "x",
                           .rule = {.older_than_s = 172'800, .wal_above_bytes = 20'000'000'000},
                           .dry_run = true}));
  // Before the subcommand, and from the environment.
  EXPECT_EQ(Parse({"--database", "x", "prune"}, {}, "slots").value(),
            Command(PruneOptions{.database = "x"}));
  EXPECT_EQ(Parse({"prune"}, {{"LOCKSTEP_DATABASE", "x"}, {"LOCKSTEP_OLDER_THAN", "5min"}}, "slots")
                .value(),
            Command(PruneOptions{.database = "x", .rule = {.older_than_s = 300}}));
  const auto missing = Parse({"prune"}, {}, "slots");
  ASSERT_FALSE(missing.has_value());
  EXPECT_NE(missing.error().message.find("lockstep slots prune --help"), std::string::npos);
  for (const char* wrong : {"2w", "-1d", "d", "1", "99999999999d"}) {
    const auto refused = Parse({"prune", "--database", "x", "--older-than", wrong}, {}, "slots");
    ASSERT_FALSE(refused.has_value()) << wrong;
    EXPECT_EQ(refused.error().kind, model::ErrorKind::kUsage);
    EXPECT_NE(refused.error().message.find("--older-than"), std::string::npos);
  }
}

TEST(OptionsTest, WithoutACommandTheMessageSaysWhatIsMissing) {
  const auto command = ParseCommandLine({}, [](const std::string&) { return std::nullopt; });
  ASSERT_FALSE(command.has_value());
  EXPECT_NE(command.error().message.find("subcommand"), std::string::npos);
}

}  // namespace
}  // namespace lockstep::launcher
