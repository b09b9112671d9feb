#include "launcher/course.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>

namespace lockstep::launcher {
namespace {

using model::ErrorKind;
using model::VerdictKind;
using std::chrono::milliseconds;

model::Verdict VerdictOf(VerdictKind kind, std::string reason = "") {
  return model::Verdict{.kind = kind, .reason = std::move(reason)};
}

// A run with one listener, and a clock that the test turns.
class CourseTest : public ::testing::Test {
 protected:
  void Exit(const std::string& process, ExitStatus status) {
    course_.OnExit(process, status, now_);
  }
  void ExitAll(std::vector<std::string> processes, int status = 0) {
    for (const std::string& process : processes) Exit(process, {.status = status});
  }
  void Verdict(VerdictKind kind, std::string reason = "") {
    course_.OnVerdict(VerdictOf(kind, std::move(reason)), now_);
  }
  void Failure(const std::string& process, ErrorKind kind, const std::string& message) {
    course_.OnFailure({process, {kind, message}}, now_);
  }
  // To the next deadline.
  void Wait() {
    ASSERT_TRUE(course_.NextDeadline().has_value());
    now_ = std::max(now_, *course_.NextDeadline());
    course_.Tick(now_);
  }
  template <typename T>
  bool Takes() {
    const auto actions = course_.TakeActions();
    return actions.size() == 1 && std::holds_alternative<T>(actions[0]);
  }
  const Ending& ending() { return course_.ending(); }

