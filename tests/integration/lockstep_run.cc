#include "tests/integration/lockstep_run.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <sstream>
#include <stdexcept>

namespace lockstep::integration {
namespace {

namespace fs = std::filesystem;

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// The value of a string field; empty when it is null or absent.
std::string Field(const Json& report, const char* name) {
  if (!report.is_object() || !report.contains(name) || report[name].is_null()) return {};
  return report[name].get<std::string>();
}

// Whether the command line is that of "applier" or "listener-2".
bool Runs(const std::string& command, const std::string& process) {
  const std::string program = command.substr(0, command.find('\0'));
  const std::string file = fs::path(program).filename();
  const std::string null(1, '\0');
  return file == process ||
         (file == "listener" && Contains(command, null + "--id" + null + process + null));
}

// A directory with the programs, another listener among them.
std::string ProgramsWith(const std::string& listener, const std::string& directory) {
  fs::create_directories(directory);
  for (const char* program : {"generator", "applier", "verifier"})
    fs::create_symlink(fs::absolute(fs::path(program) / program), fs::path(directory) / program);
  fs::create_symlink(fs::absolute(listener), fs::path(directory) / "listener");
  return directory;
}

std::vector<std::string> CommandLine(const Plan& plan, const std::string& mark,
                                     const std::string& directory) {
  const std::string programs = plan.listener_program.empty()
                                   ? fs::current_path().string()
                                   : ProgramsWith(plan.listener_program, directory + "/bin");
  std::vector<std::string> command = {
      "/usr/bin/env",
      mark,
      "LOCKSTEP_BIN_DIR=" + programs,
      fs::absolute("launcher/lockstep").string(),
      "run",
      "--report=" + directory + "/report.json",
      fmt::format("--seed={}", plan.seed),
      fmt::format("--transactions={}", plan.transactions),
      fmt::format("--sessions={}", plan.sessions),
      fmt::format("--listeners={}", plan.listeners),
      fmt::format("--checkpoint={}", plan.checkpoint),
      fmt::format("--stall-timeout={}", plan.stall_timeout_s),
  };
  if (!plan.truncation_triggers) command.push_back("--no-truncation-triggers");
  if (plan.listener_timeout_s > 0) {
    command.push_back(fmt::format("--listener-timeout={}", plan.listener_timeout_s));
  }
  if (plan.keep) command.push_back("--keep=" + directory + "/kept");
  if (!plan.plugin.empty()) command.push_back("--plugin=" + plan.plugin);
  if (!plan.database.empty()) command.push_back("--database=" + plan.database);
  if (!plan.sabotage.empty()) command.push_back("--sabotage=" + plan.sabotage);
  return command;
}

}  // namespace

std::string Ended::verdict() const { return Field(report, "verdict"); }
std::string Ended::reason() const { return Field(report, "reason"); }
std::string Ended::error() const { return Field(report, "error"); }

void Ended::LeavesNothing() const { EXPECT_EQ(left_behind, std::vector<std::string>()) << output; }

// A message that is not sent leaves no trace in a state.
static bool ShowsEverything(const Json& listener) {
  Json projected = listener["projected"];
  projected.erase("logical_message");
  return projected.empty();
}

void Ended::Converges() const {
  EXPECT_EQ(exit_code, 0) << output;
  ASSERT_EQ(verdict(), "converged") << output;
  const Json& counts = report["transactions"];
  EXPECT_EQ(counts["failed"], 0) << output;
  EXPECT_GT(counts["committed"], 0);
  EXPECT_EQ(counts["generated"].get<int>(),
            counts["committed"].get<int>() + counts["rolled_back"].get<int>());
  EXPECT_GT(report["rows_compared"], 0);
  for (const Json& listener : report["listeners"]) {
    EXPECT_EQ(listener["commits_checked"], counts["committed"]) << listener;
    if (!ShowsEverything(listener)) continue;
    EXPECT_EQ(listener["digest"], report["digests"]["expected"]) << listener;
  }
  EXPECT_EQ(report["digests"]["source"], report["digests"]["expected"]);
  EXPECT_EQ(report["digests"]["generator"], report["digests"]["expected"]);
  LeavesNothing();
}

void Ended::IsInconclusive() const {
  EXPECT_EQ(exit_code, 5) << output;
  EXPECT_EQ(verdict(), "inconclusive") << output;
  EXPECT_FALSE(report.contains("first_divergence"));
  LeavesNothing();
}

void Ended::Fails(int code, const std::string& with_error) const {
  EXPECT_EQ(exit_code, code) << output;
  ASSERT_TRUE(report.is_object()) << output;
  EXPECT_TRUE(report["verdict"].is_null()) << report;
  EXPECT_EQ(report["exit_code"], code);
  EXPECT_TRUE(Contains(error(), with_error)) << error();
  EXPECT_TRUE(Contains(output, "lockstep: " + error().substr(0, error().find('\n')))) << output;
  LeavesNothing();
}

LockstepRun::LockstepRun(const Plan& plan, const std::string& directory) : directory_(directory) {
  auto process = launcher::Process::Start(CommandLine(plan, footprint_.mark(), directory_),
                                          directory_ + "/output");
  if (!process) throw std::runtime_error(process.error().message);
  launcher_.emplace(std::move(*process));
}

std::string LockstepRun::output() const { return ReadText(directory_ + "/output"); }

std::string LockstepRun::Log(const std::string& process) const {
  return ReadText(fmt::format("{}/kept/logs/{}.log", directory_, process));
}

std::string LockstepRun::schema() const {
  constexpr std::string_view kStart = "lockstep: run ";
  std::string id;
  WaitUntil("the run says its name", [&] {
    const std::string text = output();
    const std::size_t start = text.find(kStart);
    const std::size_t end = text.find(':', start + kStart.size());
    if (start == text.npos || end == text.npos) return false;
    id = text.substr(start + kStart.size(), end - start - kStart.size());
    return true;
  });
  return "lockstep_" + id;
}

pid_t LockstepRun::Find(const std::string& process) const {
  pid_t found = 0;
  WaitUntil(process + " runs", [&] {
    for (const auto& [pid, command] : footprint_.Processes()) {
      if (Runs(command, process)) found = pid;
    }
    return found != 0;
  });
  return found;
}

void LockstepRun::Signal(const std::string& process, int number) const {
  if (kill(Find(process), number) != 0) throw std::runtime_error("cannot signal " + process);
}

void LockstepRun::Freeze(const std::string& process) const { integration::Freeze(Find(process)); }

void LockstepRun::Join(const std::string& listener) {
  std::vector<std::string> command = {"/usr/bin/env", footprint_.mark()};
  std::istringstream words(ReadText(fmt::format("/proc/{}/cmdline", Find("listener-1"))));
  for (std::string word; std::getline(words, word, '\0');) {
    if (word == "--status" || word == "--trace" || word == "--sabotage" || word == "--slot") {
      std::getline(words, word, '\0');
    } else {
      command.push_back(word == "listener-1" ? listener : word);
    }
  }
  const int life = ++lives_[listener];
  joined_.erase(listener);
  auto process =
      launcher::Process::Start(command, fmt::format("{}/{}.{}.log", directory_, listener, life));
  if (!process) throw std::runtime_error(process.error().message);
  joined_.emplace(listener, std::move(*process));
}

std::string LockstepRun::JoinedLog(const std::string& listener) const {
  std::string text;
  for (int life = 1; life <= lives_.at(listener); ++life)
    text += ReadText(fmt::format("{}/{}.{}.log", directory_, listener, life));
  return text;
}

void LockstepRun::Thaw(const std::string& process) const { Signal(process, SIGCONT); }

Ended LockstepRun::End() {
  const launcher::ExitStatus status = footprint_.AwaitEnd(*launcher_, [&] { return output(); });
  return {.exit_code = status.signal != 0 ? -status.signal : status.status,
          .output = output(),
          .report = Json::parse(ReadText(directory_ + "/report.json"), nullptr, false),
          .left_behind = footprint_.Left()};
}

}  // namespace lockstep::integration
