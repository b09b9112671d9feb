#include "auditor/form_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
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
  const model::RelationPtr wider = Table("s", "wider", {"id", "n"});
  const model::RelationPtr renamed = Table("t", "renamed");
  const auto changes = FormChanges(replica, {Table("s", "kept"), wider, renamed});
  EXPECT_THAT(changes, ElementsAre(ChangedTable{{"s", "wider"}, FormChange::kAltered, wider},
                                   ChangedTable{{"t", "renamed"}, FormChange::kMade, renamed},
                                   ChangedTable{{"s", "renamed"}, FormChange::kGone}));
  EXPECT_EQ(ToString(changes[0].change), "altered");
  EXPECT_EQ(ToString(changes[1].change), "made");
  EXPECT_EQ(ToString(changes[2].change), "dropped");
}

// ADD PRIMARY KEY makes its columns NOT NULL, too.
TEST(FormChangesTest, AnotherKeyOrIdentityLeavesTheRowsAsTheyAre) {
  const model::Database replica({Table("s", "a"), Table("s", "b"), Table("s", "c")});
  model::Relation keyless = *Table("s", "a");
  keyless.key.clear();
  model::Relation stricter = *Table("s", "b");
  stricter.columns[0].not_null = true;
  stricter.identity = model::ReplicaIdentity::kFull;
  model::Relation other = *Table("s", "c");
  other.columns[0].type_name = "app.id";
  const auto as_is = [](model::Relation relation) {
    return std::make_shared<const model::Relation>(std::move(relation));
  };
  const auto changes = FormChanges(replica, {as_is(keyless), as_is(stricter), as_is(other)});
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_EQ(changes[0].change, FormChange::kRekeyed);
  EXPECT_EQ(changes[1].change, FormChange::kRekeyed);
  EXPECT_EQ(changes[2].change, FormChange::kAltered);
}

}  // namespace
}  // namespace lockstep::auditor