  Time now_ = Time() + std::chrono::hours(1);
  Course course_{{"verifier", "applier", "listener-1", "generator"}};
};

TEST_F(CourseTest, AfterTheVerdictEverybodyLeaves) {
  EXPECT_EQ(course_.NextDeadline(), std::nullopt);
  Verdict(VerdictKind::kConverged);
  ExitAll({"generator", "listener-1", "applier"});
  EXPECT_FALSE(course_.IsOver());
  Exit("verifier", {});
  EXPECT_TRUE(course_.IsOver());
  EXPECT_TRUE(course_.TakeActions().empty());
  EXPECT_EQ(ending().kind, VerdictKind::kConverged);
  EXPECT_EQ(ending().error, std::nullopt);
  EXPECT_TRUE(ending().blamed.empty());
}

TEST_F(CourseTest, AVerdictThatArrivesAfterTheExitsStillCounts) {
  ExitAll({"generator", "listener-1", "applier"});
  Exit("verifier", {.status = 2});
  EXPECT_FALSE(course_.IsOver());
  Verdict(VerdictKind::kDiverged, "why");
  EXPECT_TRUE(course_.IsOver());
  EXPECT_EQ(ending().kind, VerdictKind::kDiverged);
  EXPECT_EQ(ending().reason, "why");
}

TEST_F(CourseTest, AFailureEndsTheRunWithItsError) {
  Failure("listener-1", ErrorKind::kUsage, "no such plugin");
  EXPECT_TRUE(Takes<StopAll>());
  Failure("applier", ErrorKind::kDisconnected, "gone too");
  ExitAll({"generator", "applier", "verifier"});
  Exit("listener-1", {.status = 1});
  EXPECT_TRUE(course_.IsOver());
  EXPECT_EQ(ending().error, (model::Error{ErrorKind::kUsage, "listener-1: no such plugin"}));
  EXPECT_FALSE(ending().crashed);
  EXPECT_TRUE(ending().blamed.empty());
  EXPECT_EQ(ending().warnings, (std::vector<std::string>{"applier: gone too"}));
}

TEST_F(CourseTest, AnErrorStatusWithoutAMessageIsAnErrorToo) {
  Exit("generator", {.status = 4});
  EXPECT_TRUE(course_.TakeActions().empty());
  Wait();
  EXPECT_TRUE(Takes<StopAll>());
  EXPECT_EQ(ending().error,
            (model::Error{ErrorKind::kEnvironment, "generator exited with status 4"}));
  EXPECT_EQ(ending().blamed, "generator");
}

TEST_F(CourseTest, LastWordsExplainAnErrorStatus) {
  Exit("generator", {.status = 1});
  Failure("generator", ErrorKind::kUsage, "--seed is missing");
  EXPECT_EQ(ending().error->message, "generator: --seed is missing");
}

TEST_F(CourseTest, TheVerifierJudgesTheDeathOfAnother) {
  Exit("applier", {.signal = SIGKILL});
  const auto actions = course_.TakeActions();
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(std::get<TellVerifier>(actions[0]).failure.process, "applier");
  EXPECT_EQ(std::get<TellVerifier>(actions[0]).failure.error.message,
            "applier was killed by signal 9 (Killed) before the verdict");
  Failure("listener-1", ErrorKind::kDisconnected, "follows from it");
  Verdict(VerdictKind::kInconclusive, "it was the applier's turn");
  ExitAll({"generator", "listener-1"});
  Exit("verifier", {.status = 5});
  EXPECT_TRUE(course_.IsOver());
  EXPECT_EQ(ending().error, std::nullopt);
  EXPECT_EQ(ending().reason, "it was the applier's turn");
  EXPECT_EQ(ending().blamed, "applier");
  EXPECT_TRUE(ending().crashed);
}

TEST_F(CourseTest, AListenerAndAGeneratorMayLeaveBeforeTheVerdict) {
  ExitAll({"listener-1", "generator"});
  Wait();
  EXPECT_TRUE(course_.TakeActions().empty());
  EXPECT_FALSE(course_.IsOver());
  Verdict(VerdictKind::kConverged);
  ExitAll({"applier", "verifier"});
  EXPECT_TRUE(course_.IsOver());
  EXPECT_EQ(ending().kind, VerdictKind::kConverged);
}

TEST_F(CourseTest, ARunWithoutAnEndIsAskedForItsVerdictFirst) {
  course_ = Course({"verifier", "applier", "listener-1", "generator"}, {}, true);
  course_.OnStopRequest(now_);
  EXPECT_TRUE(Takes<FinishRun>());
  EXPECT_EQ(course_.NextDeadline(), std::nullopt);
  Verdict(VerdictKind::kConverged);
  ExitAll({"verifier", "applier", "listener-1", "generator"});
  EXPECT_TRUE(course_.IsOver());
  EXPECT_EQ(ending().kind, VerdictKind::kConverged);
}

TEST_F(CourseTest, ASecondStopRequestEndsARunWithoutAnEnd) {
  course_ = Course({"verifier", "applier", "listener-1", "generator"}, {}, true);
  course_.OnStopRequest(now_);
  EXPECT_TRUE(Takes<FinishRun>());
  course_.OnStopRequest(now_);
  EXPECT_TRUE(Takes<StopAll>());
  EXPECT_EQ(ending().reason, "interrupted");
}

TEST_F(CourseTest, AnApplierThatLeavesBeforeTheVerdictIsADeathAfterAWhile) {
  Exit("applier", {});
  EXPECT_TRUE(course_.TakeActions().empty());
  Wait();
  EXPECT_TRUE(Takes<TellVerifier>());
}

TEST_F(CourseTest, WithoutTheVerifiersWordTheLauncherJudges) {
  Exit("applier", {.signal = SIGSEGV});
  EXPECT_TRUE(Takes<TellVerifier>());
  Wait();
  EXPECT_TRUE(Takes<StopAll>());
  EXPECT_EQ(ending().kind, VerdictKind::kInconclusive);
  EXPECT_TRUE(ending().reason.starts_with("applier was killed by signal 11"));
}

TEST_F(CourseTest, AllMayDieAtOnce) {
  for (const char* process : {"verifier", "applier", "listener-1", "generator"}) {
    Exit(process, {.signal = SIGKILL});
  }
  while (!course_.IsOver()) Wait();
  EXPECT_EQ(ending().error, std::nullopt);
  EXPECT_EQ(ending().kind, VerdictKind::kInconclusive);
  EXPECT_TRUE(ending().crashed);
}

TEST_F(CourseTest, TheVerifiersOwnDeathIsInconclusive) {
  Exit("verifier", {.signal = SIGKILL});
  EXPECT_TRUE(course_.TakeActions().empty());  // its verdict may be on the way
  Wait();
  EXPECT_TRUE(Takes<StopAll>());
  EXPECT_EQ(ending().reason, "verifier was killed by signal 9 (Killed) before the verdict");
}

TEST_F(CourseTest, CtrlCStopsAndASecondOneKills) {
  course_.OnStopRequest(now_);
  EXPECT_TRUE(Takes<StopAll>());
  ExitAll({"generator", "applier", "listener-1"});
  course_.OnStopRequest(now_);
  EXPECT_TRUE(Takes<KillAll>());
  EXPECT_EQ(ending().warnings, (std::vector<std::string>{"verifier did not stop and was killed"}));
  Exit("verifier", {.signal = SIGKILL});
  EXPECT_TRUE(course_.IsOver());
  EXPECT_EQ(ending().kind, VerdictKind::kInconclusive);
  EXPECT_EQ(ending().reason, "interrupted");
  EXPECT_FALSE(ending().crashed);
}

TEST_F(CourseTest, WhatWasProvenStaysProvenWhenInterrupted) {
  course_.OnStopRequest(now_);
  Verdict(VerdictKind::kInconclusive, "stopped");
  EXPECT_EQ(ending().reason, "interrupted");
  Verdict(VerdictKind::kDiverged, "a row differs");
  EXPECT_EQ(ending().kind, VerdictKind::kDiverged);
}

TEST_F(CourseTest, WhatWasFoundStaysFoundWhenAProcessFails) {
  Failure("applier", ErrorKind::kEnvironment, "the disk is full");
  Verdict(VerdictKind::kConverged);
  EXPECT_TRUE(ending().error.has_value());
  Verdict(VerdictKind::kMissing, "a commit is missing");
  EXPECT_FALSE(ending().error.has_value());
  EXPECT_EQ(ending().kind, VerdictKind::kMissing);
  EXPECT_EQ(ending().reason, "a commit is missing");
  EXPECT_EQ(ending().warnings, (std::vector<std::string>{"applier: the disk is full"}));
}

TEST_F(CourseTest, WhoStaysAfterTheVerdictIsStoppedAndThenKilled) {
  Verdict(VerdictKind::kConverged);
  ExitAll({"generator", "applier", "verifier"});
  const Time start = now_;
  Wait();
  EXPECT_TRUE(Takes<StopAll>());
  Wait();
  EXPECT_TRUE(Takes<KillAll>());
  EXPECT_EQ(now_ - start, milliseconds(30'000));
  Exit("listener-1", {.signal = SIGKILL});
  EXPECT_TRUE(course_.IsOver());
  EXPECT_EQ(ending().kind, VerdictKind::kConverged);
}

TEST_F(CourseTest, ACrashAfterTheVerdictIsAWarning) {
  Verdict(VerdictKind::kConverged);
  Exit("listener-1", {.signal = SIGSEGV});
  EXPECT_EQ(ending().kind, VerdictKind::kConverged);
  ASSERT_EQ(ending().warnings.size(), 1u);
}

}  // namespace
}  // namespace lockstep::launcher
