#include "auditor/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>

#include "model/change.h"
#include "model/output_plugin.h"
#include "model/projection.h"
#include "model/type_oid.h"

namespace lockstep::auditor {
namespace {

using report::AuditedTable;
using report::TableStatus;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LedgerTest : public ::testing::Test {
 protected:
  static model::RelationPtr Relation(const std::string& name) {
    model::Relation relation{.schema = "s", .name = name};
    relation.columns = {{"id", model::type_oid::kInt4, "integer"}};
    relation.key = {0};
    return std::make_shared<const model::Relation>(relation);
  }
  void SetUp() override { ledger_.OnAttached(replica_, {100}); }

  // As when rows of the replica's table, and `missing` more, are in the source.
  void Compare(std::uint32_t table, model::Lsn lsn, bool missing = false) {
    TableComparison comparison(replica_.table(table), projection_);
    if (missing) comparison.Take({model::MakeRow({std::int64_t{5}}), {77}});
    if (comparison.EndPass()) (void)comparison.EndPass();
    ledger_.OnTableCompared({table, comparison}, *replica_.table(table).relation(), writers_, lsn);
  }
  // Into one of the replica's tables.
  model::Transaction Inserts(const std::string& table, std::int64_t rows, model::Lsn end_lsn) {
    model::Transaction transaction{.xid = {9}, .end_lsn = end_lsn};
    const auto number = replica_.FindTable("s", table).value();
    for (std::int64_t id = 0; id < rows; ++id) {
      transaction.changes.emplace_back(
          model::Insert{replica_.table(number).relation(), model::MakeRow({id})});
    }
    return transaction;
  }
  static report::UnprovenChanges Unproven(std::uint64_t changes, model::Lsn from, model::Lsn to,
                                          const std::string& reason) {
    return {changes, from, to, reason};
  }
  AuditedTable Of(const std::string& name) const {
    for (const AuditedTable& table : ledger_.Result().tables) {
      if (table.name == name) return table;
    }
    return {};
  }

  model::Database replica_{{Relation("a"), Relation("b")}};
  model::Projection projection_{model::LossSet()};
  LastWriters writers_ = [] {
    LastWriters writers;
    writers.SetTables({1, 2});
    return writers;
  }();
  Ledger ledger_{"audit-x", "x"};
};

TEST_F(LedgerTest, ATableIsEqualOnceItWasCompared) {
  EXPECT_EQ(Of("a").status, TableStatus::kExcluded);
  EXPECT_THAT(Of("a").reason, HasSubstr("not compared"));
  Compare(0, {200});
  EXPECT_EQ(Of("a").status, TableStatus::kEqual);
  EXPECT_EQ(Of("a").reason, "");
  EXPECT_EQ(Of("b").status, TableStatus::kExcluded);
}

TEST_F(LedgerTest, TheStatementBehindAResyncIsNamedOnce) {
  ledger_.OnNeedsResync({"s", "a"}, {300}, "was altered");
  ledger_.OnStatement({"s", "a"}, {290}, "ALTER TABLE");
  ledger_.OnStatement({"s", "a"}, {290}, "ALTER TABLE");
  EXPECT_EQ(Of("a").reason, "needs resync from 0/122 on: it was altered by ALTER TABLE");
  ledger_.OnCopied(*replica_.table(0).relation(), {400});
  ledger_.OnStatement({"s", "a"}, {500}, "ALTER TABLE");
  const auto result = ledger_.Result();
  ASSERT_EQ(result.resyncs.size(), 1u);
  EXPECT_EQ(result.resyncs[0],
            (report::AuditResync{"s", "a", {290}, {400}, "was altered by ALTER TABLE"}));
}

TEST_F(LedgerTest, ATableThatNeedsResyncIsEqualOnlyAfterItWasReadAndCompared) {
  Compare(0, {200});
  ledger_.OnNeedsResync({"s", "a"}, {300}, "was rewritten");
  EXPECT_EQ(Of("a").status, TableStatus::kExcluded);
  EXPECT_EQ(Of("a").reason, "needs resync from 0/12C on: it was rewritten");
  EXPECT_EQ(ledger_.news(), 0u);
  ledger_.OnCopied(*replica_.table(0).relation(), {400});
  EXPECT_EQ(Of("a").status, TableStatus::kExcluded);
  EXPECT_EQ(ledger_.news(), 1u);
  Compare(0, {500});
  EXPECT_EQ(Of("a").status, TableStatus::kEqual);
  EXPECT_EQ(Of("a").followed_from, model::Lsn{400});
  EXPECT_EQ(Of("a").reason, "from 0/190 on");
  const auto result = ledger_.Result();
  ASSERT_EQ(result.resyncs.size(), 1u);
  EXPECT_EQ(result.resyncs[0], (report::AuditResync{"s", "a", {300}, {400}, "was rewritten"}));
}

TEST_F(LedgerTest, ATableThatIsGoneNeedsNoResync) {
  ledger_.OnNeedsResync({"s", "a"}, {200}, "was altered");
  ledger_.OnCopied(*replica_.table(0).relation(), {300});
  ledger_.OnNeedsResync({"s", "a"}, {400}, "was altered");
  ledger_.OnNeedsResync({"s", "new"}, {410}, "was made");
  ledger_.OnNeedsResync({"s", "newer"}, {420}, "was made");
  ledger_.OnGone({"s", "a"}, {500});
  ledger_.OnGone({"s", "new"}, {500});
  const auto result = ledger_.Result();
  ASSERT_EQ(result.resyncs.size(), 2u);
  EXPECT_EQ(result.resyncs[0], (report::AuditResync{"s", "a", {200}, {300}, "was altered"}));
  EXPECT_EQ(result.resyncs[1].table, "newer");
  EXPECT_EQ(Of("new").reason, "it is gone since 0/1F4");
}

TEST_F(LedgerTest, WhatDiffersStaysDifferentWhateverBecomesOfTheTable) {
  Compare(0, {200}, true);
  EXPECT_EQ(Of("a").status, TableStatus::kDifferent);
  EXPECT_EQ(ledger_.result().difference_count, 1u);
  EXPECT_EQ(ledger_.result().differences[0].source_xid.value, 77u);
  ledger_.OnNeedsResync({"s", "a"}, {300}, "was altered");
  ledger_.OnCopied(*replica_.table(0).relation(), {400});
  Compare(0, {500});
  ledger_.OnGone({"s", "a"}, {600});
  ledger_.OnExcluded({"s", "a"}, {model::ExclusionKind::kUnlogged, "unlogged"});
  EXPECT_EQ(Of("a").status, TableStatus::kDifferent);
  Compare(0, {700}, true);
  EXPECT_EQ(ledger_.result().difference_count, 1u) << "the same row is told once";
}

// Rows, not the ones that are shown; and not again at each comparison.
TEST_F(LedgerTest, DifferencesAreTheMostAtOneComparison) {
  const auto compare_missing = [&](std::int64_t rows, model::Lsn lsn) {
    TableComparison comparison(replica_.table(0), projection_);
    for (std::int64_t id = 0; id < rows; ++id) comparison.Take({model::MakeRow({id}), {77}});
    ASSERT_FALSE(comparison.EndPass());
    ledger_.OnTableCompared({0, comparison}, *replica_.table(0).relation(), writers_, lsn);
  };
  compare_missing(50, {200});
  EXPECT_EQ(ledger_.result().difference_count, 50u);
  EXPECT_EQ(ledger_.result().differences.size(), TableComparison::kMaxMismatches);
  compare_missing(60, {300});
  compare_missing(40, {400});
  EXPECT_EQ(ledger_.result().difference_count, 60u);
}

TEST_F(LedgerTest, WhatCannotBeToldExcludesTheTableAndMakesTheAuditInconclusive) {
  Compare(0, {200});
  ledger_.OnUndecided(*replica_.table(0).relation(), "nobody could look");
  EXPECT_EQ(Of("a").status, TableStatus::kExcluded);
  EXPECT_EQ(Of("a").reason, "nobody could look");
  EXPECT_EQ(ledger_.Result().reason, "table s.a: nobody could look");
}

TEST_F(LedgerTest, WhatThePluginDoesNotShowIsCountedAsOfTheLastComparison) {
  const model::Projection lossy({model::Loss::kNonFinite});
  model::Relation relation{.schema = "s", .name = "f"};
  relation.columns = {{"id", model::type_oid::kInt4, "integer"},
                      {"n", model::type_oid::kFloat8, "double precision"}};
  relation.key = {0};
  model::Database replica({std::make_shared<const model::Relation>(relation)});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const std::int64_t rows : {3, 2}) {
    TableComparison comparison(replica.table(0), lossy);
    for (std::int64_t id = 0; id < rows; ++id)
      comparison.Take({model::MakeRow({id, model::Value(nan)}), {77}});
    ledger_.OnCheckpoint();
    ledger_.OnTableCompared({0, comparison}, relation, writers_, {200});
  }
  EXPECT_EQ(ledger_.result().projected, (std::map<std::string, std::uint64_t>{{"non_finite", 2}}));
  EXPECT_EQ(ledger_.result().rows_compared, 5u);
}

TEST_F(LedgerTest, ChangesAreProvenByTheNextComparisonOfTheirTable) {
  ledger_.OnTransaction(Inserts("a", 3, {150}));
  EXPECT_EQ(ledger_.Result().proven, 0u);
  EXPECT_THAT(Of("a").unproven, ElementsAre(Unproven(3, {150}, {150}, "not compared since")));
  Compare(0, {200});
  Compare(1, {200});
  ledger_.OnTransaction(Inserts("a", 2, {250}));
  EXPECT_EQ(Of("a").changes, 5u);
  EXPECT_EQ(Of("a").proven, 3u);
  EXPECT_EQ(ledger_.Result().changes, 5u);
  EXPECT_EQ(ledger_.Result().proven, 3u);
}

TEST_F(LedgerTest, WhatIsReadAnewBeforeItWasComparedIsNotProven) {
  ledger_.OnTransaction(Inserts("a", 3, {150}));
  ledger_.OnTransaction(Inserts("a", 1, {160}));
  ledger_.OnNeedsResync({"s", "a"}, {170}, "was altered");
  ledger_.OnTransaction(Inserts("a", 4, {180}));
  ledger_.OnCopied(*replica_.table(0).relation(), {190});
  ledger_.OnTransaction(Inserts("a", 2, {195}));
  Compare(0, {200});
  EXPECT_EQ(Of("a").changes, 10u);
  EXPECT_EQ(Of("a").proven, 2u);
  EXPECT_THAT(Of("a").unproven,
              ElementsAre(Unproven(8, {150}, {180}, "needs resync from 0/AA on: it was altered")));
}

TEST_F(LedgerTest, WhatDiffersOrIsExcludedOrGoneIsNotProven) {
  ledger_.OnTransaction(Inserts("a", 3, {150}));
  Compare(0, {200}, true);
  ledger_.OnTransaction(Inserts("b", 5, {210}));
  ledger_.OnGone({"s", "b"}, {220});
  ledger_.OnTransaction(Inserts("b", 1, {230}));
  EXPECT_EQ(ledger_.Result().proven, 0u);
  EXPECT_THAT(Of("a").unproven, ElementsAre(Unproven(3, {150}, {150}, "it differs")));
  EXPECT_THAT(Of("b").unproven, ElementsAre(Unproven(6, {210}, {230}, "it is gone since 0/DC")));
}

TEST_F(LedgerTest, ChangesThatCouldNotBeReadArrivedAllTheSame) {
  ledger_.OnTransaction({.xid = {1}, .end_lsn = {150}, .other_changes = 9, .unread_changes = 7});
  EXPECT_EQ(ledger_.Result().changes, 7u);
  EXPECT_THAT(ledger_.Result().unread,
              ElementsAre(Unproven(7, {150}, {150}, "of tables that were not followed then")));
}

TEST_F(LedgerTest, AnExcuseIsCountedWithExamples) {
  TableComparison comparison(replica_.table(0), projection_);
  for (std::int64_t id = 0; id < 5; ++id) comparison.Take({model::MakeRow({id}), {77}});
  ASSERT_FALSE(comparison.EndPass());
  ledger_.OnExcused({0, comparison}, *replica_.table(0).relation(), writers_, {200},
                    "it was altered");
  const auto result = ledger_.Result();
  EXPECT_EQ(result.difference_count, 0u);
  ASSERT_EQ(result.excuses.size(), 1u);
  EXPECT_EQ(result.excuses[0].rows, 5u);
  EXPECT_EQ(result.excuses[0].reason, "it was altered");
  EXPECT_EQ(result.excuses[0].examples.size(), Ledger::kMaxExamples);
}

TEST_F(LedgerTest, AllTablesReadAnewAreOneEntryAndWhatIsNotAmongThemIsGone) {
  Compare(0, {200});
  Compare(1, {200});
  ledger_.OnResync({300}, "the slot is gone");
  const model::Database fewer({Relation("b")});
  ledger_.OnAttached(fewer, {400});
  EXPECT_EQ(Of("a").reason, "it is gone since 0/190");
  EXPECT_THAT(Of("b").reason, HasSubstr("not compared since it was copied at 0/190"));
  const auto result = ledger_.Result();
  ASSERT_EQ(result.resyncs.size(), 1u);
  EXPECT_EQ(result.resyncs[0].copied_at, model::Lsn{400});
  EXPECT_EQ(result.joined, model::Lsn{100});
}

}  // namespace
}  // namespace lockstep::auditor
