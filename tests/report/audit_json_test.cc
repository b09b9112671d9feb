#include "report/audit_json.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/exclusion.h"
#include "report/audit_summary.h"

namespace lockstep::report {
namespace {

AuditResult FullResult() {
  return {.id = "audit-wal2json",
          .plugin = "wal2json",
          .finished = true,
          .transactions = 7,
          .changes = 12,
          .proven = 4,
          .unread = {{3, {0x110}, {0x120}, "of tables that were not followed then"}},
          .joined = {0x100},
          .end_lsn = {0x200},
          .checkpoints = 2,
          .rows_compared = 40,
          .skipped_checkpoints = 1,
          .skipped_reason = "open transactions",
          .resyncs = {{.schema = "s",
                       .table = "t",
                       .lsn = {0x180},
                       .copied_at = {0x190},
                       .reason = "was altered"},
                      {.lsn = {0x1a0}, .reason = "the slot is gone"}},
          .excuses = {{.schema = "s",
                       .table = "u",
                       .rows = 2,
                       .lsn = {0x180},
                       .reason = "it was altered",
                       .examples = {{.schema = "s", .table = "u", .misfit = "no such row"}}}},
          .sabotage = "it never was",
          .tables = {{.schema = "s",
                      .name = "t",
                      .status = TableStatus::kDifferent,
                      .reason = "1 row at 0/200",
                      .rows = 20,
                      .changes = 12,
                      .proven = 4,
                      .comparisons = 2,
                      .digest = {1, 2},
                      .followed_from = {0x100},
                      .unproven = {{8, {0x130}, {0x140}, "it differs"}}},
                     {.schema = "s",
                      .name = "u",
                      .why_excluded = model::ExclusionKind::kUnlogged,
                      .reason = "unlogged"}},
          .differences = {{.schema = "s",
                           .table = "t",
                           .key = {{"id", "5"}},
                           .source = model::NamedTexts{{"id", "5"}, {"name", std::nullopt}},
                           .replicated = std::nullopt,
                           .source_xid = {77},
                           .checkpoint = {0x200}}},
          .difference_count = 1};
}

AuditResult EqualResult(const std::string& plugin) {
  return {.id = "audit-" + plugin,
          .plugin = plugin,
          .finished = true,
          .tables = {{.schema = "s", .name = "t", .status = TableStatus::kEqual, .rows = 20}}};
}

TEST(AuditJsonTest, AResultComesBackAsItWas) {
  const AuditResult result = FullResult();
  const auto back = ParseAuditResult(AuditResultJson(result));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, result);
}

TEST(AuditJsonTest, WhatIsNoResultIsMalformed) {
  const std::string text = AuditResultJson(FullResult());
  for (const std::string& wrong :
       {std::string(), std::string("{}"), text.substr(0, text.size() / 2), "[" + text + "]"}) {
    const auto parsed = ParseAuditResult(wrong);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().kind, model::ErrorKind::kMalformed);
  }
}

TEST(AuditJsonTest, BytesThatAreNotUtf8AreEscapedSoThatNamesStayApart) {
  AuditResult result = FullResult();
  result.tables = {{.schema = "s", .name = "\xe4"}, {.schema = "s", .name = "\xf6"}};
  result.differences[0].key = {{"\xe4", "\xff"}, {"\xf6", "x"}};
  const auto back = ParseAuditResult(AuditResultJson(result));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->tables[0].name, "\\xe4");
  EXPECT_EQ(back->tables[1].name, "\\xf6");
  EXPECT_EQ(back->differences[0].key, (model::NamedTexts{{"\\xe4", "\\xff"}, {"\\xf6", "x"}}));
}

