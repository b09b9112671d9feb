#include "auditor/explanation.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>

#include "model/database.h"
#include "model/output_plugin.h"
#include "model/projection.h"
#include "model/type_oid.h"

namespace lockstep::auditor {
namespace {

// A comparison in which the replica has a row that the source has not, or lacks one.
class ExplanationTest : public ::testing::Test {
 protected:
  ExplanationTest() {
    model::Relation relation{.schema = "s", .name = "t"};
    relation.columns = {{"id", model::type_oid::kInt4, "integer"}};
    database_ = model::Database({std::make_shared<const model::Relation>(relation)});
  }
  Explanation OfStaleRow(const TableFacts& facts) {
    const model::Row row = model::MakeRow({std::int64_t{1}});
    database_.Write(0, database_.table(0).KeyToInsert(row), row);
    TableComparison comparison(database_.table(0), projection_);
    EXPECT_TRUE(comparison.EndPass());
    EXPECT_FALSE(comparison.EndPass());
    return Explain(facts, comparison);
  }
  Explanation OfMissingRow(const TableFacts& facts) {
    (void)database_.EraseAll(0);
    TableComparison comparison(database_.table(0), projection_);
    const postgres::TableRow row{model::MakeRow({std::int64_t{1}}), {}};
    comparison.Take(row);
    EXPECT_TRUE(comparison.EndPass());
    comparison.Take(row);
    EXPECT_FALSE(comparison.EndPass());
    return Explain(facts, comparison);
  }

