#include "model/error.h"

#include <gtest/gtest.h>

namespace lockstep::model {
namespace {

TEST(ErrorTest, ContextComesFirstAndTheRestIsKept) {
  const Error error = Fail("slot s1", Error{ErrorKind::kSql, "is active", "55006"}).error();
  EXPECT_EQ(error, (Error{ErrorKind::kSql, "slot s1: is active", "55006"}));
}

TEST(ErrorTest, OnlyWhatMayPassIsWorthARetry) {
  EXPECT_TRUE(IsWorthRetry({ErrorKind::kDisconnected, "gone"}));
  EXPECT_TRUE(IsWorthRetry({ErrorKind::kSql, "starting up", "57P03"}));
  EXPECT_TRUE(IsWorthRetry({ErrorKind::kSql, "slot in use", "55006"}));
  EXPECT_FALSE(IsWorthRetry({ErrorKind::kSql, "syntax", "42601"}));
  EXPECT_FALSE(IsWorthRetry({ErrorKind::kUsage, "no such option"}));
  EXPECT_FALSE(IsWorthRetry({ErrorKind::kMalformed, "bad bytes"}));
}

TEST(ErrorTest, WhatTheUserMustChangeExitsWithOne) {
  EXPECT_EQ(ExitCodeOf(Error{ErrorKind::kUsage, ""}), ExitCode::kUsage);
  EXPECT_EQ(ExitCodeOf(Error{ErrorKind::kUnsupported, ""}), ExitCode::kUsage);
  EXPECT_EQ(ExitCodeOf(Error{ErrorKind::kDisconnected, ""}), ExitCode::kEnvironment);
  EXPECT_EQ(ExitCodeOf(Error{ErrorKind::kSql, ""}), ExitCode::kEnvironment);
}

}  // namespace
}  // namespace lockstep::model
