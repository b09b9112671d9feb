#include "tests/replication/captured_rows.h"

#include <cstdint>
#include <functional>
#include <limits>
#include <map>

#include "model/value.h"
#include "tests/replication/row_literals.h"

namespace lockstep::replication {
namespace {

using model::Cell;
using model::Row;
using namespace std::string_view_literals;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr auto kInt64Min = std::numeric_limits<std::int64_t>::min();

using RowsByTable = std::map<std::string, std::vector<Row>, std::less<>>;

std::vector<Row> Numbers() {
  return {
      RowOf({Int(1), Bool(true), Int(2), Int(3), Int(4), Float(1.5), Float(2.25), Num("1.50"),
             Num("12.30")}),
      RowOf({Int(-2147483648), Bool(false), Int(-32768), Int(kInt64Min), Int(0),
             Float(-340282346638528859811704183484516925440.0), Float(-1.7976931348623157e308),
             Num("-123456789012345678901234567890.000000001"), Num("-0.01")}),
      RowOf({Int(2147483647), Bool(true), Int(32767), Int(9223372036854775807), Int(4294967295),
             Float(0x1p-149), Float(0x1p-1074), Num("0.000"), Num("99999999.99")}),
      RowOf({Int(4), kNull, Int(0), Int(0), Int(0), Float(kNan), Float(kNan), Num("NaN"),
             Num("NaN")}),
      RowOf({Int(5), kNull, Int(0), Int(0), Int(0), Float(kInfinity), Float(-kInfinity),
             Num("Infinity"), kNull}),
      RowOf({Int(6), kNull, Int(0), Int(0), Int(0), Float(-0.0), Float(-0.0), Num("-Infinity"),
             kNull}),
      RowOf({Int(7), kNull, kNull, kNull, kNull, kNull, kNull, kNull, kNull}),
      RowOf({Int(8), kNull, kNull, kNull, kNull, Float(0.100000001490116119384765625), Float(0.1),
             Num("100000000000000000000"), kNull}),
  };
}

// More digits than a double has.
std::vector<Row> LongNumbers() {
  return {
      RowOf({Int(20), kNull, kNull, kNull, kNull, Float(0x1p-126), Float(9007199254740992.0),
             Num("0.1234567890123456789012345678901234567890"), kNull}),
      RowOf({Int(21), kNull, kNull, Int(9007199254740993), kNull, kNull, kNull,
             Num("1" + std::string(400, '0')), kNull}),
      RowOf({Int(22), kNull, kNull, Int(-9007199254740993), kNull, kNull, kNull,
             Num("-0.000000000000000000000000000001"), kNull}),
  };
}

std::vector<Row> Texts() {
  const model::Uuid uuid{{0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66,
                          0x14, 0x17, 0x40, 0x00}};
  model::Uuid ones;
  ones.bytes.fill(0xff);
  return {
      RowOf({Int(1), Txt("text"), Txt("varchar"), Txt("ab   "), Txt("a_name"), Txt("x"),
             model::Value(uuid), Byt("\x00\xff\x10"sv), Oth("json", R"({"b": 1,  "a": 2})"),
             Oth("jsonb", R"({"a": 2, "b": 1})"), Oth("bit(3)", "101"), Oth("xml", "<a/>")}),
      // Empty, which is not null.
      RowOf({Int(2), Txt(""), Txt(""), Txt("     "), Txt(""), Txt(""), model::Value(model::Uuid{}),
             Byt(""), Oth("json", "\"\""), Oth("jsonb", "\"\""), Oth("bit(3)", "000"),
             Oth("xml", "")}),
      RowOf({Int(3), Txt("größe \xf0\x9f\x98\x80 'q' \"d\" \\ \n\t"), Txt("\\x41"), Txt("ö    "),
             Txt("Name \"q\""), Txt("\\377"), model::Value(ones), Byt("\\x41"),
             Oth("json", "[1e400]"), Oth("jsonb", R"({"ö": null})"), Oth("bit(3)", "111"), kNull}),
      RowOf({Int(4), kNull, kNull, kNull, kNull, kNull, kNull, kNull, kNull, kNull, kNull, kNull}),
  };
}

// Characters that JSON and COPY escape, and some that they need not.
std::vector<Row> EscapedTexts() {
  return {RowOf({Int(20), Txt("\x01\x1f\x7f\b\f\r\xe2\x80\xa8\xef\xbb\xbf\xf4\x8f\xbf\xbf"),
                 Txt(R"({"action":"C"})"), kNull, kNull, kNull, kNull, kNull, kNull, kNull, kNull,
                 kNull})};
}

std::vector<Row> Times() {
  const auto timetz = [](const char* text) { return Oth("time with time zone", text); };
  const auto interval = [](const char* text) { return Oth("interval", text); };
  return {
      RowOf({Int(1), Day(8825), Clock(45296789000), timetz("12:00:00+05:30"),
             Stamp(762525296789012), Stamp(762518096789012),
             interval("1 year 2 mons -3 days +04:05:06.7")}),
      RowOf({Int(2), Day(-2451545), Clock(0), timetz("00:00:00+15:59"), Stamp(-211813488000000000),
             Stamp(-211813488000000000), interval("-178000000 years")}),
      RowOf({Int(3), Day(2145031948), Clock(86400000000), timetz("24:00:00-15:59"),
             Stamp(9223371331199999999), Stamp(9223371331199999999), interval("178000000 years")}),
      // The infinities.
      RowOf({Int(4), Day(2147483647), Clock(86399999999), timetz("24:00:00+00"),
             Stamp(9223372036854775807), Stamp(9223372036854775807), interval("00:00:00")}),
      RowOf({Int(5), Day(-2147483648), Clock(1), timetz("23:59:59.999999+00"), Stamp(kInt64Min),
             Stamp(kInt64Min), interval("-00:00:00.000001")}),
      RowOf({Int(6), Day(0), kNull, kNull, Stamp(-1), Stamp(-946684800000001), kNull}),
      // The last that fit in microseconds since 1970.
      RowOf({Int(7), Day(-10957), kNull, kNull, Stamp(9222425352054775807),
             Stamp(9222425352054775808), kNull}),
      RowOf({Int(8), kNull, kNull, kNull, Stamp(9222425352054775806), Stamp(9222425352054775809),
             kNull}),
  };
}

std::vector<Row> Others() {
  const auto only = [](std::int64_t id, const char* money, const char* point) {
    return RowOf({Int(id), Oth("money", money), Oth("point", point), kNull, kNull, kNull, kNull,
                  kNull, kNull, kNull, kNull, kNull, kNull});
  };
  return {
      RowOf({Int(1), Oth("money", "$12.34"), Oth("point", "(1.5,-2)"),
             Oth("captured.mood", "Very Happy"), Int(7), Txt("label"), Byt("\x00\xff"sv), Day(8825),
             Num("1.50"), Oth("integer[]", "{1,NULL,3}"), Oth("text[]", "{\"a b\",NULL,\"\"}"),
             Oth("int4range", "[1,5)"), Oth("inet", "10.0.0.0/8")}),
      RowOf({Int(2), Oth("money", "-$1,234,567.89"), Oth("point", "(1e+15,1e-05)"),
             Oth("captured.mood", "so-so"), Int(2147483647), Txt(""), Byt(""), Day(2147483647),
             kNull, Oth("integer[]", "{}"), Oth("text[]", "{}"), Oth("int4range", "empty"),
             Oth("inet", "::1")}),
      RowOf({Int(3), Oth("money", "-$92,233,720,368,547,758.08"), Oth("point", "(Infinity,NaN)"),
             Oth("captured.mood", "sad"), kNull, kNull, kNull, kNull, kNull,
             Oth("integer[]", "{{1,2},{3,4}}"), kNull, kNull, kNull}),
      only(4, "$92,233,720,368,547,758.07", "(-0,1.2345678901234568e+17)"),
      only(5, "-$0.05", "(0.1,1e+100)"),
      only(6, "$0.00", "(123456789012345,0.0001)"),
  };
}

std::vector<Row> Composed() {
  // NaN and infinity in a domain.
  const auto only = [](std::int64_t id, const Cell& pair, double ratio) {
    return RowOf({Int(id), pair, kNull, kNull, kNull, kNull, kNull, kNull, kNull, kNull, kNull,
                  Float(ratio)});
  };
  return {
      RowOf({Int(1), Oth("captured.pair", R"((1,"a ""b"""))"),
             Oth("captured.pair[]", R"x({"(1,x)",NULL})x"),
             Oth("captured.mood[]", R"({sad,"Very Happy",NULL})"),
             Oth("captured.label[]", R"({"l 1",l2})"), Oth("bytea[]", R"({"\\x00ff"})"),
             Oth("int4multirange", "{[1,3),[5,7)}"),
             Oth("tstzrange", R"x(["2024-02-29 10:00:00+00",))x"), Oth("bit varying", "1"),
             Oth("tsvector", "'a' 'b'"), Bool(true), Float(0.5)}),
      only(2, Oth("captured.pair", "(,)"), kNan),
      only(3, kNull, -kInfinity),
  };
}

std::vector<Row> Nested() {
  return {
      RowOf({Int(1), Oth("captured.pair", R"~(("a ""b""",7))~"),
             Oth("captured.pairs", R"~({"(\"x,y\",1)",NULL})~"),
             Oth("captured.mood[]", R"~({sad,"Very Happy",NULL})~"),
             Oth("captured.label[]", R"~({"null","",plain})~"),
             Oth("bytea[]", R"~({"\\x00ff","\\x"})~"), Oth("captured.words", R"~(["a b",z))~"),
             Oth("int4multirange", "{[1,3),[5,6)}"),
             Oth("tstzrange", R"~(["2020-01-01 00:00:00+00",infinity))~"),
             Oth("bit varying", "10101"), Oth("box[]", "{(1,2),(0,-0.5);NULL}")}),
      RowOf({Int(2), Oth("captured.pair", "(,)"), Oth("captured.pairs", "{}"),
             Oth("captured.mood[]", "[0:0]={so-so}"), kNull, kNull, kNull,
             Oth("int4multirange", "{}"), kNull, kNull, kNull}),
  };
}

const RowsByTable& TablesOf(std::string_view script) {
  static const std::map<std::string, RowsByTable, std::less<>> kScripts = {
      {"decoderbufs.sql",
       {{"numbers", Numbers()},
        {"texts", Texts()},
        {"times", Times()},
        {"others", Others()},
        {"Odd \"T.q\"", {RowOf({Int(1), Txt("x"), Txt("y"), Int(2)})}},
        {"toasted", {RowOf({Int(1), Txt(BigText()), Txt("in")})}},
        {"keyed", {RowOf({Int(1), Txt("one"), Txt("n")})}},
        {"full_identity", {RowOf({Int(1), kNull, Txt(BigText())})}},
        {"indexed", {RowOf({Int(1), Txt("a"), Txt("n")})}},
        {"bare", {RowOf({Txt("n")})}},
        {"nothing", {RowOf({Int(1), Txt("n")})}},
        {"generated", {RowOf({Int(1), Int(2)})}}}},
      {"wal2json.sql",
       {{"numbers", LongNumbers()}, {"texts", EscapedTexts()}, {"composed", Composed()}}},
      {"pgoutput.sql", {{"nested", Nested()}}},
  };
  return kScripts.find(script)->second;
}

}  // namespace

std::vector<Row> CapturedRows(std::string_view table, std::string_view script) {
  const RowsByTable& tables = TablesOf(script);
  const auto found = tables.find(table);
  return found == tables.end() ? std::vector<Row>() : found->second;
}

std::vector<std::string> TablesWithCapturedRows(std::string_view script) {
  std::vector<std::string> names;
  for (const auto& [name, rows] : TablesOf(script)) names.push_back(name);
  return names;
}

std::string BigText() {
  std::string big;
  for (int i = 0; i < 250; ++i) big += "0123456789";
  return big;
}

}  // namespace lockstep::replication