TEST(AuditJsonTest, TheReportHasEachTableOnceWithTheWorstStatus) {
  const AuditReport report{.postgres_version = "15.20",
                           .command = "psql -f x",
                           .command_status = 0,
                           .auditors = {EqualResult("pgoutput"), FullResult()}};
  const auto json = nlohmann::json::parse(AuditReportJson(report));
  EXPECT_EQ(json["verdict"], "diverged");
  EXPECT_EQ(json["exit_code"], 2);
  ASSERT_EQ(json["tables"].size(), 2u);
  EXPECT_EQ(json["tables"][0]["table"], "t");
  EXPECT_EQ(json["tables"][0]["status"], "different");
  EXPECT_EQ(json["tables"][0]["reason"], "wal2json: 1 row at 0/200");
  EXPECT_EQ(json["tables"][1]["status"], "excluded");
  EXPECT_EQ(json["listeners"].size(), 2u);
  EXPECT_EQ(json["first_divergence"]["key"]["id"], "5");
  EXPECT_EQ(json["first_divergence"]["xid"], 77);
  EXPECT_EQ(json["command_status"], 0);
}

TEST(AuditResultTest, EqualTablesOfAllAuditorsConverge) {
  AuditReport report{.auditors = {EqualResult("pgoutput"), EqualResult("wal2json")}};
  EXPECT_EQ(VerdictOf(report), model::VerdictKind::kConverged);
  EXPECT_EQ(ReasonOf(report), "");
  report.auditors[1].finished = false;
  EXPECT_EQ(VerdictOf(report), model::VerdictKind::kInconclusive);
  EXPECT_EQ(ReasonOf(report), "audit-wal2json: the comparison at the end was not made");
}

TEST(AuditResultTest, AReasonThatAllGiveIsToldOnce) {
  AuditResult wal2json = FullResult();
  AuditResult pgoutput = FullResult();
  pgoutput.plugin = "pgoutput";
  EXPECT_EQ(MergeTables({wal2json, pgoutput})[1].reason, "unlogged");
  pgoutput.tables[1].reason = "not in the publication";
  EXPECT_EQ(MergeTables({wal2json, pgoutput})[1].reason,
            "pgoutput: not in the publication; wal2json: unlogged");
  EXPECT_EQ(MergeTables({pgoutput})[1].reason, "not in the publication");
}

TEST(AuditResultTest, NothingComparedIsInconclusive) {
  AuditReport report{.auditors = {EqualResult("pgoutput")}};
  report.auditors[0].tables[0].status = TableStatus::kExcluded;
  EXPECT_EQ(VerdictOf(report), model::VerdictKind::kInconclusive);
  EXPECT_EQ(ReasonOf(report), "audit-pgoutput: no table could be compared");
  EXPECT_EQ(VerdictOf(AuditReport()), model::VerdictKind::kInconclusive);
}

TEST(AuditResultTest, NothingProvenOfWhatArrivedIsInconclusive) {
  AuditResult result = EqualResult("wal2json");
  result.changes = 155267;
  EXPECT_EQ(VerdictOf({.auditors = {result}}), model::VerdictKind::kInconclusive);
  EXPECT_NE(ReasonOf({.auditors = {result}}).find("none of the 155267 changes"), std::string::npos);
  result.proven = 1;
  EXPECT_EQ(VerdictOf({.auditors = {result}}), model::VerdictKind::kConverged);
}

TEST(AuditResultTest, AnExcuseKeepsFromConvergingAndIsNamed) {
  AuditResult result = EqualResult("wal2json");
  result.excuses = {
      {.schema = "s", .table = "u", .rows = 2, .lsn = {0x180}, .reason = "it was altered"}};
  EXPECT_EQ(VerdictOf({.auditors = {result}}), model::VerdictKind::kInconclusive);
  EXPECT_EQ(ReasonOf({.auditors = {result}}),
            "audit-wal2json: 2 rows of table s.u differed at 0/180, maybe because it was altered");
}

TEST(AuditResultTest, AStreamThatWasFalsifiedNeverConverges) {
  AuditResult result = EqualResult("wal2json");
  result.sabotage = "it never was";
  EXPECT_EQ(VerdictOf({.auditors = {result}}), model::VerdictKind::kInconclusive);
}

