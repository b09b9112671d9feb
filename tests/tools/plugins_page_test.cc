#include "tools/plugins_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace lockstep::tools {
namespace {

using testing::HasSubstr;

std::string Page(const std::string& tables) {
  return "above\n" + std::string(kTablesBegin) + "\n" + tables + std::string(kTablesEnd) +
         "\nbelow\n";
}

TEST(PluginsPageTest, ThePageSaysWhatTheCodeSays) {
  std::ifstream file{std::string(kPluginsPage), std::ios::binary};
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  ASSERT_FALSE(page.empty()) << kPluginsPage << " is not there";
  const auto tables = TablesOf(page);
  ASSERT_TRUE(tables) << tables.error().message;
  EXPECT_EQ(*tables, LossTables())
      << kPluginsPage
      << " is older than model/output_plugin; write its tables anew: " << kWritePluginsPage;
}

TEST(PluginsPageTest, ACellNamesTheVersionsThatLose) {
  const std::string tables = LossTables();
  EXPECT_THAT(tables, HasSubstr("| loss | decoderbufs | wal2json | pgoutput | pgoutput-binary |"));
  EXPECT_THAT(tables, HasSubstr("| `truncate` | yes | no | no | no |"));
  EXPECT_THAT(tables,
              HasSubstr("| `logical_message` | yes | no | PostgreSQL 13 | PostgreSQL 13 |"));
  EXPECT_THAT(tables, HasSubstr("| `non_finite` | no | yes, unless it knows "
                                "`numeric-data-types-as-string` | no | no |"));
  EXPECT_THAT(tables, HasSubstr("| `generated_column` | no | no | PostgreSQL 13 to 17 |"));
}

TEST(PluginsPageTest, OnlyWhatStandsBetweenTheMarkersIsWritten) {
  const auto written = WithTables(Page("old\n"), "new\n");
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(*written, Page("new\n"));
  EXPECT_EQ(TablesOf(*written).value(), "new\n");
}

TEST(PluginsPageTest, APageWithoutMarkersIsRefused) {
  EXPECT_FALSE(TablesOf("above\n"));
  const std::string wrong_order =
      std::string(kTablesEnd) + "\n" + std::string(kTablesBegin) + "\nbelow\n";
  EXPECT_FALSE(WithTables(wrong_order, "new\n"));
}

}  // namespace
}  // namespace lockstep::tools
