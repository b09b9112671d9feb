#include "launcher/process.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>
#include <string>

namespace lockstep::launcher {
namespace {

std::string LogPath() { return ::testing::TempDir() + "/process.log"; }

Process Shell(const std::string& script) {
  auto process = Process::Start({"/bin/sh", "-c", script}, LogPath());
  if (!process) throw std::runtime_error(process.error().message);
  return std::move(*process);
}

// Waits as the launcher does: on the pidfd.
ExitStatus End(Process& process) {
  pollfd item{.fd = process.fd(), .events = POLLIN, .revents = 0};
  if (poll(&item, 1, 10'000) != 1) throw std::runtime_error("the process did not end");
  return process.Poll().value();
}

TEST(ProcessTest, ExitStatusAndOutputAreKept) {
  Process process = Shell("echo out; echo err >&2; exit 4");
  EXPECT_EQ(End(process), ExitStatus{.status = 4});
  EXPECT_EQ(process.Poll(), ExitStatus{.status = 4});
  EXPECT_EQ(Tail(LogPath(), 10), "out\nerr");
}

TEST(ProcessTest, RunsUntilItIsSignalled) {
  Process process = Shell("exec sleep 60");
  EXPECT_EQ(process.Poll(), std::nullopt);
  process.Signal(SIGUSR1);
  EXPECT_EQ(End(process), ExitStatus{.signal = SIGUSR1});
  process.Signal(SIGUSR1);  // harmless now
}

TEST(ProcessTest, AStopWaitsUntilTheProgramTakesIt) {
  for (const std::string signal : {"INT", "TERM"}) {
    Process process = Shell("kill -" + signal + " $$; exec grep ShdPnd /proc/self/status");
    EXPECT_EQ(End(process), ExitStatus{.status = 0}) << signal;
    EXPECT_EQ(Tail(LogPath(), 1),
              "ShdPnd:\t000000000000" + std::string(signal == "INT" ? "0002" : "4000"));
  }
}

TEST(ProcessTest, VariablesAreGivenBesideOurs) {
  setenv("KEPT", "yes", 1);
  setenv("PGPASSWORD", "ours", 1);
  auto process = Process::Start({"/bin/sh", "-c", "echo [$PGPASSWORD] [$KEPT]"}, LogPath(),
                                {{"PGPASSWORD", "its own"}});
  unsetenv("PGPASSWORD");
  ASSERT_TRUE(process);
  EXPECT_EQ(End(*process), ExitStatus{.status = 0});
  EXPECT_EQ(Tail(LogPath(), 10), "[its own] [yes]");
}

TEST(ProcessTest, DestructionKillsIt) {
  pid_t pid = 0;
  {
    Process process = Shell("trap '' TERM; sleep 60");
    pid = process.pid();
  }
  EXPECT_EQ(kill(pid, 0), -1);
}

TEST(ProcessTest, LeadsAGroupOfItsOwn) {
  Process process = Shell("exec sleep 60");
  EXPECT_EQ(getpgid(process.pid()), process.pid());
}

TEST(ProcessTest, StartsWithoutOurBlockedSignalsAndVariables) {
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  sigprocmask(SIG_BLOCK, &blocked, nullptr);
  setenv("LOCKSTEP_SABOTAGE", "drop-change", 1);
  setenv("KEPT", "yes", 1);
  Process process = Shell("echo [$LOCKSTEP_SABOTAGE] [$KEPT]; kill -USR1 $$; echo survived");
  sigprocmask(SIG_UNBLOCK, &blocked, nullptr);
  EXPECT_EQ(End(process), ExitStatus{.signal = SIGUSR1});
  EXPECT_EQ(Tail(LogPath(), 10), "[] [yes]");
}

TEST(ProcessTest, AProgramThatIsNotThereIsAnError) {
  auto process = Process::Start({"/nowhere/generator"}, LogPath());
  ASSERT_FALSE(process.has_value());
  EXPECT_EQ(process.error(),
            (model::Error{model::ErrorKind::kEnvironment,
                          "cannot start /nowhere/generator: No such file or directory"}));
}

TEST(ProcessTest, TailGivesTheLastLines) {
  std::ofstream(LogPath()) << "one\ntwo\nthree\n";
  EXPECT_EQ(Tail(LogPath(), 2), "two\nthree");
  EXPECT_EQ(Tail(LogPath(), 3), "one\ntwo\nthree");
  EXPECT_EQ(Tail(LogPath(), 9), "one\ntwo\nthree");
  EXPECT_EQ(Tail("/nowhere/log", 9), "");
}

TEST(ProcessTest, StatusesReadAsSentences) {
  EXPECT_EQ(ToString(ExitStatus{.status = 4}), "exited with status 4");
  EXPECT_EQ(ToString(ExitStatus{.signal = SIGKILL}), "was killed by signal 9 (Killed)");
}

}  // namespace
}  // namespace lockstep::launcher