TEST(AuditResultTest, ACommandThatFailedCountsWhereItsSuccessIsRequired) {
  AuditReport report{
      .command = "false", .command_status = 1, .auditors = {EqualResult("wal2json")}};
  EXPECT_EQ(VerdictOf(report), model::VerdictKind::kConverged);
  report.requires_success = true;
  EXPECT_EQ(VerdictOf(report), model::VerdictKind::kInconclusive);
  EXPECT_EQ(ReasonOf(report), "the command exited with 1 (--require-command-success)");
  report.command_status.reset();
  EXPECT_EQ(VerdictOf(report), model::VerdictKind::kInconclusive);
  report.command_status = 0;
  EXPECT_EQ(VerdictOf(report), model::VerdictKind::kConverged);
}

TEST(AuditResultTest, AStrictAuditLeavesNoTableOut) {
  AuditReport report{.is_strict = true, .auditors = {EqualResult("wal2json")}};
  const AuditResult whole = report.auditors[0];
  std::vector<AuditedTable>& tables = report.auditors[0].tables;
  tables.push_back({.schema = "s",
                    .name = "gone",
                    .why_excluded = model::ExclusionKind::kGone,
                    .reason = "it is gone since 0/1"});
  tables.push_back({.schema = "s",
                    .name = "root",
                    .why_excluded = model::ExclusionKind::kPartitioned,
                    .reason = "partitioned: its partitions hold the rows"});
  EXPECT_EQ(VerdictOf(report), model::VerdictKind::kConverged);
  tables.push_back({.schema = "s",
                    .name = "u",
                    .why_excluded = model::ExclusionKind::kUnlogged,
                    .reason = "unlogged: its changes are not in the WAL"});
  EXPECT_EQ(ReasonOf(report),
            "audit-wal2json: table s.u was not judged: unlogged: its changes are not in the WAL "
            "(--strict)");
  report.auditors[0] = whole;
  report.auditors[0].resyncs = {{.schema = "s", .table = "t", .reason = "was altered"}};
  EXPECT_EQ(ReasonOf(report), "audit-wal2json: table s.t was read anew: was altered (--strict)");
  report.is_strict = false;
  EXPECT_EQ(VerdictOf(report), model::VerdictKind::kConverged);
}

TEST(AuditResultTest, ExclusionsAreCountedByTheWorstOfAllAuditors) {
  AuditReport report{.auditors = {EqualResult("pgoutput"), EqualResult("wal2json")}};
  const auto exclude = [&](std::size_t auditor, const char* table, model::ExclusionKind kind) {
    report.auditors[auditor].tables.push_back(
        {.schema = "s", .name = table, .why_excluded = kind, .reason = "why"});
  };
  exclude(0, "a", model::ExclusionKind::kGone);
  exclude(1, "a", model::ExclusionKind::kUnlogged);
  exclude(0, "b", model::ExclusionKind::kGone);
  exclude(1, "b", model::ExclusionKind::kGone);
  EXPECT_EQ(CountExclusions(report),
            (std::map<model::ExclusionKind, std::size_t>{{model::ExclusionKind::kGone, 1},
                                                         {model::ExclusionKind::kUnlogged, 1}}));
  const std::string text = AuditSummaryText(report);
  EXPECT_NE(text.find("2 not judged: 1 gone, 1 unlogged\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("s.b"), std::string::npos) << text;
}

TEST(AuditResultTest, UnprovenChangesOfOneReasonAreOneEntry) {
  std::vector<UnprovenChanges> list;
  AddUnproven(list, {0, {1}, {1}, "nothing"});
  AddUnproven(list, {2, {5}, {6}, "it is gone"});
  AddUnproven(list, {3, {7}, {8}, "it is gone"});
  AddUnproven(list, {1, {9}, {9}, "it differs"});
  const std::vector<UnprovenChanges> expected = {{5, {5}, {8}, "it is gone"},
                                                 {1, {9}, {9}, "it differs"}};
  EXPECT_EQ(list, expected);
}

TEST(AuditResultTest, ADifferenceCountsWhateverElseHappened) {
  AuditReport report{.reason = "interrupted", .auditors = {FullResult()}};
  report.auditors[0].finished = false;
  EXPECT_EQ(ExitCodeOf(report), model::ExitCode::kDiverged);
}

}  // namespace
}  // namespace lockstep::report
