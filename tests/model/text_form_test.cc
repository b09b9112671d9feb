#include "model/text_form.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "model/type_oid.h"

namespace lockstep::model {
namespace {

using namespace type_oid;  // NOLINT: kDate reads better than type_oid::kDate in sixty lines

Column Of(Oid type) { return {.name = "c", .type = type, .type_name = "the type"}; }

Result<Row> Read(Oid type, std::string_view text) {
  RowBuilder builder;
  if (auto added = AppendFromText(Of(type), text, builder); !added) {
    EXPECT_EQ(builder.Build(), Row()) << "nothing is added on an error";
    return std::unexpected(added.error());
  }
  return builder.Build();
}

std::string Written(Oid type, const Value& value) {
  std::string out;
  AppendText(type, value, out);
  return out;
}

// `text` is what Postgres prints for `value`.
void ExpectBothWays(Oid type, std::string_view text, const Value& value) {
  EXPECT_EQ(Read(type, text), MakeRow({value})) << text;
  EXPECT_EQ(Written(type, value), text);
}

void ExpectRefused(Oid type, std::initializer_list<std::string_view> texts) {
  for (std::string_view text : texts) {
    auto row = Read(type, text);
    const auto kind = row ? std::nullopt : std::optional(row.error().kind);
    EXPECT_EQ(kind, ErrorKind::kMalformed) << "type " << type.value << ": \"" << text << "\"";
  }
}

// All literals below are the output of PostgreSQL 15 under the pinned settings.

TEST(TextFormTest, Booleans) {
  ExpectBothWays(kBool, "t", true);
  ExpectBothWays(kBool, "f", false);
  ExpectRefused(kBool, {"", "true", "T", "1", "t "});
}

TEST(TextFormTest, IntegersOfEveryWidthAreOneKind) {
  for (Oid type : {kInt2, kInt4, kInt8}) ExpectBothWays(type, "-1", std::int64_t{-1});
  ExpectBothWays(kInt2, "-32768", std::int64_t{-32768});
  ExpectBothWays(kInt4, "2147483647", std::int64_t{2147483647});
  ExpectBothWays(kInt8, "-9223372036854775808", INT64_MIN);
  ExpectBothWays(kInt8, "9223372036854775807", INT64_MAX);
  ExpectBothWays(kOid, "4294967295", std::int64_t{4294967295});
}

TEST(TextFormTest, IntegersOutOfTheirRangeAreRefused) {
  ExpectRefused(kInt2, {"32768", "-32769"});
  ExpectRefused(kInt4, {"2147483648", "-2147483649"});
  ExpectRefused(kInt8, {"9223372036854775808", "", "-", "+1", "1 ", " 1", "1.0", "0x1", "1e3"});
  ExpectRefused(kOid, {"-1", "4294967296"});
}

TEST(TextFormTest, Float8KeepsEveryBit) {
  ExpectBothWays(kFloat8, "0.1", 0.1);
  ExpectBothWays(kFloat8, "-0", -0.0);
  ExpectBothWays(kFloat8, "0.30000000000000004", 0.1 + 0.2);
  ExpectBothWays(kFloat8, "1.7976931348623157e+308", std::numeric_limits<double>::max());
  ExpectBothWays(kFloat8, "2.2250738585072014e-308", std::numeric_limits<double>::min());
  ExpectBothWays(kFloat8, "5e-324", std::numeric_limits<double>::denorm_min());
  ExpectBothWays(kFloat8, "1.2345678901234568e+17", 123456789012345680.0);
}

TEST(TextFormTest, Float4IsWidenedNotReadAsFloat8) {
  ExpectBothWays(kFloat4, "0.1", double{0.1f});
  EXPECT_NE(Read(kFloat4, "0.1"), Read(kFloat8, "0.1"));
  EXPECT_EQ(Read(kFloat4, "1.2345679e+08"), MakeRow({123456792.0}));
  ExpectBothWays(kFloat4, "3.4028235e+38", double{std::numeric_limits<float>::max()});
  ExpectBothWays(kFloat4, "1e-45", double{std::numeric_limits<float>::denorm_min()});
  EXPECT_EQ(Read(kFloat4, "1e+15"), MakeRow({999999986991104.0}));
}

TEST(TextFormTest, FloatsHaveInfinitiesAndOneNan) {
  for (Oid type : {kFloat4, kFloat8}) {
    ExpectBothWays(type, "NaN", std::nan(""));
    ExpectBothWays(type, "Infinity", HUGE_VAL);
    ExpectBothWays(type, "-Infinity", -HUGE_VAL);
  }
}

TEST(TextFormTest, FloatsThatPostgresDoesNotPrintAreRefused) {
  for (Oid type : {kFloat4, kFloat8}) {
    ExpectRefused(type, {"", "nan", "inf", "infinity", "-nan", "nan(1)", "1e999", "0x1p3", "1.5 ",
                         " 1.5", "+1.5", "1,5", "1e", "."});
  }
  ExpectRefused(kFloat4, {"1e+39"});
}

TEST(TextFormTest, NumericKeepsItsDigits) {
  for (std::string_view text : {"0", "1.50", "-0.0001", "123456789012345678901234567890.5", "NaN",
                                "Infinity", "-Infinity"}) {
    ExpectBothWays(kNumeric, text, Numeric{text});
  }
  EXPECT_NE(Read(kNumeric, "1.5"), Read(kNumeric, "1.50"));
  ExpectRefused(kNumeric,
                {"", "-", ".", ".5", "5.", "1e3", "+1", "1 ", "nan", "-NaN", "1.2.3", "--1", "1-"});
}

TEST(TextFormTest, TextIsTakenAsItIs) {
  for (Oid type : {kText, kVarchar, kBpchar, kName}) {
    for (std::string_view text : {"", "null", "\\N", "it's \"q\"", "ab   ", "k\xc3\xa4se"}) {
      ExpectBothWays(type, text, Text{text});
    }
  }
}

TEST(TextFormTest, BytesAreHex) {
  ExpectBothWays(kBytea, "\\x", Bytes{""});
  ExpectBothWays(kBytea, "\\xdeadbeef00", Bytes{std::string_view("\xde\xad\xbe\xef\0", 5)});
  ExpectRefused(kBytea, {"", "x00", "\\x0", "\\x0g", "\\x00 ", "\\\\000", "00"});
}

TEST(TextFormTest, Uuids) {
  ExpectBothWays(kUuid, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
                 Uuid{{0xa0, 0xee, 0xbc, 0x99, 0x9c, 0x0b, 0x4e, 0xf8, 0xbb, 0x6d, 0x6b, 0xb9, 0xbd,
                       0x38, 0x0a, 0x11}});
  ExpectRefused(kUuid,
                {"", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1", "a0eebc999c0b4ef8bb6d6bb9bd380a11",
                 "g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d6-bb9bd380a11"});
}

TEST(TextFormTest, DatesOfEveryEra) {
  ExpectBothWays(kDate, "2000-01-01", Date{0});
  ExpectBothWays(kDate, "2000-02-29", Date{59});
  ExpectBothWays(kDate, "1970-01-01", Date{-10957});
  ExpectBothWays(kDate, "0001-12-31 BC", Date{-730120});
  ExpectBothWays(kDate, "4714-11-24 BC", Date{-2451545});
  ExpectBothWays(kDate, "294276-12-31", Date{106751982});
  ExpectBothWays(kDate, "5874897-12-31", Date{2145031948});
  ExpectBothWays(kDate, "infinity", Date{Date::kInfinity});
  ExpectBothWays(kDate, "-infinity", Date{Date::kMinusInfinity});
}

TEST(TextFormTest, DatesThatDoNotExistAreRefused) {
  ExpectRefused(kDate, {"", "2000", "2000-01", "2000-1-1", "200-01-01", "2000-13-01", "2000-00-10",
                        "2000-01-00", "2000-01-32", "2000-01-01 ", "2000-01-01 AD", "2000-01-01BC",
                        "2000-01-01 BC BC", "Infinity", "+infinity", "01/02/2000", "-2000-01-01"});
  ExpectRefused(kDate, {"2001-02-29", "1900-02-29", "2024-02-30", "2024-04-31", "0000-01-01",
                        "0000-01-01 BC"});
}

TEST(TextFormTest, DatesOutsideThePostgresCalendarAreRefused) {
  ExpectRefused(kDate, {"5874898-01-01", "9999999-12-31", "4714-11-23 BC", "4715-01-01 BC",
                        "9999999-01-01 BC", "12345678-01-01"});
}

TEST(TextFormTest, TimesGoToTwentyFourHours) {
  ExpectBothWays(kTime, "00:00:00", Time{0});
  ExpectBothWays(kTime, "00:00:00.000001", Time{1});
  ExpectBothWays(kTime, "12:30:00.5", Time{45'000'500'000});
  ExpectBothWays(kTime, "23:59:59.999999", Time{86'399'999'999});
  ExpectBothWays(kTime, "24:00:00", Time{86'400'000'000});
  ExpectRefused(
      kTime, {"", "12", "12:30", "24:00:00.000001", "24:00:01", "25:00:00", "12:60:00", "12:00:60",
              "1:00:00", "12:00:00.", "12:00:00.1234567", "12:00:00+00", "-1:00:00"});
}

TEST(TextFormTest, TimestampsBeforeTheEpochKeepTheirFraction) {
  for (auto [type, zone] : {std::pair{kTimestamp, ""}, std::pair{kTimestamptz, "+00"}}) {
    const std::string suffix = zone;
    ExpectBothWays(type, "2000-01-01 00:00:00" + suffix, Timestamp{0});
    ExpectBothWays(type, "1999-12-31 23:59:59.999999" + suffix, Timestamp{-1});
    ExpectBothWays(type, "1969-12-31 23:59:59.5" + suffix, Timestamp{-946'684'800'500'000});
    ExpectBothWays(type, "2024-02-29 12:34:56.1" + suffix, Timestamp{762'525'296'100'000});
    ExpectBothWays(type, "294276-12-31 23:59:59.999999" + suffix,
                   Timestamp{9'223'371'331'199'999'999});
    ExpectBothWays(type, "0044-03-15 12:00:00.25" + suffix + " BC",
                   Timestamp{-64'464'465'599'750'000});
    ExpectBothWays(type, "4714-11-24 00:00:00" + suffix + " BC",
                   Timestamp{-211'813'488'000'000'000});
    ExpectBothWays(type, "infinity", Timestamp{Timestamp::kInfinity});
    ExpectBothWays(type, "-infinity", Timestamp{Timestamp::kMinusInfinity});
  }
}

TEST(TextFormTest, TimestampsThatPostgresDoesNotPrintAreRefused) {
  ExpectRefused(kTimestamp, {"", "2000-01-01", "2000-01-01T00:00:00", "2000-01-01 00:00:00+00",
                             "2000-01-01 00:00:00 ", "2000-01-01 24:00:00", "2001-02-29 00:00:00",
                             "0000-01-01 00:00:00"});
  ExpectRefused(kTimestamptz, {"2000-01-01 00:00:00", "2000-01-01 00:00:00+01",
                               "2000-01-01 00:00:00+00:00", "2000-01-01 00:00:00 BC+00"});
}

TEST(TextFormTest, TimestampsOutsideThePostgresCalendarAreRefused) {
  ExpectRefused(kTimestamp,
                {"294277-01-01 00:00:00", "9999999-01-01 00:00:00", "4714-11-23 23:59:59.999999 BC",
                 "294276-12-31 00:00:00 BC", "9999999-01-01 00:00:00 BC"});
}

TEST(TextFormTest, OtherTypesKeepNameAndText) {
  ExpectBothWays(kInterval, "1 mon", Other{"the type", "1 mon"});
  ExpectBothWays(kJsonb, "{\"a\": 1}", Other{"the type", "{\"a\": 1}"});
}

TEST(TextFormTest, ErrorNamesColumnTypeAndABoundedPieceOfTheText) {
  auto row = Read(kInt4, std::string(5000, '7'));
  ASSERT_FALSE(row.has_value());
  EXPECT_NE(row.error().message.find("column c"), std::string::npos) << row.error().message;
  EXPECT_NE(row.error().message.find("the type"), std::string::npos);
  EXPECT_LT(row.error().message.size(), 200u);
}

TEST(TextFormTest, DescribesCellsAndKeysForPeople) {
  EXPECT_EQ(Describe(kInt4, Value(std::int64_t{7})), "7");
  EXPECT_EQ(Describe(kText, Value(Null{})), "null");
  EXPECT_EQ(Describe(kText, Unchanged{}), "(unchanged)");
  EXPECT_EQ(Describe(kText, NotInIdentity{}), "(not in identity)");
  EXPECT_EQ(Describe(kText, NotSent{}), "(not sent)");
  const Relation relation = {
      .name = "t", .columns = {{"a", kDate, "date"}, {"b", kText, "text"}}, .key = {1, 0}};
  EXPECT_EQ(DescribeKey(relation, MakeRow({Text{"x"}, Date{0}})), "{b=x, a=2000-01-01}");
}

TEST(TextFormTest, FloatsArePrintedAsPostgresPrintsThem) {
  const auto float8 = [](double number) {
    std::string text;
    AppendFloat8(number, text);
    return text;
  };
  const auto float4 = [](float number) {
    std::string text;
    AppendFloat4(number, text);
    return text;
  };
  EXPECT_EQ(float8(0), "0");
  EXPECT_EQ(float8(-0.0), "-0");
  EXPECT_EQ(float8(0.1), "0.1");
  EXPECT_EQ(float8(1e-4), "0.0001");
  EXPECT_EQ(float8(1e-5), "1e-05");
  EXPECT_EQ(float8(999999999999999), "999999999999999");
  EXPECT_EQ(float8(1e15), "1e+15");
  EXPECT_EQ(float8(123456789012345680), "1.2345678901234568e+17");
  EXPECT_EQ(float8(-5e-324), "-5e-324");
  EXPECT_EQ(float8(std::numeric_limits<double>::quiet_NaN()), "NaN");
  EXPECT_EQ(float8(-std::numeric_limits<double>::infinity()), "-Infinity");
  EXPECT_EQ(float4(0.1f), "0.1");
  EXPECT_EQ(float4(1e-4f), "0.0001");  // the number is a little less
  EXPECT_EQ(float4(999999), "999999");
  EXPECT_EQ(float4(1e6f), "1e+06");
  EXPECT_EQ(float4(1e-45f), "1e-45");
  // Sixteen digits would do with rounding to even, which Postgres does not rely on.
  EXPECT_EQ(float8(29670963641469088.0), "2.9670963641469088e+16");
  EXPECT_EQ(float8(-190152109717903616.0), "-1.9015210971790362e+17");
  EXPECT_EQ(float4(-45921648.0f), "-4.5921648e+07");
  EXPECT_EQ(float8(1e23), "9.999999999999999e+22");
}

TEST(TextFormTest, MoneyIsPrintedAsTheCLocalePrintsIt) {
  const auto money = [](std::int64_t units) {
    std::string text;
    AppendMoney(units, text);
    return text;
  };
  EXPECT_EQ(money(0), "$0.00");
  EXPECT_EQ(money(-5), "-$0.05");
  EXPECT_EQ(money(123456), "$1,234.56");
  EXPECT_EQ(money(std::numeric_limits<std::int64_t>::min()), "-$92,233,720,368,547,758.08");
}

}  // namespace
}  // namespace lockstep::model
