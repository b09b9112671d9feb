#include "report/summary.h"

#include <gtest/gtest.h>

#include <string>

namespace lockstep::report {
namespace {

using model::VerdictKind;

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

RunResult Result(VerdictKind kind) {
  RunResult result{.verdict = {.kind = kind,
                               .seed = 7,
                               .workload_hash = {1, 2},
                               .postgres_version = "15.20",
                               .commit_order = model::CommitOrderSource::kWal,
                               .transactions = {2000, 1790, 210, 0},
                               .rows_compared = 12345},
                   .elapsed_s = 3.25};
  result.verdict.listeners.push_back({.id = "listener-1",
                                      .plugin = "decoderbufs",
                                      .transactions = 1790,
                                      .changes = 24311,
                                      .commits_checked = 1790,
                                      .end_lsn = {0x16B374D848},
                                      .joined = {0x10}});
  return result;
}

TEST(SummaryTest, ConvergedIsATableAndAVerdict) {
  EXPECT_EQ(SummaryText(Result(VerdictKind::kConverged)),
            R"(seed              7
workload hash     00000000000000010000000000000002
Postgres          15.20
commit order      from the WAL
transactions      2,000 generated, 1,790 committed, 210 rolled back, 0 failed
digest expected   00000000000000000000000000000000
digest source     00000000000000000000000000000000
digest generator  00000000000000000000000000000000
rows compared     12,345
elapsed           3.2 s

listener    plugin       received  changes  checked  foreign  joined  end LSN      digest
listener-1  decoderbufs     1,790   24,311    1,790        0  0/10    16/B374D848  )"
            R"(00000000000000000000000000000000

Verdict: CONVERGED (exit 0)
)");
}

TEST(SummaryTest, WhoWasNotThereAtTheEndIsNamed) {
  RunResult result = Result(VerdictKind::kConverged);
  EXPECT_FALSE(Contains(SummaryText(result), "listener-1 left"));
  result.verdict.listeners[0].left = {0x20};
  EXPECT_TRUE(Contains(SummaryText(result), "\n\nlistener-1 left at 0/20\n\nVerdict"));
  result.verdict.listeners[0].lost = true;
  EXPECT_TRUE(Contains(SummaryText(result), "\n\nlistener-1 was lost at 0/20\n\nVerdict"));
}

TEST(SummaryTest, WhatDidNotOccurIsOneLine) {
  RunResult result = Result(VerdictKind::kConverged);
  result.verdict.situations = {{"truncate", 0}, {"upsert", 5}, {"key_swap", 0}};
  EXPECT_TRUE(Contains(SummaryText(result),
                       "\n\nDid not occur: truncate, key_swap\nVerdict: CONVERGED (exit 0)\n"));
  result.verdict.situations = {{"truncate", 1}};
  EXPECT_FALSE(Contains(SummaryText(result), "Did not occur"));
}

TEST(SummaryTest, DivergedShowsTheColumnsThatDiffer) {
  RunResult result = Result(VerdictKind::kDiverged);
  result.verdict.reason = "The replica of listener-1 differs.";
  result.verdict.first_divergence = model::FirstDivergence{
      .listener = "listener-1",
      .commit = model::TransactionId{517},
      .xid = {771},
      .end_lsn = {0x16B374D848},
      .table = "account",
      .rows = {{.key = {{"id", "3"}},
                .expected = model::NamedTexts{{"id", "3"}, {"name", "a"}, {"note", std::nullopt}},
                .source = model::NamedTexts{{"id", "3"}, {"name", "a"}, {"note", std::nullopt}},
                .replicated = model::NamedTexts{{"id", "3"}, {"name", "a"}, {"note", "x\n"}}},
               {.key = {{"id", "4"}},
                .expected = model::NamedTexts{{"id", "4"}},
                .source = model::NamedTexts{{"id", "4"}},
                .replicated = std::nullopt}}};
  const std::string text = SummaryText(result);
  EXPECT_TRUE(text.ends_with(R"(
Verdict: DIVERGED (exit 2)
The replica of listener-1 differs.
First divergence: listener-1, transaction 517, xid 771, end LSN 16/B374D848, table account
  row id = '3'
          expected  source  replicated
    note  null      null    'x\x0a'
  row id = '4'
      expected  source  replicated: no such row
)")) << text;
}

TEST(SummaryTest, LongValuesAreShortenedBetweenCharacters) {
  RunResult result = Result(VerdictKind::kDiverged);
  std::string umlauts;
  for (int i = 0; i < 100; ++i) umlauts += "\u00e4";
  result.verdict.first_divergence =
      model::FirstDivergence{.rows = {{.key = {{"id", "x" + umlauts}}}}};
  const std::string text = SummaryText(result);
  EXPECT_TRUE(Contains(text, "row id = 'x\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4'...'"))
      << text;
  EXPECT_TRUE(Contains(text, "(201 bytes)")) << text;
  EXPECT_TRUE(Contains(text, "a commit that is not of the run, xid 0")) << text;
}

TEST(SummaryTest, OnlyTheFirstRowsAreShown) {
  RunResult result = Result(VerdictKind::kDiverged);
  result.verdict.first_divergence = model::FirstDivergence{};
  result.verdict.first_divergence->rows.resize(25);
  EXPECT_TRUE(Contains(SummaryText(result), "and 15 more rows (--report has all)"));
}

TEST(SummaryTest, InconclusiveSaysWhy) {
  RunResult result = Result(VerdictKind::kInconclusive);
  result.verdict.reason = "interrupted";
  const std::string text = SummaryText(result);
  EXPECT_TRUE(text.ends_with("Verdict: INCONCLUSIVE (exit 5)\ninterrupted\n")) << text;
  EXPECT_TRUE(Contains(text, "digest source     -\n")) << text;
}

}  // namespace
}  // namespace lockstep::report
