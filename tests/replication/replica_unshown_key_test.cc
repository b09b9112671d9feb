// A replica of a plugin that does not show keys as they are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <expected>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "model/change.h"
#include "model/lsn.h"
#include "model/output_plugin.h"
#include "model/relation.h"
#include "model/row.h"
#include "model/type_oid.h"
#include "model/value.h"
#include "replication/follow_policy.h"
#include "replication/replica.h"
#include "tests/replication/row_literals.h"

namespace lockstep::replication {
namespace {

using model::Change;
using model::Delete;
using model::Insert;
using model::Lsn;
using model::Row;
using model::Update;
using testing::HasSubstr;

// Of a plugin that loses the zone two keys of the source may be one.
class UnshownKeyTest : public testing::Test {
 protected:
  std::expected<Applied, Misfit> Apply(std::vector<Change> changes) {
    model::Transaction transaction;
    transaction.end_lsn = Lsn{200};
    transaction.changes = std::move(changes);
    return replica_.Apply(transaction);
  }
  Row Of(const char* time) const {
    return RowOf({model::Value(model::Other{"time with time zone", time})});
  }

  const model::RelationPtr times_ = std::make_shared<const model::Relation>(
      model::Relation{.schema = "shop",
                      .name = "times",
                      .columns = {{"at", model::type_oid::kTimetz, "time with time zone", true}},
                      .key = {0}});
  Replica replica_{{times_}, Lsn{100}, FollowPolicy::kSetAside, {model::Loss::kTimeZone}};
};

TEST_F(UnshownKeyTest, ATableWhoseKeyComesTwiceIsSetAside) {
  ASSERT_TRUE(Apply({Insert{times_, Of("06:30:00+00")}}));
  EXPECT_TRUE(replica_.set_aside().empty());
  ASSERT_TRUE(Apply({Insert{times_, Of("06:30:00+00")}, Delete{times_, Of("07:30:00+00")}}));
  ASSERT_EQ(replica_.set_aside().size(), 1u);
  EXPECT_TRUE(replica_.set_aside()[0].unshown_key);
  EXPECT_THAT(replica_.set_aside()[0].reason, HasSubstr("column at of the key is not shown"));
  EXPECT_EQ(replica_.database().row_count(), 0u);
}

TEST_F(UnshownKeyTest, ATableOneOfWhoseKeysBecomesAnotherIsSetAside) {
  ASSERT_TRUE(Apply({Insert{times_, Of("06:30:00+00")}, Insert{times_, Of("07:30:00+00")}}));
  ASSERT_TRUE(Apply({Update{times_, Of("06:30:00+00"), Of("07:30:00+00")}}));
  ASSERT_EQ(replica_.set_aside().size(), 1u);
  EXPECT_TRUE(replica_.set_aside()[0].unshown_key);
}

TEST_F(UnshownKeyTest, ARowThatIsNotThereIsStillAMisfit) {
  const auto applied = Apply({Delete{times_, Of("06:30:00+00")}});
  ASSERT_FALSE(applied.has_value());
  EXPECT_EQ(applied.error().unfollowable, std::nullopt);
}

}  // namespace
}  // namespace lockstep::replication
