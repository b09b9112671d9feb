#include "verifier/plugin_view.h"

#include <gtest/gtest.h>

#include <limits>
#include <memory>

#include "model/catalog.h"
#include "model/type_oid.h"

namespace lockstep::verifier {
namespace {

using model::Loss;
using model::LossSet;
using model::Row;
using model::Value;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Row Reading(std::int64_t id, double number) { return model::MakeRow({id, number}); }
Row Shown(std::int64_t id) { return model::MakeRow({id, model::Null{}}); }

// "reading": id int8 key, number float8; the session table; a view of listeners to which NaN is
// null.
class PluginViewTest : public testing::Test {
 protected:
  PluginViewTest() : database_(tables_), view_({Loss::kNonFinite, Loss::kMessage}, database_) {
    database_.Write(model::kSessionTable, model::MakeRow({std::int64_t{1}}),
                    model::MakeSessionRow({1}, {}));
  }

  ExpectedView Run(std::vector<model::Operation> operations) {
    const model::Script script{{++last_id_}, {1}, std::move(operations)};
    const model::Execution execution = model::Execute(script, database_);
    return view_.Apply(script, execution, database_);
  }

  // The state of a replica that holds these rows beside the session's.
  model::Digest StateOf(const std::vector<Row>& rows) const {
    model::Database replica(tables_);
    replica.Write(model::kSessionTable, model::MakeRow({std::int64_t{1}}),
                  model::MakeSessionRow({1}, {last_id_}));
    for (const Row& row : rows) replica.Write(1, tables_[1]->KeyOf(row), row);
    return replica.digest();
  }

  std::vector<model::RelationPtr> tables_ = {
      model::MakeSessionRelation("s"),
      std::make_shared<const model::Relation>(
          model::Relation{.schema = "s",
                          .name = "reading",
                          .columns = {{"id", model::type_oid::kInt8, "bigint", true},
                                      {"number", model::type_oid::kFloat8, "double precision"}},
                          .key = {0}})};
  model::Database database_;
  PluginView view_;
  std::uint64_t last_id_ = 0;
};

TEST_F(PluginViewTest, OnlyRowsWithALostValueAreExpectedOtherwise) {
  ExpectedView view =
      Run({model::InsertRow{1, Reading(1, 1.5)}, model::InsertRow{1, Reading(2, kNan)}});
  EXPECT_EQ(view.state, StateOf({Reading(1, 1.5), Shown(2)}));
  EXPECT_NE(view.state, database_.digest());
  EXPECT_EQ(view.projected[Loss::kNonFinite], 1U);

  view = Run({model::UpdateRow{1, model::MakeRow({std::int64_t{2}}), Reading(2, 2.5)}});
  EXPECT_EQ(view.state, database_.digest());
  EXPECT_EQ(view.projected, model::LossCounts{});

  view = Run({model::UpdateRow{1, model::MakeRow({std::int64_t{1}}), Reading(3, kNan)}});
  EXPECT_EQ(view.state, StateOf({Shown(3), Reading(2, 2.5)}));
  view = Run({model::DeleteRow{1, model::MakeRow({std::int64_t{3}})}});
  EXPECT_EQ(view.state, database_.digest());
}

TEST_F(PluginViewTest, ChangesAreThoseOfTheProjectedRowsWithoutMessages) {
  const ExpectedView view = Run({model::InsertRow{1, Reading(2, kNan)},
                                 model::EmitMessage{"p", "c"}, model::TruncateTable{1}});
  model::ChangeDigest changes;
  changes.Update("session", nullptr, model::MakeSessionRow({1}, {1}));
  changes.Insert("reading", Shown(2));
  changes.Truncate("reading");
  EXPECT_EQ(view.changes, changes.digest());
  EXPECT_EQ(view.projected[Loss::kMessage], 1U);
  EXPECT_EQ(view.state, StateOf({}));
}

TEST_F(PluginViewTest, WhatASavepointTookBackIsNoChange) {
  const ExpectedView view =
      Run({model::Savepoint{}, model::InsertRow{1, Reading(2, 1)}, model::TruncateTable{1},
           model::RollbackToSavepoint{}, model::DeleteRow{1, model::MakeRow({std::int64_t{9}})}});
  model::ChangeDigest changes;
  changes.Update("session", nullptr, model::MakeSessionRow({1}, {1}));
  EXPECT_EQ(view.changes, changes.digest());
}

TEST_F(PluginViewTest, AViewMadeLaterStandsWhereTheOthersStand) {
  const ExpectedView view = Run({model::InsertRow{1, Reading(2, kNan)}});
  EXPECT_EQ(PluginView({Loss::kNonFinite}, database_).state(database_), view.state);
}

TEST_F(PluginViewTest, AWatchedTableIsToldApart) {
  view_.Watch({1});
  const ExpectedView view = Run({model::InsertRow{1, Reading(2, kNan)}});
  model::TableDigest table;
  table.Add(Shown(2).bytes());
  EXPECT_EQ(view.watched.at(0), model::HashTable("reading", table));
}

TEST_F(PluginViewTest, LossesThatChangeNoStateAreIrrelevant) {
  EXPECT_EQ(PluginView::Relevant({Loss::kTruncate, Loss::kNoIdentity, Loss::kBinaryForm}),
            LossSet());
  EXPECT_EQ(PluginView::Relevant({Loss::kTruncate, Loss::kTimeZone}), LossSet({Loss::kTimeZone}));
}

}  // namespace
}  // namespace lockstep::verifier
