#include "replication/column_type.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/type_oid.h"

namespace lockstep::replication {
namespace {

namespace type_oid = model::type_oid;

const model::Column kColumn{"price", type_oid::kNumeric, "numeric(10,2)"};

TEST(ColumnTypeTest, ItsOwnTypeAndAnyUserTypeFit) {
  EXPECT_TRUE(CheckColumnType(kColumn, 1700).has_value());
  EXPECT_TRUE(CheckColumnType(kColumn, 12000).has_value());
  EXPECT_TRUE(CheckColumnType(kColumn, 4294967295).has_value());
}

TEST(ColumnTypeTest, AnotherBuiltInTypeIsAMisfitWithColumnAndRemedy) {
  for (const std::int64_t sent : {0, 23, 1699, 11999, -1}) {
    const auto fits = CheckColumnType(kColumn, sent);
    ASSERT_FALSE(fits.has_value()) << sent;
    EXPECT_EQ(fits.error().kind, model::ErrorKind::kMisfit);
    EXPECT_THAT(fits.error().message,
                testing::AllOf(testing::HasSubstr("price"), testing::HasSubstr("numeric(10,2)"),
                               testing::HasSubstr("attach again")));
  }
}

TEST(ColumnTypeTest, OnlyTypesOfVariableLengthMayLieOutOfLine) {
  for (const model::Oid type : {type_oid::kText, type_oid::kNumeric, type_oid::kBytea,
                                type_oid::kBpchar, type_oid::kJsonb, model::Oid{16400}}) {
    EXPECT_TRUE(MayLieOutOfLine(type)) << type.value;
  }
  for (const model::Oid type : {type_oid::kBool, type_oid::kInt4, type_oid::kTimestamptz,
                                type_oid::kUuid, type_oid::kName, type_oid::kPoint}) {
    EXPECT_FALSE(MayLieOutOfLine(type)) << type.value;
  }
}

}  // namespace
}  // namespace lockstep::replication
