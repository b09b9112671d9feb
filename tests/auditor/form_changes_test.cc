#include "auditor/form_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "model/type_oid.h"

namespace lockstep::auditor {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

model::RelationPtr Table(const std::string& schema, const std::string& name,
                         std::vector<std::string> columns = {"id"}) {
  model::Relation relation{.schema = schema, .name = name};
  for (std::string& column : columns)
    relation.columns.push_back({std::move(column), model::type_oid::kInt4, "integer"});
  relation.key = {0};
  return std::make_shared<const model::Relation>(std::move(relation));
}

TEST(FormChangesTest, TheSameTablesInAnyOrderAreNone) {
  const model::Database replica({Table("s", "a"), Table("s", "b")});
  EXPECT_THAT(FormChanges(replica, {Table("s", "b"), Table("s", "a")}), IsEmpty());
}

TEST(FormChangesTest, TellsWhatWasMadeAlteredAndDropped) {
  const model::Database replica({Table("s", "kept"), Table("s", "wider"), Table("s", "renamed")});
  const auto changes = FormChanges(
      replica, {Table("s", "kept"), Table("s", "wider", {"id", "n"}), Table("t", "renamed")});
  EXPECT_THAT(changes, ElementsAre(ChangedTable{{"s", "wider"}, FormChange::kAltered},
                                   ChangedTable{{"t", "renamed"}, FormChange::kMade},
                                   ChangedTable{{"s", "renamed"}, FormChange::kGone}));
  EXPECT_EQ(ToString(changes[0].change), "altered");
  EXPECT_EQ(ToString(changes[1].change), "made");
  EXPECT_EQ(ToString(changes[2].change), "dropped");
}

}  // namespace
}  // namespace lockstep::auditor
