#include "model/verdict.h"

#include <gtest/gtest.h>

namespace lockstep::model {
namespace {

// Names and exit codes are a contract with users' scripts.
TEST(VerdictTest, EachKindHasItsNameAndExitCode) {
  EXPECT_EQ(ToString(VerdictKind::kConverged), "converged");
  EXPECT_EQ(ToString(VerdictKind::kDiverged), "diverged");
  EXPECT_EQ(ToString(VerdictKind::kMissing), "missing");
  EXPECT_EQ(ToString(VerdictKind::kInconclusive), "inconclusive");
  EXPECT_EQ(static_cast<int>(ExitCodeOf(VerdictKind::kConverged)), 0);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(VerdictKind::kDiverged)), 2);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(VerdictKind::kMissing)), 3);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(VerdictKind::kInconclusive)), 5);
}

TEST(VerdictTest, EachCommitOrderSourceHasItsName) {
  EXPECT_EQ(ToString(CommitOrderSource::kUnknown), "unknown");
  EXPECT_EQ(ToString(CommitOrderSource::kWal), "wal");
  EXPECT_EQ(ToString(CommitOrderSource::kBrackets), "brackets");
}

TEST(VerdictTest, NothingIsConvergedByDefault) {
  EXPECT_EQ(Verdict().kind, VerdictKind::kInconclusive);
}

}  // namespace
}  // namespace lockstep::model
