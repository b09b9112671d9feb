#include "launcher/audit_course.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace lockstep::launcher {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr ExitStatus kWell{};

class AuditCourseTest : public ::testing::Test {
 protected:
  static AuditCourse Running() {
    AuditCourse course({"a", "b"}, true);
    course.OnAttached("a", kNow);
    course.OnAttached("b", kNow);
    EXPECT_THAT(course.TakeActions(),
                ElementsAre(AuditAction::kTellAttached, AuditAction::kStartCommand));
    course.OnCommandStarted();
    return course;
  }
  static AuditCourse Finishing() {
    AuditCourse course = Running();
    course.OnCommandExit(kWell, kNow);
    EXPECT_THAT(course.TakeActions(), ElementsAre(AuditAction::kFinishAuditors));
    return course;
  }

  static constexpr AuditCourse::Time kNow{};
};

TEST_F(AuditCourseTest, TheCommandStartsWhenAllHaveAttached) {
  AuditCourse course({"a", "b"}, true);
  course.OnAttached("a", kNow);
  course.OnAttached("a", kNow);
  EXPECT_THAT(course.TakeActions(), IsEmpty());
  course.OnAttached("b", kNow);
  EXPECT_THAT(course.TakeActions(),
              ElementsAre(AuditAction::kTellAttached, AuditAction::kStartCommand));
}

TEST_F(AuditCourseTest, AuditorsCompareWhenTheCommandHasEnded) {
  AuditCourse course = Finishing();
  course.OnAuditorExit("a", kWell, kNow);
  EXPECT_FALSE(course.IsOver());
  course.OnAuditorExit("b", kWell, kNow);
  EXPECT_TRUE(course.IsOver());
  EXPECT_EQ(course.reason(), "");
  EXPECT_EQ(course.error(), std::nullopt);
  EXPECT_EQ(course.command_exit(), kWell);
}

TEST_F(AuditCourseTest, ACommandThatFailsIsComparedAllTheSame) {
  AuditCourse course = Running();
  course.OnCommandExit({.status = 3}, kNow);
  EXPECT_THAT(course.TakeActions(), ElementsAre(AuditAction::kFinishAuditors));
  EXPECT_EQ(course.command_exit()->status, 3);
}

TEST_F(AuditCourseTest, CtrlCStopsTheCommandAndThenCompares) {
  AuditCourse course = Running();
  course.OnStopRequest(kNow);
  EXPECT_THAT(course.TakeActions(), ElementsAre(AuditAction::kStopCommand));
  course.OnCommandExit({.signal = 15}, kNow);
  EXPECT_THAT(course.TakeActions(), ElementsAre(AuditAction::kFinishAuditors));
}

TEST_F(AuditCourseTest, ACommandThatDoesNotStopIsKilled) {
  AuditCourse course = Running();
  course.OnStopRequest(kNow);
  (void)course.TakeActions();
  course.Tick(kNow + seconds(19));
  EXPECT_THAT(course.TakeActions(), IsEmpty());
  course.Tick(kNow + seconds(20));
  EXPECT_THAT(course.TakeActions(), ElementsAre(AuditAction::kKillCommand));
  EXPECT_EQ(course.NextDeadline(), std::nullopt);
}

TEST_F(AuditCourseTest, CtrlCEndsAWatch) {
  AuditCourse course({"a"}, false);
  course.OnAttached("a", kNow);
  EXPECT_THAT(course.TakeActions(), ElementsAre(AuditAction::kTellAttached));
  course.OnStopRequest(kNow);
  EXPECT_THAT(course.TakeActions(), ElementsAre(AuditAction::kFinishAuditors));
  course.OnAuditorExit("a", kWell, kNow);
  EXPECT_TRUE(course.IsOver());
  EXPECT_EQ(course.reason(), "");
}

TEST_F(AuditCourseTest, ASecondCtrlCLeavesTheComparisonOut) {
  AuditCourse course = Finishing();
  course.OnStopRequest(kNow);
  EXPECT_THAT(course.TakeActions(), ElementsAre(AuditAction::kStopAuditors));
  EXPECT_EQ(course.reason(), "interrupted");
  course.OnStopRequest(kNow);
  EXPECT_THAT(course.TakeActions(), ElementsAre(AuditAction::kKillAuditors));
}

TEST_F(AuditCourseTest, CtrlCWhileTheyAttachEndsIt) {
  AuditCourse course({"a", "b"}, true);
  course.OnAttached("a", kNow);
  course.OnStopRequest(kNow);
  EXPECT_THAT(course.TakeActions(), ElementsAre(AuditAction::kStopAuditors));
  course.OnAttached("b", kNow);
  EXPECT_THAT(course.TakeActions(), IsEmpty());
  // What they say of it is no error.
  course.OnFailure("b", {model::ErrorKind::kEnvironment, "stopped"});
  course.OnAuditorExit("a", kWell, kNow);
  course.OnAuditorExit("b", {.status = 4}, kNow);
  EXPECT_TRUE(course.IsOver());
  EXPECT_EQ(course.error(), std::nullopt);
}

