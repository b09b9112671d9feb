#include "replication/column_type.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>

#include "model/error.h"
#include "model/ids.h"
#include "model/relation.h"
#include "model/type_oid.h"

namespace lockstep::replication {
namespace {

namespace type_oid = model::type_oid;

const model::Column kColumn{"price", type_oid::kNumeric, "numeric(10,2)"};

TEST(ColumnTypeTest, ItsOwnTypeFits) {
  EXPECT_TRUE(CheckColumnType(kColumn, 1700).has_value());
  const model::Column mood{"mood", model::Oid{16400}, "mood"};
  EXPECT_TRUE(CheckColumnType(mood, 16400).has_value());
}

TEST(ColumnTypeTest, ADomainIsSentByAnOidThatIsNotKnown) {
  model::Column domain = kColumn;
  domain.is_domain = true;
  for (const std::int64_t sent :
       {std::int64_t{1700}, std::int64_t{12000}, std::int64_t{4294967295}})
    EXPECT_TRUE(CheckColumnType(domain, sent).has_value()) << sent;
  EXPECT_EQ(CheckColumnType(domain, 23).error().kind, model::ErrorKind::kMisfit);
}

// ALTER COLUMN TYPE to an enum, say: its values are no numbers, but nothing is wrong with the
// bytes.
TEST(ColumnTypeTest, AUserTypeInPlaceOfAnotherTypeIsAMisfit) {
  EXPECT_EQ(CheckColumnType(kColumn, 16400).error().kind, model::ErrorKind::kMisfit);
  const model::Column mood{"mood", model::Oid{16400}, "mood"};
  EXPECT_EQ(CheckColumnType(mood, 16500).error().kind, model::ErrorKind::kMisfit);
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
