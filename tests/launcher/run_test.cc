// The `lockstep` program with fake children (fake_process.cc) and a real server of its own.
#include "launcher/run.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "launcher/process.h"
#include "postgres/connection.h"
#include "postgres/local_cluster.h"

namespace lockstep::launcher {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::string Read(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class RunTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // Not in TEST_TMPDIR: as root the server runs as another user, who may not enter that.
    char name[] = "/tmp/run-test-XXXXXX";
    directory_ = mkdtemp(name);
    fs::permissions(directory_, fs::perms(0755));
    fs::create_directories(directory_ / "bin");
    const fs::path fake = fs::absolute("tests/launcher/fake_process");
    for (const char* program : {"generator", "applier", "listener", "verifier"}) {
      fs::create_symlink(fake, directory_ / "bin" / program);
      Set("FAKE_" + Upper(program), std::nullopt);
    }
    Set("FAKE_STOPPED", (directory_ / "stopped").string());
  }

  void TearDown() override { fs::remove_all(directory_); }

  static std::string Upper(std::string text) {
    for (char& c : text) c = static_cast<char>(c - 'a' + 'A');
    return text;
  }
  static void Set(const std::string& name, const std::optional<std::string>& value) {
    value ? setenv(name.c_str(), value->c_str(), 1) : unsetenv(name.c_str());
  }
  // What `program` ("applier") does: see fake_process.cc.
  void Fake(const std::string& program, const std::string& role) {
    Set("FAKE_" + Upper(program), role);
  }

