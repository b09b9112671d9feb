#include "launcher/settings_file.h"

#include <gtest/gtest.h>

namespace lockstep::launcher {
namespace {

TEST(SettingsFileTest, ReadsNamesAndValuesWithTheirLines) {
  auto settings = ParseSettings(
      "# a run\n"
      "\n"
      "  seed = 7  \n"
      "database=\"host=/tmp user=me options='-c a=b'\"\r\n"
      "plugin = 'wal2json'",
      "run.conf");
  ASSERT_TRUE(settings.has_value()) << settings.error().message;
  EXPECT_EQ(*settings,
            (std::vector<Setting>{{"seed", "7", "run.conf:3"},
                                  {"database", "host=/tmp user=me options='-c a=b'", "run.conf:4"},
                                  {"plugin", "wal2json", "run.conf:5"}}));
}

TEST(SettingsFileTest, ALineWithoutEqualsIsNamed) {
  auto settings = ParseSettings("seed = 7\nlisteners 3\n", "run.conf");
  ASSERT_FALSE(settings.has_value());
  EXPECT_EQ(settings.error(),
            (model::Error{model::ErrorKind::kUsage,
                          "run.conf:2: \"listeners 3\" is not of the form name = value"}));
}

TEST(SettingsFileTest, ANameGivenTwiceIsAnError) {
  auto settings = ParseSettings("seed = 7\nseed = 8\n", "run.conf");
  ASSERT_FALSE(settings.has_value());
  EXPECT_EQ(settings.error().message, "run.conf:2: seed is already set in run.conf:1");
}

TEST(SettingsFileTest, AFileThatCannotBeReadIsAnError) {
  for (const char* path : {"/nowhere/run.conf", "/tmp"}) {
    auto settings = ReadSettings(path);
    ASSERT_FALSE(settings.has_value()) << path;
    EXPECT_EQ(settings.error().kind, model::ErrorKind::kUsage);
    EXPECT_NE(settings.error().message.find(path), std::string::npos) << settings.error().message;
  }
}

}  // namespace
}  // namespace lockstep::launcher
