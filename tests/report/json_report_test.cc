#include "report/json_report.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace lockstep::report {
namespace {

using Json = nlohmann::ordered_json;
using model::VerdictKind;

RunResult Converged() {
  model::Verdict verdict{.kind = VerdictKind::kConverged,
                         .seed = 7,
                         .workload_hash = {1, 2},
                         .postgres_version = "15.20",
                         .commit_order = model::CommitOrderSource::kWal,
                         .transactions = {20, 17, 2, 1},
                         .expected = {0xabc, 0xdef},
                         .source = {0xabc, 0xdef},
                         .generator = {0xabc, 0xdef},
                         .rows_compared = 99,
                         .situations = {{"truncate", 3}, {"key_swap", 0}}};
  verdict.listeners.push_back({.id = "listener-1",
                               .plugin = "decoderbufs",
                               .transactions = 18,
                               .changes = 40,
                               .commits_checked = 17,
                               .foreign = 1,
                               .end_lsn = {0x16B374D848},
                               .digest = {0xabc, 0xdef},
                               .joined = {0x10},
                               .left = {0x20},
                               .lost = true,
                               .projected = {{"time_zone", 3}},
                               .quarantined = {{"t", {0x10}, "why"}}});
  return {.verdict = verdict, .elapsed_s = 1.5};
}

RunResult Diverged() {
  RunResult result = Converged();
  result.verdict.kind = VerdictKind::kDiverged;
  result.verdict.reason = "A row differs.";
  result.verdict.first_divergence = model::FirstDivergence{
      .listener = "listener-1",
      .commit = model::TransactionId{5},
      .xid = {771},
      .end_lsn = {0x16B374D848},
      .table = "account",
      .rows = {{.key = {{"id", "3"}},
                .expected = model::NamedTexts{{"id", "3"}, {"note", std::nullopt}},
                .source = model::NamedTexts{{"id", "3"}, {"note", std::nullopt}},
                .replicated = std::nullopt}}};
  return result;
}

std::vector<std::string> Names(const Json& object) {
  std::vector<std::string> names;
  for (const auto& item : object.items()) names.push_back(item.key());
  return names;
}

TEST(ReportTest, ConvergedHasExactlyTheFieldsOfTheContract) {
  const std::string text = ReportText(Converged());
  EXPECT_TRUE(text.ends_with("}\n"));
  EXPECT_EQ(Json::parse(text), Json::parse(R"({
    "verdict": "converged", "exit_code": 0, "seed": 7,
    "workload_hash": "00000000000000010000000000000002", "postgres_version": "15.20",
    "commit_order": "wal",
    "transactions": {"generated": 20, "committed": 17, "rolled_back": 2, "failed": 1},
    "listeners": [{"id": "listener-1", "plugin": "decoderbufs", "transactions": 18, "changes": 40,
      "commits_checked": 17, "foreign": 1, "end_lsn": "16/B374D848",
      "digest": "0000000000000abc0000000000000def", "joined": "0/10", "left": "0/20",
      "lost": true, "projected": {"time_zone": 3},
      "quarantined": [{"table": "t", "end_lsn": "0/10", "reason": "why"}]}],
    "digests": {"expected": "0000000000000abc0000000000000def",
      "source": "0000000000000abc0000000000000def",
      "generator": "0000000000000abc0000000000000def"},
    "rows_compared": 99, "situations": {"truncate": 3, "key_swap": 0}, "elapsed_s": 1.5})"));
}

TEST(ReportTest, DivergedNamesTheFirstDivergence) {
  const Json report = Json::parse(ReportText(Diverged()));
  EXPECT_EQ(report["verdict"], "diverged");
  EXPECT_EQ(report["exit_code"], 2);
  EXPECT_EQ(report["reason"], "A row differs.");
  EXPECT_EQ(report["first_divergence"], Json::parse(R"({
    "listener": "listener-1", "commit": 5, "xid": 771, "end_lsn": "16/B374D848",
    "table": "account",
    "rows": [{"key": {"id": "3"}, "expected": {"id": "3", "note": null},
              "source": {"id": "3", "note": null}, "replicated": null}]})"));
}

TEST(ReportTest, WhatADivergenceDoesNotHaveIsNull) {
  RunResult result = Diverged();
  *result.verdict.first_divergence = model::FirstDivergence{.xid = {9}};
  const Json divergence = Json::parse(ReportText(result))["first_divergence"];
  EXPECT_EQ(divergence, Json::parse(R"({"listener": null, "commit": null, "xid": 9,
    "end_lsn": "0/0", "table": null, "rows": []})"));
}

TEST(ReportTest, AnErrorHasNoVerdict) {
  const RunResult result{.error = model::Error{model::ErrorKind::kUsage, "no such plugin"},
                         .verdict = {.seed = 42}};
  const Json report = Json::parse(ReportText(result));
  EXPECT_TRUE(report["verdict"].is_null());
  EXPECT_EQ(report["error"], "no such plugin");
  EXPECT_EQ(report["exit_code"], 1);
  EXPECT_EQ(report["seed"], 42);
  EXPECT_TRUE(report["workload_hash"].is_null());
  EXPECT_TRUE(report["postgres_version"].is_null());
  EXPECT_TRUE(report["digests"]["source"].is_null());
  EXPECT_EQ(report["transactions"]["committed"], 0);
  EXPECT_EQ(Names(report), (std::vector<std::string>{
                               "verdict", "error", "exit_code", "seed", "workload_hash",
                               "postgres_version", "commit_order", "transactions", "listeners",
                               "digests", "rows_compared", "situations", "elapsed_s"}));
}

TEST(ReportTest, InconclusiveSaysWhyAndLeavesOutDigestsNobodyMade) {
  RunResult result{.verdict = {.kind = VerdictKind::kInconclusive, .reason = "interrupted"}};
  result.verdict.expected = {0, 1};
  const Json report = Json::parse(ReportText(result));
  EXPECT_EQ(report["verdict"], "inconclusive");
  EXPECT_EQ(report["exit_code"], 5);
  EXPECT_EQ(report["reason"], "interrupted");
  EXPECT_EQ(report["digests"]["expected"], "00000000000000000000000000000001");
  EXPECT_TRUE(report["digests"]["generator"].is_null());
}

TEST(ReportTest, ColumnsKeepTheirOrderAndTextNeedNotBeUtf8) {
  RunResult result = Diverged();
  result.verdict.first_divergence->rows[0].key = {{"z", "\xff"}, {"a", "1"}};
  const Json key = Json::parse(ReportText(result))["first_divergence"]["rows"][0]["key"];
  EXPECT_EQ(Names(key), (std::vector<std::string>{"z", "a"}));
}

TEST(ReportTest, IsWrittenToItsFile) {
  const std::string path = ::testing::TempDir() + "/report.json";
  ASSERT_TRUE(CheckReportPath(path).has_value());
  ASSERT_TRUE(WriteReport(path, Converged()).has_value());
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), ReportText(Converged()));
}

TEST(ReportTest, APathThatCannotBeWrittenIsNamed) {
  EXPECT_EQ(CheckReportPath("/nowhere/r.json").error(),
            (model::Error{model::ErrorKind::kUsage,
                          "--report: cannot write /nowhere/r.json: there is no directory "
                          "/nowhere"}));
  EXPECT_FALSE(CheckReportPath("/tmp").has_value());
  EXPECT_EQ(WriteReport("/nowhere/r.json", Converged()).error().kind,
            model::ErrorKind::kEnvironment);
}

}  // namespace
}  // namespace lockstep::report
