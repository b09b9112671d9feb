#include "auditor/logged_statements.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lockstep::auditor {
namespace {

using model::Lsn;
using postgres::DdlEntry;
using postgres::TableName;

const TableName kTable{"s", "t"};

DdlEntry Entry(std::uint64_t lsn, const std::string& tag, const TableName& table = kTable) {
  return {.lsn = {lsn}, .tag = tag, .table = table};
}
DdlEntry Rewrite(std::uint64_t lsn, const TableName& table = kTable) {
  DdlEntry entry = Entry(lsn, "ALTER TABLE", table);
  entry.is_rewrite = true;
  return entry;
}
MaybeDdlLog Log(std::vector<DdlEntry> entries) {
  return postgres::DdlLog{.since = {10}, .entries = std::move(entries)};
}
// 0: none.
std::uint64_t LsnOf(const DdlEntry* entry) { return entry ? entry->lsn.value : 0; }

TEST(LoggedStatementsTest, TheFirstRewriteBehindTheCopyCounts) {
  const MaybeDdlLog log = Log({Rewrite(20), Entry(25, "ALTER TABLE"), Rewrite(26, {"s", "other"}),
                               Rewrite(30), Rewrite(40)});
  EXPECT_EQ(LsnOf(FirstRewrite(log, kTable, {20})), 30u);
  EXPECT_EQ(LsnOf(FirstRewrite(log, kTable, {40})), 0u);
  EXPECT_EQ(LsnOf(FirstRewrite(std::nullopt, kTable, {20})), 0u);
}

TEST(LoggedStatementsTest, OfAKnownTableTheLastStatementBehindTheCopyCounts) {
  DdlEntry drop = Entry(50, "DROP TABLE");
  drop.is_drop = true;
  const MaybeDdlLog log =
      Log({Entry(20, "CREATE TABLE"), Entry(30, "ALTER TABLE"), Entry(40, "ALTER TABLE"),
           Entry(45, "ALTER TABLE", {"t", "t"}), drop});
  EXPECT_EQ(LsnOf(LastStatement(log, kTable, Lsn{25})), 40u);
  EXPECT_EQ(LsnOf(LastStatement(log, kTable, Lsn{40})), 0u);
  EXPECT_EQ(LsnOf(LastStatement(std::nullopt, kTable, Lsn{25})), 0u);
}

TEST(LoggedStatementsTest, ANewTableIsNewByWhatMadeIt) {
  EXPECT_EQ(LsnOf(LastStatement(Log({Entry(20, "CREATE TABLE"), Entry(30, "CREATE TABLE AS"),
                                     Entry(40, "ALTER TABLE")}),
                                kTable, std::nullopt)),
            30u);
  // It got its name.
  EXPECT_EQ(LsnOf(LastStatement(Log({Entry(40, "ALTER TABLE")}), kTable, std::nullopt)), 40u);
}

TEST(LoggedStatementsTest, FactsAreOfTheTimeSinceTheCopy) {
  const auto logged = [](const MaybeDdlLog& log, Lsn copied_at, Lsn until, bool partitioned) {
    TableFacts facts;
    AddLogged(log, {.schema = "s", .name = "t", .is_partitioned = partitioned}, copied_at, until,
              facts);
    return std::pair(facts.has_log, facts.logged_rewrite);
  };
  const MaybeDdlLog log = Log({Rewrite(20)});
  EXPECT_EQ(logged(log, {15}, {25}, false), std::pair(true, true));
  EXPECT_EQ(logged(log, {15}, {19}, false), std::pair(true, false));
  EXPECT_EQ(logged(log, {21}, {25}, false), std::pair(true, false));
  // Made after the table was copied, it does not have all.
  EXPECT_EQ(logged(log, {9}, {25}, false), std::pair(false, true));
  EXPECT_EQ(logged(log, {15}, {25}, true), std::pair(false, true));
  EXPECT_EQ(logged(std::nullopt, {15}, {25}, false), std::pair(false, false));
}

TEST(LoggedStatementsTest, WhatIsNotLoggedAlteredNothing) {
  const auto altered = [](const MaybeDdlLog& log) {
    TableFacts facts{.altered = true, .renamed = true};
    AddLogged(log, {.schema = "s", .name = "t"}, {15}, {25}, facts);
    return std::pair(facts.altered, facts.renamed);
  };
  EXPECT_EQ(altered(std::nullopt), std::pair(true, true));
  EXPECT_EQ(altered(Log({Entry(20, "ALTER TABLE")})), std::pair(true, true));
  EXPECT_EQ(altered(Log({Entry(12, "ALTER TABLE")})), std::pair(false, false));
  EXPECT_EQ(altered(Log({Entry(20, "ALTER TABLE", {"s", "other"})})), std::pair(false, false));
}

}  // namespace
}  // namespace lockstep::auditor
