#include "postgres/finding.h"

#include <gtest/gtest.h>

namespace lockstep::postgres {
namespace {

TEST(FindingTest, ALossOrAnErrorHindersThePluginsItIsAbout) {
  EXPECT_TRUE(Hinders({Severity::kError, "slots", "none"}, "pgoutput"));
  EXPECT_TRUE(Hinders({Severity::kLoss, "unlogged", "lost"}, "pgoutput"));
  EXPECT_FALSE(Hinders({Severity::kWarning, "type", "less"}, "pgoutput"));
  EXPECT_FALSE(Hinders({Severity::kNote, "WAL limit", "none"}, "pgoutput"));
  const Finding about_one{Severity::kLoss, "truncation", "lost", "", "t", {"decoderbufs"}};
  EXPECT_TRUE(Hinders(about_one, "decoderbufs"));
  EXPECT_FALSE(Hinders(about_one, "pgoutput"));
}

TEST(FindingTest, OnlyAnErrorIsOne) {
  EXPECT_FALSE(HasError({{Severity::kLoss, "a", ""}, {Severity::kWarning, "b", ""}}));
  EXPECT_TRUE(HasError({{Severity::kOk, "a", ""}, {Severity::kError, "b", ""}}));
}

TEST(FindingTest, TheRemedyStandsBehindTheText) {
  EXPECT_EQ(WithRemedy({Severity::kError, "wal_level", "replica", "set it"}), "replica: set it");
  EXPECT_EQ(WithRemedy({Severity::kOk, "wal_level", "logical"}), "logical");
  EXPECT_EQ(ToString(Severity::kLoss), "loss");
}

}  // namespace
}  // namespace lockstep::postgres
