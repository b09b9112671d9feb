#include "launcher/run_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <string>

namespace lockstep::launcher {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::Not;

// The directory of a launcher that was killed.
std::string Abandon() {
  std::array<int, 2> ends{};
  EXPECT_EQ(pipe(ends.data()), 0);
  const pid_t owner = fork();
  if (owner == 0) {
    const auto directory = RunDirectory::Make("");
    const std::string path = directory ? directory->sockets() : "";
    if (write(ends[1], path.data(), path.size()) > 0) raise(SIGKILL);
    _exit(1);
  }
  close(ends[1]);
  std::string path(4096, '\0');
  const ssize_t got = read(ends[0], path.data(), path.size());
  close(ends[0]);
  waitpid(owner, nullptr, 0);
  path.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return path;
}

TEST(RunDirectoryTest, WhatAKilledLauncherLeftIsRemovedByTheNextOne) {
  auto living = RunDirectory::Make("");
  ASSERT_TRUE(living);
  const std::string left = Abandon();
  ASSERT_TRUE(fs::exists(left)) << left;
  const auto next = RunDirectory::Make("");
  ASSERT_TRUE(next);
  EXPECT_THAT(next->removed(), Contains(left));
  EXPECT_FALSE(fs::exists(left));
  EXPECT_THAT(next->removed(), Not(Contains(living->sockets())));
  EXPECT_TRUE(fs::exists(living->LogPath("x").substr(0, living->LogPath("x").rfind('/'))));
}

TEST(RunDirectoryTest, LogsThatAreToStayDo) {
  std::string kept;
  {
    auto directory = RunDirectory::Make("");
    ASSERT_TRUE(directory);
    directory->KeepLogs();
    kept = directory->sockets();
  }
  ASSERT_TRUE(RunDirectory::Make(""));
  EXPECT_TRUE(fs::exists(kept + "/logs"));
  fs::remove_all(kept);
}

TEST(RunDirectoryTest, ADirectoryThatOthersMayWriteToIsNotUsed) {
  const fs::path keep = fs::path(::testing::TempDir()) / "keep";
  fs::create_directory(keep);
  fs::permissions(keep, fs::perms::all);
  const auto refused = RunDirectory::Make(keep);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, model::ErrorKind::kUsage);
  fs::permissions(keep, fs::perms::owner_all);
  const auto used = RunDirectory::Make(keep);
  ASSERT_TRUE(used) << used.error().message;
  EXPECT_EQ(fs::status(keep / "logs").permissions(), fs::perms::owner_all);
}

}  // namespace
}  // namespace lockstep::launcher