TEST_F(AuditCourseTest, AnAuditorThatEndsEarlyLetsTheOthersGoOn) {
  AuditCourse course = Running();
  course.OnFailure("a", {model::ErrorKind::kSql, "no binary output"});
  course.OnAuditorExit("a", {.status = 4}, kNow);
  EXPECT_THAT(course.TakeActions(), ElementsAre(AuditAction::kTellLost));
  EXPECT_THAT(course.lost(), ElementsAre(AuditCourse::Lost{"a", "no binary output"}));
  course.OnCommandExit(kWell, kNow);
  EXPECT_THAT(course.TakeActions(), ElementsAre(AuditAction::kFinishAuditors));
  course.OnAuditorExit("b", kWell, kNow);
  EXPECT_TRUE(course.IsOver());
  EXPECT_EQ(course.error(), std::nullopt);
  EXPECT_EQ(course.reason(), "");
  EXPECT_EQ(course.blamed(), "a");
}

TEST_F(AuditCourseTest, OneThatFailsAtTheEndLetsTheOthersCompare) {
  AuditCourse course = Finishing();
  course.OnAuditorExit("b", {.signal = 9}, kNow);
  EXPECT_THAT(course.TakeActions(), ElementsAre(AuditAction::kTellLost));
  EXPECT_FALSE(course.IsOver());
  course.OnAuditorExit("a", kWell, kNow);
  EXPECT_TRUE(course.IsOver());
  EXPECT_THAT(course.lost(),
              ElementsAre(AuditCourse::Lost{"b", "was killed by signal 9 (Killed)"}));
}

TEST_F(AuditCourseTest, WithoutAnyAuditorTheCommandIsStopped) {
  AuditCourse course = Running();
  course.OnAuditorExit("b", {.signal = 9}, kNow);
  course.OnAuditorExit("a", {.signal = 9}, kNow);
  EXPECT_THAT(course.TakeActions(), ElementsAre(AuditAction::kTellLost, AuditAction::kStopCommand,
                                                AuditAction::kStopAuditors));
  EXPECT_EQ(course.reason(), "a was killed by signal 9 (Killed)");
  EXPECT_FALSE(course.IsOver());
  course.OnCommandExit({.signal = 15}, kNow);
  EXPECT_TRUE(course.IsOver());
}

TEST_F(AuditCourseTest, TheErrorOfTheLastOnesIsTheAudits) {
  AuditCourse course = Running();
  course.OnFailure("a", {model::ErrorKind::kUsage, "no right"});
  course.OnAuditorExit("a", {.status = 1}, kNow);
  EXPECT_EQ(course.error(), std::nullopt);
  course.OnAuditorExit("b", {.signal = 9}, kNow);
  ASSERT_TRUE(course.error());
  EXPECT_EQ(course.error()->message, "a: no right");
  EXPECT_EQ(course.error()->kind, model::ErrorKind::kUsage);
}

TEST_F(AuditCourseTest, AnErrorWhileTheyAttachIsTheAudits) {
  AuditCourse course({"a", "b"}, true);
  course.OnAttached("a", kNow);
  course.OnFailure("b", {model::ErrorKind::kUsage, "no right"});
  course.OnAuditorExit("b", {.status = 1}, kNow);
  EXPECT_THAT(course.TakeActions(), ElementsAre(AuditAction::kStopAuditors));
  ASSERT_TRUE(course.error());
  EXPECT_EQ(course.error()->message, "b: no right");
}

TEST_F(AuditCourseTest, ThoseThatDoNotStopAreKilled) {
  AuditCourse course = Finishing();
  course.OnStopRequest(kNow);
  (void)course.TakeActions();
  course.Tick(kNow + seconds(20));
  EXPECT_THAT(course.TakeActions(), ElementsAre(AuditAction::kKillAuditors));
}

TEST_F(AuditCourseTest, ACommandThatCannotStartIsAnError) {
  AuditCourse course({"a"}, true);
  course.OnAttached("a", kNow);
  (void)course.TakeActions();
  course.OnCommandFailed({model::ErrorKind::kUsage, "cannot start nope"}, kNow);
  EXPECT_THAT(course.TakeActions(), ElementsAre(AuditAction::kStopAuditors));
  course.OnAuditorExit("a", kWell, kNow);
  EXPECT_TRUE(course.IsOver());
  EXPECT_EQ(course.error()->message, "cannot start nope");
}

}  // namespace
}  // namespace lockstep::launcher
