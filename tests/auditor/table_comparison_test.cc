#include "auditor/table_comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "model/output_plugin.h"
#include "model/type_oid.h"
#include "model/value.h"

namespace lockstep::auditor {
namespace {

using model::Row;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Row Of(std::int64_t id, std::string_view name) { return model::MakeRow({id, model::Text{name}}); }

// s.t(id int, name text) as the replica has it; with a key or without.
class TableComparisonTest : public ::testing::Test {
 protected:
  void Replica(bool has_key, const std::vector<Row>& rows) {
    model::Relation relation{.schema = "s", .name = "t"};
    relation.columns = {{"id", model::type_oid::kInt4, "integer"},
                        {"name", model::type_oid::kText, "text"}};
    if (has_key) relation.key = {0};
    database_ = model::Database({std::make_shared<const model::Relation>(relation)});
    for (const Row& row : rows) database_.Write(0, database_.table(0).KeyToInsert(row), row);
  }
  // Reads the source as often as it is asked for. The xmin of each row is its number, from 1.
  TableComparison Compare(const std::vector<Row>& source) {
    TableComparison comparison(database_.table(0), projection_);
    for (passes_ = 1;; ++passes_) {
      std::uint32_t xmin = 0;
      for (const Row& row : source) comparison.Take({row, {++xmin}});
      if (!comparison.EndPass()) return comparison;
    }
  }