  model::Database database_;
  model::Projection projection_{model::LossSet()};
};

TEST_F(ExplanationTest, WhatNothingExplainsIsAFault) {
  EXPECT_EQ(OfStaleRow({}), Explanation::kFault);
  EXPECT_EQ(OfMissingRow({}), Explanation::kFault);
  EXPECT_EQ(OfStaleRow({.updated_or_deleted = 5}), Explanation::kFault);
}

TEST_F(ExplanationTest, AnInsertIsAlwaysShown) {
  EXPECT_EQ(OfMissingRow({.insert_only = true, .updated_or_deleted = 5}), Explanation::kFault);
  EXPECT_EQ(OfMissingRow({.blind = true, .new_file = true, .has_log = true}), Explanation::kFault);
  EXPECT_EQ(OfMissingRow({.altered = true}), Explanation::kFault);
  EXPECT_EQ(OfMissingRow({.volatile_text = true}), Explanation::kFault);
}

TEST_F(ExplanationTest, AnUpdateWithoutIdentityIsNotShown) {
  EXPECT_EQ(OfStaleRow({.insert_only = true, .updated_or_deleted = 1}), Explanation::kUnshown);
}

TEST_F(ExplanationTest, StatisticsNeverProveAFault) {
  EXPECT_EQ(OfStaleRow({.insert_only = true}), Explanation::kTooEarly);
  EXPECT_EQ(OfStaleRow({.insert_only = true, .statistics = Statistics::kSettled}),
            Explanation::kMaybeUnshown);
  EXPECT_EQ(OfStaleRow({.insert_only = true, .statistics = Statistics::kNone}),
            Explanation::kMaybeUnshown);
  EXPECT_EQ(OfMissingRow({.insert_only = true, .statistics = Statistics::kNone}),
            Explanation::kFault);
  EXPECT_NE(UnshownReason({.insert_only = true}).find("statistics do not tell"), std::string::npos);
}

TEST_F(ExplanationTest, ATruncationThatThePluginDoesNotSendMayHaveBeenOne) {
  EXPECT_EQ(OfStaleRow({.blind = true, .new_file = true}), Explanation::kMaybeUnshown);
  EXPECT_EQ(OfStaleRow({.blind = true, .new_file = true, .has_log = true}),
            Explanation::kMaybeUnshown);
  EXPECT_EQ(OfStaleRow({.blind = true}), Explanation::kFault);
}

TEST_F(ExplanationTest, ANewFileMayBeARewrite) {
  EXPECT_EQ(OfStaleRow({.new_file = true}), Explanation::kMaybeRewritten);
  EXPECT_EQ(OfMissingRow({.new_file = true}), Explanation::kMaybeRewritten);
  EXPECT_EQ(OfStaleRow({.new_file = true, .saw_truncate = true}), Explanation::kFault);
  // A rewrite that changes values leaves another form, too.
  EXPECT_EQ(OfStaleRow({.new_file = true, .altered = true, .saw_truncate = true}),
            Explanation::kMaybeRewritten);
}

TEST_F(ExplanationTest, WhereRewritesAreLoggedANewFileAloneExcusesNothing) {
  EXPECT_EQ(OfStaleRow({.new_file = true, .has_log = true}), Explanation::kFault);
  EXPECT_EQ(ExplainMisfit({.new_file = true, .has_log = true}), Explanation::kFault);
  EXPECT_EQ(OfStaleRow({.new_file = true, .has_log = true, .logged_rewrite = true}),
            Explanation::kRewritten);
  EXPECT_EQ(OfStaleRow({.new_file = true, .saw_truncate = true, .logged_rewrite = true}),
            Explanation::kRewritten);
}

TEST_F(ExplanationTest, ATableOfTheSameNameIsAnotherTable) {
  const TableFacts made_again{
      .blind = true, .new_table = true, .new_file = true, .saw_truncate = true};
  EXPECT_EQ(OfStaleRow(made_again), Explanation::kRewritten);
  EXPECT_EQ(OfMissingRow(made_again), Explanation::kRewritten);
  EXPECT_EQ(ExplainMisfit(made_again), Explanation::kRewritten);
  EXPECT_EQ(RewrittenReason(made_again), "was dropped and made again");
}

TEST_F(ExplanationTest, ATypeThatWasAlteredGivesOtherText) {
  EXPECT_EQ(OfStaleRow({.new_text = true}), Explanation::kRewritten);
  EXPECT_EQ(ExplainMisfit({.new_text = true}), Explanation::kRewritten);
  EXPECT_EQ(RewrittenReason({.new_text = true}), "has values of a type that was altered");
  EXPECT_EQ(OfStaleRow({.volatile_text = true}), Explanation::kMaybeRewritten);
}

TEST_F(ExplanationTest, AnAlteredTableMayHaveHadAnotherIdentity) {
  EXPECT_EQ(OfStaleRow({.altered = true}), Explanation::kMaybeRewritten);
  EXPECT_EQ(ExplainMisfit({.insert_only = true, .altered = true}), Explanation::kMaybeRewritten);
  const TableFacts truncated{.blind = true, .new_file = true, .altered = true};
  EXPECT_EQ(OfStaleRow(truncated), Explanation::kMaybeUnshown);
  EXPECT_EQ(ExplainMisfit(truncated), Explanation::kMaybeUnshown);
  EXPECT_EQ(RewrittenReason({.altered = true}), "was altered");
}

TEST_F(ExplanationTest, UnderAnotherNameAnythingMayHaveHappened) {
  EXPECT_EQ(OfStaleRow({.renamed = true}), Explanation::kRewritten);
  EXPECT_EQ(OfMissingRow({.renamed = true}), Explanation::kRewritten);
  EXPECT_EQ(ExplainMisfit({.renamed = true}), Explanation::kRewritten);
}

TEST_F(ExplanationTest, AnAlterThatMadeTheFileIsARewriteWhateverElseMayBe) {
  const TableFacts rewritten{
      .blind = true, .new_file = true, .rewritten = true, .altered = true, .saw_truncate = true};
  EXPECT_EQ(OfStaleRow(rewritten), Explanation::kRewritten);
  EXPECT_EQ(OfMissingRow(rewritten), Explanation::kRewritten);
  EXPECT_EQ(RewrittenReason(rewritten), "was rewritten");
}

TEST_F(ExplanationTest, AChangeThatDoesNotFitIsAFaultUnlessSomethingWasNotShown) {
  EXPECT_EQ(ExplainMisfit({}), Explanation::kFault);
  EXPECT_EQ(ExplainMisfit({.insert_only = true}), Explanation::kMaybeUnshown);
  EXPECT_EQ(ExplainMisfit({.insert_only = true, .updated_or_deleted = 1}), Explanation::kUnshown);
  EXPECT_EQ(ExplainMisfit({.blind = true}), Explanation::kFault);
  EXPECT_EQ(ExplainMisfit({.blind = true, .new_file = true}), Explanation::kMaybeUnshown);
  EXPECT_EQ(ExplainMisfit({.new_file = true}), Explanation::kMaybeRewritten);
  EXPECT_EQ(ExplainMisfit({.new_file = true, .saw_truncate = true}), Explanation::kFault);
}

TEST_F(ExplanationTest, OnlyWhatMayBeAFaultIsAnExcuse) {
  EXPECT_TRUE(IsExcuse(Explanation::kMaybeUnshown));
  EXPECT_TRUE(IsExcuse(Explanation::kMaybeRewritten));
  for (const Explanation sure : {Explanation::kFault, Explanation::kUnshown,
                                 Explanation::kRewritten, Explanation::kTooEarly})
    EXPECT_FALSE(IsExcuse(sure));
}

}  // namespace
}  // namespace lockstep::auditor