  // Process::Start hands no LOCKSTEP_* down; env sets what the launcher needs.
  Process Start(std::vector<std::string> arguments) {
    std::vector<std::string> command = {"/usr/bin/env",
                                        "LOCKSTEP_BIN_DIR=" + (directory_ / "bin").string(),
                                        fs::absolute("launcher/lockstep").string(),
                                        "run",
                                        "--report",
                                        (directory_ / "report.json").string()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    auto process = Process::Start(command, (directory_ / "output").string());
    if (!process) throw std::runtime_error(process.error().message);
    return std::move(*process);
  }
  static int End(Process& process) {
    pollfd item{.fd = process.fd(), .events = POLLIN, .revents = 0};
    if (poll(&item, 1, 60'000) != 1) throw std::runtime_error("lockstep did not end");
    const ExitStatus ended = process.Poll().value();
    return ended.signal != 0 ? -ended.signal : ended.status;
  }
  int Run(std::vector<std::string> arguments = {}) {
    Process process = Start(std::move(arguments));
    return End(process);
  }

  std::string Output() const { return Read(directory_ / "output"); }
  Json Report() const { return Json::parse(Read(directory_ / "report.json")); }
  // Those that the fakes saw: other runs on this machine have theirs beside them in /tmp.
  bool RunDirectoriesAreGone() const {
    std::ifstream lines(directory_ / "stopped");
    std::string name, how, endpoint;
    bool seen = false;
    while (lines >> name >> how >> endpoint) {
      seen = true;
      const fs::path socket = endpoint.substr(std::string("ipc://").size());
      if (fs::exists(socket.parent_path())) return false;
    }
    return seen;
  }
  bool OutputHas(const std::string& text) const { return Output().find(text) != std::string::npos; }

  fs::path directory_;
};

TEST_F(RunTest, EachVerdictHasItsExitCodeAndNothingIsLeft) {
  const std::pair<const char*, int> kVerdicts[] = {
      {"converged", 0}, {"diverged", 2}, {"missing", 3}, {"inconclusive", 5}};
  for (const auto& [name, code] : kVerdicts) {
    Fake("verifier", std::string("verdict:") + name);
    EXPECT_EQ(Run({"--listeners", "2", "--seed", "9"}), code) << Output();
    EXPECT_EQ(Report()["verdict"], name);
    EXPECT_EQ(Report()["exit_code"], code);
    EXPECT_EQ(Report()["seed"], 9);
    EXPECT_EQ(Report()["rows_compared"], 77);
    EXPECT_TRUE(OutputHas("Verdict: ")) << Output();
    EXPECT_FALSE(OutputHas("the end of")) << Output();
  }
  EXPECT_TRUE(RunDirectoriesAreGone());
}

TEST_F(RunTest, AChildThatExitsAtOnceEndsTheRunWithItsCodeAndLog) {
  for (const int code : {1, 4}) {
    Fake("applier", "exit:" + std::to_string(code));
    EXPECT_EQ(Run(), code) << Output();
    EXPECT_TRUE(OutputHas("lockstep: applier exited with status " + std::to_string(code)))
        << Output();
    EXPECT_TRUE(OutputHas("the end of applier's log:\nthe log of applier\n")) << Output();
    EXPECT_TRUE(Report()["verdict"].is_null());
    EXPECT_EQ(Report()["exit_code"], code);
  }
}

TEST_F(RunTest, AFailureIsTheErrorOfTheRunAndTheOthersStopCleanly) {
  Fake("verifier", "stay");  // or its verdict could be first
  Fake("listener", "fail:usage");
  EXPECT_EQ(Run(), 1) << Output();
  EXPECT_EQ(Report()["error"], "listener-1: the fake failed");
  const std::string stopped = Read(directory_ / "stopped");
  EXPECT_NE(stopped.find("applier stopped"), std::string::npos) << stopped;
  EXPECT_NE(stopped.find("verifier stopped"), std::string::npos) << stopped;
  Fake("listener", "fail:environment");
  EXPECT_EQ(Run(), 4) << Output();
}

TEST_F(RunTest, AProgramThatIsStoppedWhileItStartsStopsCleanly) {
  Fake("verifier", "late");
  Fake("listener", "fail:usage");
  EXPECT_EQ(Run(), 1) << Output();
  const std::string stopped = Read(directory_ / "stopped");
  EXPECT_NE(stopped.find("verifier stopped"), std::string::npos) << stopped;
}

TEST_F(RunTest, TheVerifierSaysWhatADeathMeansAndTheLogIsKept) {
  Fake("generator", "signal:9");
  EXPECT_EQ(Run({"--keep", (directory_ / "kept").string()}), 5) << Output();
  EXPECT_EQ(Report()["verdict"], "inconclusive");
  EXPECT_EQ(Report()["reason"], "told: generator");
  EXPECT_EQ(Read(directory_ / "kept/logs/generator.log"), "the log of generator\n");
  EXPECT_TRUE(OutputHas("logs are in " + (directory_ / "kept/logs").string())) << Output();
  // A directory with an earlier run is not written over.
  EXPECT_EQ(Run({"--keep", (directory_ / "kept").string()}), 1) << Output();
  EXPECT_TRUE(OutputHas("holds an earlier run")) << Output();
}

TEST_F(RunTest, WithoutAVerifierTheLauncherSaysWhoDied) {
  Fake("verifier", "signal:11");
  EXPECT_EQ(Run(), 5) << Output();
  EXPECT_EQ(Report()["reason"],
            "verifier was killed by signal 11 (Segmentation fault) before the verdict");
  // Kept for whoever looks into the crash; not by this test.
  const std::string output = Output();
  const std::size_t at = output.find("logs are in /tmp/lockstep-");
  ASSERT_NE(at, std::string::npos) << output;
  const std::string kept = output.substr(at + 12, std::string("/tmp/lockstep-XXXXXX").size());
  EXPECT_EQ(Read(kept + "/logs/verifier.log"), "the log of verifier\n");
  fs::remove_all(kept);
}

TEST_F(RunTest, CtrlCStopsEverybodyAndTheRunIsInconclusive) {
  Fake("verifier", "stay");
  Process process = Start({"--keep", (directory_ / "kept").string()});
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (Read(directory_ / "kept/logs/generator.log").find("has its counters") ==
         std::string::npos) {
    ASSERT_LT(std::chrono::steady_clock::now(), until) << Output();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  process.Signal(SIGINT);
  EXPECT_EQ(End(process), 5) << Output();
  EXPECT_EQ(Report()["verdict"], "inconclusive");
  EXPECT_EQ(Report()["reason"], "interrupted");
  EXPECT_EQ(Report()["transactions"]["generated"], 7);
  const std::string stopped = Read(directory_ / "stopped");
  EXPECT_EQ(std::ranges::count(stopped, '\n'), 4) << stopped;
  EXPECT_TRUE(RunDirectoriesAreGone());
}

TEST_F(RunTest, BadOptionsAreOneMessage) {
  EXPECT_EQ(Run({"--sessions", "0"}), 1);
  EXPECT_EQ(Output(),
            "lockstep: --sessions: \"0\" is not a whole number from 1 to 500 (lockstep run "
            "--help)\n");
  EXPECT_EQ(Run({"--database", "postgresql://nobody@127.0.0.1:1/x"}), 4);
  EXPECT_TRUE(OutputHas("--database: ")) << Output();
}

TEST_F(RunTest, AUsersDatabaseIsLeftAsItWas) {
  auto cluster = postgres::LocalCluster::Start();
  ASSERT_TRUE(cluster.has_value()) << cluster.error().message;
  auto sql = postgres::Connection::Open(cluster->uri(), postgres::ConnectionKind::kSql);
  ASSERT_TRUE(sql.has_value()) << sql.error().message;
  EXPECT_EQ(Run({"--database", cluster->uri()}), 0) << Output();
  EXPECT_FALSE(Report()["postgres_version"].is_null());
  EXPECT_EQ(sql->Scalar("SELECT count(*) FROM pg_replication_slots").value(), "0");

  ASSERT_TRUE(sql->Execute("CREATE USER plain").has_value());
  std::string uri = cluster->uri();
  uri.replace(uri.find("postgres@"), 9, "plain@");
  EXPECT_EQ(Run({"--database", uri}), 1) << Output();
  EXPECT_TRUE(OutputHas("replication right: ")) << Output();
  EXPECT_TRUE(OutputHas("GRANT CREATE ON DATABASE postgres TO plain")) << Output();
}

}  // namespace
}  // namespace lockstep::launcher