  model::Database database_;
  model::Projection projection_{model::LossSet()};
  int passes_ = 0;
};

TEST_F(TableComparisonTest, EqualRowsAreReadOnce) {
  Replica(true, {Of(1, "a"), Of(2, "b")});
  const auto comparison = Compare({Of(2, "b"), Of(1, "a")});
  EXPECT_EQ(comparison.mismatch_count(), 0u);
  EXPECT_EQ(comparison.rows(), 2u);
  EXPECT_EQ(passes_, 1);
  EXPECT_EQ(comparison.digest(), database_.table(0).digest());
}

TEST_F(TableComparisonTest, AChangedRowIsShownWithBothSidesAndItsWriter) {
  Replica(true, {Of(1, "a"), Of(2, "b")});
  const auto comparison = Compare({Of(1, "a"), Of(2, "c")});
  EXPECT_THAT(comparison.mismatches(),
              ElementsAre(RowMismatch{model::MakeRow({std::int64_t{2}}), Of(2, "c"), Of(2, "b"),
                                      model::Xid{2}}));
  EXPECT_EQ(comparison.stale_count(), 1u);
  EXPECT_EQ(passes_, 1);
}

TEST_F(TableComparisonTest, ARowThatIsMissingIsNotStale) {
  Replica(true, {Of(1, "a")});
  const auto comparison = Compare({Of(1, "a"), Of(2, "b")});
  ASSERT_EQ(comparison.mismatch_count(), 1u);
  EXPECT_EQ(comparison.mismatches()[0].replicated, std::nullopt);
  EXPECT_EQ(comparison.stale_count(), 0u);
}

TEST_F(TableComparisonTest, ARowThatTheSourceHasNotIsFoundInASecondPass) {
  Replica(true, {Of(1, "a"), Of(2, "b")});
  const auto comparison = Compare({Of(1, "a")});
  EXPECT_THAT(comparison.mismatches(),
              ElementsAre(RowMismatch{model::MakeRow({std::int64_t{2}}), std::nullopt, Of(2, "b"),
                                      model::Xid{}}));
  EXPECT_EQ(comparison.rows(), 1u);
  EXPECT_EQ(passes_, 2);
}

TEST_F(TableComparisonTest, CopiesAreCounted) {
  Replica(false, {Of(1, "a"), Of(1, "a"), Of(2, "b")});
  EXPECT_THAT(Compare({Of(1, "a"), Of(2, "b"), Of(1, "a")}).mismatches(), IsEmpty());
  EXPECT_EQ(passes_, 1);
}

TEST_F(TableComparisonTest, ACopyTooFewIsOneRowOfTheReplica) {
  Replica(false, {Of(1, "a"), Of(1, "a"), Of(2, "b")});
  const auto comparison = Compare({Of(1, "a"), Of(2, "b")});
  ASSERT_EQ(comparison.mismatch_count(), 1u);
  EXPECT_EQ(comparison.mismatches()[0].source, std::nullopt);
  EXPECT_EQ(comparison.mismatches()[0].replicated, Of(1, "a"));
  EXPECT_EQ(passes_, 2);
}

TEST_F(TableComparisonTest, ACopyTooManyIsOneRowOfTheSource) {
  Replica(false, {Of(1, "a")});
  const auto comparison = Compare({Of(1, "a"), Of(1, "a")});
  ASSERT_EQ(comparison.mismatch_count(), 1u);
  EXPECT_EQ(comparison.mismatches()[0].source, Of(1, "a"));
  EXPECT_EQ(comparison.stale_count(), 0u);
}

TEST_F(TableComparisonTest, WhatThePluginDoesNotShowIsNoMismatch) {
  Replica(true, {model::MakeRow({std::int64_t{1}, model::Null{}})});
  model::Relation relation = *database_.table(0).relation();
  relation.columns[1] = {"share", model::type_oid::kFloat8, "double precision"};
  database_ = model::Database({std::make_shared<const model::Relation>(relation)});
  database_.Write(0, model::MakeRow({std::int64_t{1}}),
                  model::MakeRow({std::int64_t{1}, model::Null{}}));
  projection_ = model::Projection({model::Loss::kNonFinite});
  const double infinity = std::numeric_limits<double>::infinity();
  const auto comparison = Compare({model::MakeRow({std::int64_t{1}, infinity})});
  EXPECT_EQ(comparison.mismatch_count(), 0u);
  EXPECT_EQ(comparison.projected()[model::Loss::kNonFinite], 1u);
}

// Both rows of the source are the replica's one.
TEST_F(TableComparisonTest, AKeyThatIsNotShownAsItIsEndsIt) {
  model::Relation relation{.schema = "s", .name = "t"};
  relation.columns = {{"f", model::type_oid::kFloat8, "double precision"}};
  relation.key = {0};
  database_ = model::Database({std::make_shared<const model::Relation>(relation)});
  projection_ = model::Projection({model::Loss::kNonFinite});
  database_.Write(0, model::MakeRow({model::Null{}}), model::MakeRow({model::Null{}}));
  EXPECT_EQ(Compare({model::MakeRow({1.5})}).unshown_key(), std::nullopt);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto comparison = Compare({model::MakeRow({kInfinity}), model::MakeRow({-kInfinity})});
  EXPECT_EQ(comparison.unshown_key(), (model::KeyLoss{0, model::Loss::kNonFinite}));
  EXPECT_EQ(comparison.mismatch_count(), 0u);
  EXPECT_EQ(passes_, 1);
}

TEST_F(TableComparisonTest, AKeyThatTheSourceHasTwiceIsShown) {
  Replica(true, {Of(1, "a"), Of(2, "b")});
  const auto comparison = Compare({Of(1, "a"), Of(1, "a")});
  EXPECT_EQ(comparison.mismatch_count(), 2u);
  EXPECT_EQ(comparison.stale_count(), 1u);
}

TEST_F(TableComparisonTest, ManyMismatchesAreCountedAndSomeShown) {
  Replica(true, {});
  std::vector<Row> rows;
  for (std::int64_t id = 0; id < 1000; ++id) rows.push_back(Of(id, "x"));
  const auto comparison = Compare(rows);
  EXPECT_EQ(comparison.mismatch_count(), 1000u);
  EXPECT_EQ(comparison.mismatches().size(), TableComparison::kMaxMismatches);
}

// The replica has `stale` more, spread over its rows.
class ManyRowsTest : public TableComparisonTest,
                     public ::testing::WithParamInterface<bool /* has a key */> {
 protected:
  TableComparison CompareWithStale(std::int64_t stale) {
    constexpr std::int64_t kRows = 20'000;
    std::vector<Row> rows;
    for (std::int64_t id = 0; id < kRows; ++id) rows.push_back(Of(id, "x"));
    std::vector<Row> replica = rows;
    for (std::int64_t id = 0; id < stale; ++id) replica.push_back(Of(kRows + id, "x"));
    Replica(GetParam(), replica);
    return Compare(rows);
  }
};
INSTANTIATE_TEST_SUITE_P(Key, ManyRowsTest, ::testing::Bool());

TEST_P(ManyRowsTest, FewThatTheSourceHasNotLetFewBeKept) {
  const auto comparison = CompareWithStale(3);
  EXPECT_EQ(comparison.mismatch_count(), 3u);
  EXPECT_EQ(comparison.stale_count(), 3u);
  EXPECT_LT(comparison.kept_count(), 3 * 512u);  // three bins
  EXPECT_EQ(passes_, 2);
}

TEST_P(ManyRowsTest, AllOfManyAreCounted) {
  const auto comparison = CompareWithStale(5000);
  EXPECT_EQ(comparison.mismatch_count(), 5000u);
  EXPECT_EQ(comparison.stale_count(), 5000u);
}

TEST_P(ManyRowsTest, ASourceWithoutRowsLetsNoneBeKept) {
  Replica(GetParam(), {Of(1, "a"), Of(2, "b")});
  const auto comparison = Compare({});
  EXPECT_EQ(comparison.mismatch_count(), 2u);
  EXPECT_EQ(comparison.kept_count(), 0u);
}

// By another key each, so that only the bins tell which.
TEST_P(ManyRowsTest, AsManyMissingAsTooMany) {
  Replica(GetParam(), {Of(1, "a"), Of(2, "b"), Of(3, "c")});
  const auto comparison = Compare({Of(1, "a"), Of(4, "d"), Of(3, "c")});
  EXPECT_EQ(comparison.mismatch_count(), 2u);
  EXPECT_EQ(comparison.stale_count(), 1u);
}

}  // namespace
}  // namespace lockstep::auditor
