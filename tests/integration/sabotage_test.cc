// The checker is checked: one lie of a listener after the other, each found where it was told.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/integration/lockstep_fixture.h"

namespace lockstep::integration {
namespace {

// As the listener's log tells it: "sabotage: corrupt-value in xid 755 at 0/15B0F00".
struct Deed {
  std::uint64_t xid = 0;
  std::string end_lsn;
  // Of swap-commits: the commit that took the place of the first.
  std::uint64_t other_xid = 0;
};

class SabotageTest : public DatabaseFixture {
 protected:
  // Runs with the sabotage, and finds out what was done.
  void Sabotage(const std::string& kind) {
    LockstepRun run = Start({.seed = 7, .transactions = 1000, .listeners = 2, .sabotage = kind});
    ended_ = run.End();
    ended_.LeavesNothing();
    EXPECT_EQ(LeftOnServer(), "");
    const std::string log = run.Log("listener-1");
    const std::regex pattern("sabotage: " + kind +
                             "[a-z :]* xid ([0-9]+) (?:again )?at ([0-9A-F/]+)"
                             "(?: and xid ([0-9]+) at ([0-9A-F/]+))?");
    std::smatch match;
    ASSERT_TRUE(std::regex_search(log, match, pattern)) << log;
    deed_ = {std::stoull(match[1]), match[2], match[3].matched ? std::stoull(match[3]) : 0};
  }

  void IsCaught(const std::string& verdict, int exit_code) {
    EXPECT_EQ(ended_.verdict(), verdict) << ended_.output;
    EXPECT_EQ(ended_.exit_code, exit_code);
    EXPECT_EQ(divergence()["listener"], "listener-1");
  }
  void NamesTheCommit() {
    EXPECT_EQ(divergence()["xid"], deed_.xid) << divergence();
    EXPECT_EQ(divergence()["end_lsn"], deed_.end_lsn) << divergence();
    ASSERT_TRUE(divergence()["commit"].is_number_unsigned()) << divergence();
    EXPECT_GE(divergence()["commit"], 1);
    EXPECT_LE(divergence()["commit"], 1000);
  }
  // The only row that is reported; it must be in Postgres as it is expected.
  const Json& TheRow() {
    EXPECT_TRUE(divergence()["table"].is_string()) << divergence();
    EXPECT_NE(divergence()["table"], "session");
    const Json& rows = divergence()["rows"];
    if (rows.size() != 1) throw std::runtime_error("not one row: " + rows.dump());
    EXPECT_FALSE(rows[0]["key"].empty());
    EXPECT_EQ(rows[0]["source"], rows[0]["expected"]);
    EXPECT_NE(rows[0]["replicated"], rows[0]["expected"]);
    return rows[0];
  }
  // The key's columns of a row.
  static Json KeyOf(const Json& row, const Json& side) {
    Json key = Json::object();
    for (const auto& [column, text] : row["key"].items()) key[column] = side[column];
    return key;
  }
  // The columns in which replicated and expected differ.
  static std::vector<std::string> ColumnsThatDiffer(const Json& row) {
    std::vector<std::string> columns;
    for (const auto& [column, text] : row["expected"].items()) {
      if (row["replicated"].at(column) != text) columns.push_back(column);
    }
    return columns;
  }
  const Json& divergence() const { return ended_.divergence(); }

  Ended ended_;
  Deed deed_;
};

TEST_F(SabotageTest, DropChangeIsFoundWithItsRow) {
  Sabotage("drop-change");
  IsCaught("diverged", 2);
  NamesTheCommit();
  TheRow();
}

TEST_F(SabotageTest, CorruptValueIsFoundWithItsColumn) {
  Sabotage("corrupt-value");
  IsCaught("diverged", 2);
  NamesTheCommit();
  const Json& row = TheRow();
  EXPECT_EQ(KeyOf(row, row["expected"]), row["key"]);
  EXPECT_EQ(ColumnsThatDiffer(row).size(), 1u) << row;
}

TEST_F(SabotageTest, NullForUnchangedIsFoundWithItsColumn) {
  Sabotage("null-for-unchanged");
  IsCaught("diverged", 2);
  NamesTheCommit();
  const Json& row = TheRow();
  EXPECT_EQ(KeyOf(row, row["expected"]), row["key"]);
  const std::vector<std::string> columns = ColumnsThatDiffer(row);
  ASSERT_EQ(columns.size(), 1u) << row;
  EXPECT_TRUE(row["replicated"][columns[0]].is_null());
  EXPECT_FALSE(row["expected"][columns[0]].is_null());
}

TEST_F(SabotageTest, StaleKeyIsFoundWithTheRowThatShouldBeGone) {
  Sabotage("stale-key");
  IsCaught("diverged", 2);
  NamesTheCommit();
  // Where a later change of the commit does not fit any more, its other rows differ too.
  const Json& rows = divergence()["rows"];
  for (const Json& row : rows) EXPECT_EQ(row["source"], row["expected"]);
  const auto stale = std::ranges::find_if(rows, [](const Json& row) {
    return row["expected"].is_null() && row["replicated"].is_object();
  });
  ASSERT_NE(stale, rows.end()) << rows;
  EXPECT_EQ(KeyOf(*stale, (*stale)["replicated"]), (*stale)["key"]);
}

TEST_F(SabotageTest, DuplicateTransactionIsFound) {
  Sabotage("duplicate-transaction");
  IsCaught("diverged", 2);
  NamesTheCommit();
}

TEST_F(SabotageTest, SwapCommitsIsFoundAtTheFirstOfThem) {
  Sabotage("swap-commits");
  IsCaught("diverged", 2);
  // `deed_` is what was reported in the place of the other.
  deed_.xid = deed_.other_xid;
  NamesTheCommit();
}

TEST_F(SabotageTest, ApplyRolledBackIsFoundAsACommitThatPostgresNeverMade) {
  Sabotage("apply-rolled-back");
  IsCaught("diverged", 2);
  EXPECT_EQ(divergence()["xid"], deed_.xid);
  EXPECT_EQ(divergence()["end_lsn"], deed_.end_lsn);
  EXPECT_TRUE(divergence()["commit"].is_null());
}

}  // namespace
}  // namespace lockstep::integration
