#include "model/projection.h"

#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "model/text_form.h"
#include "model/type_oid.h"

namespace lockstep::model {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// A key and one column of the type.
Relation TableOf(Oid type, const std::string& type_name) {
  return {.schema = "s",
          .name = "t",
          .columns = {{"id", type_oid::kInt4, "integer", true}, {"c", type, type_name}},
          .key = {0}};
}

Row Parse(const Relation& relation, std::string_view text) {
  RowBuilder builder;
  builder.Add(Value(std::int64_t{1}));
  EXPECT_TRUE(AppendFromText(relation.columns[1], text, builder).has_value()) << text;
  return builder.Build();
}

// Column c as a plugin with this loss shows it; "" as it is.
std::string Shown(Loss loss, const Relation& relation, std::string_view text,
                  std::uint64_t* counted = nullptr) {
  LossCounts counts;
  const auto shown = Projection({loss}).Project(relation, Parse(relation, text), &counts);
  if (counted) *counted += counts[loss];
  return shown ? Describe(relation.columns[1].type, shown->At(1)) : "";
}

TEST(ProjectionTest, NonFiniteNumbersBecomeNull) {
  for (const auto& [oid, name] :
       {std::pair(type_oid::kFloat4, "real"), std::pair(type_oid::kFloat8, "double precision"),
        std::pair(type_oid::kNumeric, "numeric")}) {
    const Relation table = TableOf(oid, name);
    std::uint64_t counted = 0;
    for (const char* text : {"NaN", "Infinity", "-Infinity"})
      EXPECT_EQ(Shown(Loss::kNonFinite, table, text, &counted), "null") << name << text;
    EXPECT_EQ(Shown(Loss::kNonFinite, table, "1.5", &counted), "");
    EXPECT_EQ(counted, 3U);
    EXPECT_EQ(Shown(Loss::kTimeZone, table, "NaN"), "");
  }
}

TEST(ProjectionTest, ADomainTravelsAsText) {
  Relation table = TableOf(type_oid::kNumeric, "positive");
  table.columns[1].is_domain = true;
  EXPECT_EQ(Shown(Loss::kNonFinite, table, "NaN"), "");
  EXPECT_FALSE(Projection({Loss::kNonFinite}).MayLose(table));
}

TEST(ProjectionTest, ATimeWithZoneIsShownInUtc) {
  const Relation table = TableOf(type_oid::kTimetz, "time with time zone");
  const auto shown = [&](std::string_view text) { return Shown(Loss::kTimeZone, table, text); };
  EXPECT_EQ(shown("12:00:00+05:30"), "06:30:00+00");
  EXPECT_EQ(shown("01:00:00+05:30"), "19:30:00+00");
  EXPECT_EQ(shown("23:59:59.999999-03"), "02:59:59.999999+00");
  EXPECT_EQ(shown("00:00:00-15:59:59"), "15:59:59+00");
  EXPECT_EQ(shown("23:00:00-01"), "24:00:00+00");
  EXPECT_EQ(shown("24:00:00+00"), "");
  EXPECT_EQ(shown("12:00:00+00"), "");
}

TEST(ProjectionTest, TheLastTimestampsAreReadAsInfinities) {
  const Relation table = TableOf(type_oid::kTimestamp, "timestamp without time zone");
  const auto shown = [&](std::string_view text) { return Shown(Loss::kTimestampEnd, table, text); };
  EXPECT_EQ(shown("294247-01-10 04:00:54.775806"), "");
  EXPECT_EQ(shown("294247-01-10 04:00:54.775807"), "infinity");
  EXPECT_EQ(shown("294247-01-10 04:00:54.775808"), "-infinity");
  EXPECT_EQ(shown("294247-01-10 04:00:54.775809"), "");
  EXPECT_EQ(shown("infinity"), "");
}

TEST(ProjectionTest, AGeneratedColumnIsLeftOut) {
  Relation table = TableOf(type_oid::kInt4, "integer");
  EXPECT_EQ(Shown(Loss::kGeneratedColumn, table, "7"), "");
  table.columns[1].generated = "id + 1";
  EXPECT_EQ(Shown(Loss::kGeneratedColumn, table, "7"), "(not sent)");
  EXPECT_TRUE(Projection({Loss::kGeneratedColumn}).MayLose(table));
}

TEST(ProjectionTest, OtherColumnsStayAsTheyAre) {
  const Relation table = TableOf(type_oid::kFloat8, "double precision");
  const auto shown =
      Projection({Loss::kNonFinite}).Project(table, MakeRow({std::int64_t{5}, kNan}));
  ASSERT_TRUE(shown);
  EXPECT_EQ(*shown, MakeRow({std::int64_t{5}, Null{}}));
}

// ---- keys ----

// The same as a key.
Relation KeyOf(Oid type, const std::string& type_name) {
  Relation table = TableOf(type, type_name);
  table.key = {1, 0};
  return table;
}
std::optional<KeyLoss> Lost(Loss loss, const Relation& relation, std::string_view text) {
  return Projection({loss}).LostInKey(relation, Parse(relation, text));
}
// In the key as it is shown.
std::optional<KeyLoss> Doubt(Loss loss, const Relation& relation, std::string_view text) {
  return Projection({loss}).DoubtInKey(relation, relation.KeyOf(Parse(relation, text)));
}

TEST(ProjectionTest, AGeneratedColumnOfAKeyIsNeverSent) {
  Relation table = TableOf(type_oid::kInt4, "integer");
  table.columns[1].generated = "id + 1";
  const Projection projection({Loss::kGeneratedColumn});
  EXPECT_EQ(projection.UnsentInKey(table), std::nullopt);
  table.key = {0, 1};
  const auto unsent = projection.UnsentInKey(table);
  EXPECT_EQ(unsent, (KeyLoss{1, Loss::kGeneratedColumn}));
  EXPECT_EQ(Describe(table, *unsent),
            "column c of the key is not shown as it is, so that rows cannot be told apart: stored "
            "generated columns are left out; PostgreSQL 18 can publish them");
  EXPECT_EQ(Projection({Loss::kNonFinite}).UnsentInKey(table), std::nullopt);
}

TEST(ProjectionTest, AKeyIsLostWithAValueThatIsNotShownAsItIs) {
  const Relation number = KeyOf(type_oid::kFloat8, "double precision");
  EXPECT_EQ(Lost(Loss::kNonFinite, number, "NaN"), (KeyLoss{1, Loss::kNonFinite}));
  EXPECT_EQ(Lost(Loss::kNonFinite, number, "1"), std::nullopt);
  EXPECT_EQ(Lost(Loss::kTimeZone, number, "NaN"), std::nullopt);
  EXPECT_EQ(Lost(Loss::kNonFinite, TableOf(type_oid::kFloat8, "double precision"), "NaN"),
            std::nullopt);
  Relation domain = number;
  domain.columns[1].is_domain = true;
  EXPECT_EQ(Lost(Loss::kNonFinite, domain, "NaN"), std::nullopt);
  const Relation time = KeyOf(type_oid::kTimetz, "time with time zone");
  EXPECT_EQ(Lost(Loss::kTimeZone, time, "12:00:00+05:30"), (KeyLoss{1, Loss::kTimeZone}));
  EXPECT_EQ(Lost(Loss::kTimeZone, time, "12:00:00+00"), std::nullopt);
  const Relation stamp = KeyOf(type_oid::kTimestamp, "timestamp without time zone");
  EXPECT_EQ(Lost(Loss::kTimestampEnd, stamp, "294247-01-10 04:00:54.775807"),
            (KeyLoss{1, Loss::kTimestampEnd}));
  EXPECT_EQ(Lost(Loss::kTimestampEnd, stamp, "infinity"), std::nullopt);
}

TEST(ProjectionTest, AKeyAsItIsShownMayStandForAnother) {
  const Relation time = KeyOf(type_oid::kTimetz, "time with time zone");
  EXPECT_EQ(Doubt(Loss::kTimeZone, time, "12:00:00+00"), (KeyLoss{1, Loss::kTimeZone}));
  EXPECT_EQ(Doubt(Loss::kNonFinite, time, "12:00:00+00"), std::nullopt);
  const Relation stamp = KeyOf(type_oid::kTimestamptz, "timestamp with time zone");
  EXPECT_EQ(Doubt(Loss::kTimestampEnd, stamp, "-infinity"), (KeyLoss{1, Loss::kTimestampEnd}));
  EXPECT_EQ(Doubt(Loss::kTimestampEnd, stamp, "2024-01-01 00:00:00+00"), std::nullopt);
  const Relation number = KeyOf(type_oid::kNumeric, "numeric");
  const Projection projection({Loss::kNonFinite});
  EXPECT_EQ(projection.DoubtInKey(number, MakeRow({Null{}, std::int64_t{1}})),
            (KeyLoss{1, Loss::kNonFinite}));
  EXPECT_EQ(Doubt(Loss::kNonFinite, number, "1"), std::nullopt);
}

}  // namespace
}  // namespace lockstep::model
