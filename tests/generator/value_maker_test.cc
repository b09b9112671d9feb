#include "generator/value_maker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "generator/json_maker.h"
#include "generator/temporal_maker.h"
#include "generator/text_maker.h"
#include "generator/user_types.h"
#include "model/row.h"
#include "model/type_oid.h"
#include "model/value.h"

namespace lockstep::generator {
namespace {

namespace type_oid = model::type_oid;

constexpr int kDraws = 20'000;

// Rows of one cell each, as `column` gets them.
std::vector<model::Row> Draw(model::Oid type, std::string type_name, int draws = kDraws) {
  ValueMaker values({"c", type, std::move(type_name), true});
  Random random(11);
  model::RowBuilder builder;
  std::vector<model::Row> rows;
  for (int i = 0; i < draws; ++i) {
    values.Add(random, builder);
    rows.push_back(builder.Build());
  }
  return rows;
}

template <typename T>
T Get(const model::Row& row) {
  return std::get<T>(std::get<model::Value>(row.At(0)));
}

std::set<std::string> Texts(const std::vector<model::Row>& rows) {
  std::set<std::string> texts;
  for (const model::Row& row : rows) texts.emplace(Get<model::Text>(row).text);
  return texts;
}

std::set<std::string> Numbers(const std::vector<model::Row>& rows) {
  std::set<std::string> numbers;
  for (const model::Row& row : rows) numbers.emplace(Get<model::Numeric>(row).text);
  return numbers;
}

// Counts the characters of valid UTF-8 (RFC 3629: shortest form, no surrogates) without NUL; -1
// otherwise.
int CountCharacters(std::string_view text) {
  int characters = 0;
  for (std::size_t i = 0; i < text.size(); ++characters) {
    auto byte = [&](std::size_t at) {
      return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u;
    };
    std::uint32_t lead = byte(i);
    std::size_t length = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (lead == 0 || length == 0 || lead > 0xF4) return -1;
    std::uint32_t code = length == 1 ? lead : lead & (0x7Fu >> length);
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xC0) != 0x80) return -1;
      code = code << 6 | (byte(i + k) & 0x3F);
    }
    if (length == 3 && (code < 0x800 || (code >= 0xD800 && code < 0xE000))) return -1;
    if (length == 4 && (code < 0x10000 || code > 0x10FFFF)) return -1;
    i += length;
  }
  return characters;
}

// [-]digits[.digits], no leading zero, no minus zero; -1, or how many digits follow the point.
int DecimalScale(std::string_view text, std::size_t* integer_digits = nullptr) {
  bool minus = text.starts_with('-');
  std::string_view rest = text.substr(minus ? 1 : 0);
  std::size_t point = std::min(rest.find('.'), rest.size());
  std::string_view integer = rest.substr(0, point);
  std::string_view fraction = point < rest.size() ? rest.substr(point + 1) : std::string_view();
  auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (integer.empty() || (integer.size() > 1 && integer[0] == '0')) return -1;
  if (point < rest.size() && fraction.empty()) return -1;
  if (!std::ranges::all_of(integer, is_digit) || !std::ranges::all_of(fraction, is_digit))
    return -1;
  if (minus && rest.find_first_of("123456789") == std::string_view::npos) return -1;
  if (integer_digits) *integer_digits = integer == "0" ? 0 : integer.size();
  return static_cast<int>(fraction.size());
}

TEST(ValueMakerTest, TextIsValidUtf8WithoutNulAndHasEdgeValues) {
  std::set<std::string> texts = Texts(Draw(type_oid::kText, "text"));
  for (const std::string& text : texts) EXPECT_GE(CountCharacters(text), 0) << text;
  for (std::string_view edge : EdgeTexts()) {
    EXPECT_TRUE(texts.contains(std::string(edge))) << edge;
  }
  for (const char* edge : {"", "\\N", "\\", "'", "\"", "\n", " "}) {
    EXPECT_TRUE(texts.contains(edge)) << edge;
  }
}

TEST(ValueMakerTest, VarcharCountsCharacters) {
  for (int length : {1, 10, 40}) {
    std::string type_name = "character varying(" + std::to_string(length) + ")";
    int longest = 0;
    for (const std::string& text : Texts(Draw(type_oid::kVarchar, type_name))) {
      int characters = CountCharacters(text);
      ASSERT_GE(characters, 0);
      ASSERT_LE(characters, length);
      longest = std::max(longest, characters);
    }
    EXPECT_EQ(longest, std::min(length, longest));
    EXPECT_GE(longest, std::min(length, 20));
  }
}

TEST(ValueMakerTest, LongTextIsLongAndDoesNotRepeat) {
  ValueMaker values({"c", type_oid::kText, "text", false});
  Random random(5);
  model::RowBuilder builder;
  for (int i = 0; i < 100; ++i) {
    values.AddLongText(random, builder);
    model::Row row = builder.Build();
    std::string_view text = Get<model::Text>(row).text;
    EXPECT_GE(text.size(), 3000u);
    EXPECT_LE(text.size(), 12'100u);
    EXPECT_GE(CountCharacters(text), 0);
    std::set<std::string_view> pieces;
    for (std::size_t at = 0; at + 8 <= text.size(); at += 8) pieces.insert(text.substr(at, 8));
    EXPECT_GE(pieces.size(), text.size() / 8);
  }
}

TEST(ValueMakerTest, IntegersStayInRangeAndReachIt) {
  auto check = [](model::Oid type, std::int64_t min, std::int64_t max) {
    std::set<std::int64_t> seen;
    for (const model::Row& row : Draw(type, "")) seen.insert(Get<std::int64_t>(row));
    EXPECT_EQ(*seen.begin(), min);
    EXPECT_EQ(*seen.rbegin(), max);
    EXPECT_TRUE(seen.contains(0) && seen.contains(-1));
  };
  check(type_oid::kInt2, INT16_MIN, INT16_MAX);
  check(type_oid::kInt4, INT32_MIN, INT32_MAX);
  check(type_oid::kInt8, INT64_MIN, INT64_MAX);
}

template <typename Float>
void CheckFloats(model::Oid type) {
  using Limits = std::numeric_limits<Float>;
  bool nan = false;
  bool minus_zero = false;
  std::set<double> seen;
  for (const model::Row& row : Draw(type, "")) {
    double value = Get<double>(row);
    if (std::isnan(value)) {
      nan = true;
      continue;
    }
    EXPECT_EQ(static_cast<double>(static_cast<Float>(value)), value);
    minus_zero |= value == 0 && std::signbit(value);
    seen.insert(value);
  }
  EXPECT_TRUE(nan && minus_zero);
  for (Float edge : {Limits::infinity(), -Limits::infinity(), Limits::max(), Limits::lowest(),
                     Limits::min(), Limits::denorm_min(), Float{0}, static_cast<Float>(0.1)}) {
    EXPECT_TRUE(seen.contains(static_cast<double>(edge))) << edge;
  }
}

TEST(ValueMakerTest, Float4IsExactAsFloat) { CheckFloats<float>(type_oid::kFloat4); }
TEST(ValueMakerTest, Float8HasEdgeValues) { CheckFloats<double>(type_oid::kFloat8); }

TEST(ValueMakerTest, BareNumericIsAsPostgresPrintsIt) {
  std::set<std::string> numbers = Numbers(Draw(type_oid::kNumeric, "numeric"));
  std::size_t longest = 0;
  for (const std::string& number : numbers) {
    if (number == "NaN" || number == "Infinity" || number == "-Infinity") continue;
    EXPECT_GE(DecimalScale(number), 0) << number;
    longest = std::max(longest, number.size());
  }
  EXPECT_GE(longest, 200u);
  for (const char* edge : {"NaN", "Infinity", "-Infinity", "0", "0.000", "1.500", "0.0001"}) {
    EXPECT_TRUE(numbers.contains(edge)) << edge;
  }
}

TEST(ValueMakerTest, ScaledNumericHasItsScaleAndNoInfinity) {
  auto check = [](int precision, int scale, std::vector<const char*> edges) {
    std::string type_name =
        "numeric(" + std::to_string(precision) + "," + std::to_string(scale) + ")";
    std::set<std::string> numbers = Numbers(Draw(type_oid::kNumeric, type_name));
    for (const std::string& number : numbers) {
      if (number == "NaN") continue;
      std::size_t integer_digits = 0;
      ASSERT_EQ(DecimalScale(number, &integer_digits), scale) << number;
      ASSERT_LE(integer_digits, static_cast<std::size_t>(precision - scale)) << number;
    }
    for (const char* edge : edges) EXPECT_TRUE(numbers.contains(edge)) << edge;
  };
  check(12, 3, {"NaN", "0.000", "999999999.999", "-999999999.999", "0.001", "-0.001"});
  check(5, 0, {"NaN", "0", "99999", "-99999", "1", "-1"});
  check(4, 4, {"NaN", "0.0000", "0.9999", "-0.9999", "0.0001", "-0.0001"});
}

TEST(ValueMakerTest, DatesAndTimesHaveEdgeValuesAndStayInRange) {
  std::set<std::int32_t> dates;
  for (const model::Row& row : Draw(type_oid::kDate, "date")) {
    dates.insert(Get<model::Date>(row).days);
  }
  for (std::int32_t edge :
       {model::Date::kInfinity, model::Date::kMinusInfinity, kMinDate, kMaxDate, -730119}) {
    EXPECT_TRUE(dates.contains(edge)) << edge;
  }
  EXPECT_GE(*++dates.begin(), kMinDate);
  EXPECT_LE(*++dates.rbegin(), kMaxDate);

  std::set<std::int64_t> times;
  for (const model::Row& row : Draw(type_oid::kTime, "time without time zone")) {
    times.insert(Get<model::Time>(row).micros);
  }
  EXPECT_EQ(*times.begin(), 0);
  EXPECT_EQ(*times.rbegin(), kMicrosPerDay);
  EXPECT_TRUE(times.contains(kMicrosPerDay - 1));
}

TEST(ValueMakerTest, TimestampsHaveEdgeValuesAndRarelyThoseThatDoNotFitMicrosecondsSince1970) {
  std::multiset<std::int64_t> seen;
  for (const model::Row& row : Draw(type_oid::kTimestamptz, "timestamp with time zone")) {
    seen.insert(Get<model::Timestamp>(row).micros);
  }
  EXPECT_EQ(*seen.begin(), model::Timestamp::kMinusInfinity);
  EXPECT_EQ(*seen.rbegin(), model::Timestamp::kInfinity);
  EXPECT_EQ(*seen.upper_bound(model::Timestamp::kMinusInfinity), kMinTimestamp);
  EXPECT_TRUE(seen.contains(kMaxTimestamp));
  EXPECT_EQ(kMaxTimestamp + kMicrosFrom1970To2000, INT64_MAX - 1);
  std::size_t beyond = seen.count(kMaxTimestamp + 1) + seen.count(kMaxTimestamp + 2);
  EXPECT_EQ(*--seen.lower_bound(model::Timestamp::kInfinity), kMaxTimestamp + 2);
  EXPECT_GE(beyond, kDraws / 200u);
  EXPECT_LE(beyond, kDraws / 30u);
}

TEST(ValueMakerTest, UuidsAndBytesHaveEdgeValues) {
  std::set<model::Row> uuids;
  for (model::Row& row : Draw(type_oid::kUuid, "uuid")) uuids.insert(std::move(row));
  model::Uuid edge;
  EXPECT_TRUE(uuids.contains(model::MakeRow({edge})));
  edge.bytes.fill(0xFF);
  EXPECT_TRUE(uuids.contains(model::MakeRow({edge})));

  bool empty = false;
  bool zeros = false;
  bool every_byte = false;
  for (const model::Row& row : Draw(type_oid::kBytea, "bytea")) {
    std::string_view bytes = Get<model::Bytes>(row).bytes;
    empty |= bytes.empty();
    zeros |= bytes == std::string_view("\0\0", 2);
    every_byte |= std::set<char>(bytes.begin(), bytes.end()).size() == 256;
  }
  EXPECT_TRUE(empty && zeros && every_byte);
}

TEST(ValueMakerTest, DomainsPassTheirChecks) {
  std::set<std::string> prices = Numbers(Draw(type_oid::kNumeric, std::string(kPrice)));
  for (const std::string& price : prices) {
    EXPECT_TRUE(price == "NaN" || DecimalScale(price) == 2) << price;
    EXPECT_FALSE(price.starts_with('-')) << price;
  }
  EXPECT_TRUE(prices.contains("9999999999.99") && prices.contains("NaN"));
  std::int64_t most = 0;
  for (const model::Row& row : Draw(type_oid::kInt4, std::string(kQuantity))) {
    EXPECT_GE(Get<std::int64_t>(row), 0);
    most = std::max(most, Get<std::int64_t>(row));
  }
  EXPECT_EQ(most, INT32_MAX);
  for (const std::string& code : Texts(Draw(type_oid::kText, std::string(kCode)))) {
    EXPECT_LE(CountCharacters(code), static_cast<int>(kCodeCharacters));
  }
}

TEST(ValueMakerTest, EnumsHaveAllLabelsAndTextTypesTheirName) {
  std::set<std::string> labels;
  for (const model::Row& row : Draw({}, std::string(kMood))) {
    EXPECT_EQ(Get<model::Other>(row).type_name, kMood);
    labels.emplace(Get<model::Other>(row).text);
  }
  EXPECT_EQ(labels.size(), MoodLabels().size());
  EXPECT_EQ(Get<model::Other>(Draw(type_oid::kInet, "inet", 1)[0]).type_name, "inet");
}

// A reader of what Postgres prints for jsonb, and nothing else.
class JsonChecker {
 public:
  explicit JsonChecker(std::string_view text) : rest_(text) {}

  bool Check() { return Any() && rest_.empty(); }

 private:
  bool Take(std::string_view token) {
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  bool Any() {
    if (Take("{")) return Object();
    if (Take("[")) return Array();
    if (Take("true") || Take("false") || Take("null")) return true;
    if (rest_.starts_with('"')) return String(nullptr);
    std::size_t end = std::min(rest_.find_first_not_of("-.0123456789"), rest_.size());
    bool ok = DecimalScale(rest_.substr(0, end)) >= 0;
    rest_.remove_prefix(end);
    return ok;
  }

  bool Object() {
    if (Take("}")) return true;
    std::string previous;
    for (bool first = true;; first = false) {
      std::string key;
      if (!String(&key) || !Take(": ") || !Any()) return false;
      bool ordered = first || previous.size() < key.size() ||
                     (previous.size() == key.size() && previous < key);
      if (!ordered) return false;
      if (Take("}")) return true;
      if (!Take(", ")) return false;
      previous = key;
    }
  }

  bool Array() {
    if (Take("]")) return true;
    for (;;) {
      if (!Any()) return false;
      if (Take("]")) return true;
      if (!Take(", ")) return false;
    }
  }

  bool String(std::string* plain) {
    if (!Take("\"")) return false;
    while (!Take("\"")) {
      if (rest_.empty() || static_cast<unsigned char>(rest_[0]) < ' ') return false;
      char c = rest_[0];
      rest_.remove_prefix(1);
      if (c == '\\' && !Escape(c)) return false;
      if (plain) *plain += c;
    }
    return true;
  }

  bool Escape(char& c) {
    static constexpr std::string_view kFrom = "\"\\bfnrt";
    static constexpr std::string_view kTo = "\"\\\b\f\n\r\t";
    if (rest_.empty()) return false;
    if (std::size_t at = kFrom.find(rest_[0]); at < kFrom.size()) {
      c = kTo[at];
      rest_.remove_prefix(1);
      return true;
    }
    if (!Take("u00") || rest_.size() < 2) return false;
    int code = std::stoi(std::string(rest_.substr(0, 2)), nullptr, 16);
    c = static_cast<char>(code);
    rest_.remove_prefix(2);
    return code > 0 && code < ' ' && kTo.find(c) == std::string_view::npos;
  }

  std::string_view rest_;
};

TEST(ValueMakerTest, JsonbIsCanonical) {
  std::set<char> first;
  for (const model::Row& row : Draw(type_oid::kJsonb, "jsonb")) {
    model::Other json = Get<model::Other>(row);
    EXPECT_EQ(json.type_name, "jsonb");
    EXPECT_TRUE(JsonChecker(json.text).Check()) << json.text;
    EXPECT_GE(CountCharacters(json.text), 0);
    first.insert(json.text[0]);
  }
  for (char c : {'{', '[', '"', 't', 'n'}) EXPECT_TRUE(first.contains(c)) << c;
}

TEST(ValueMakerTest, JsonCheckerKnowsWhatPostgresDoesNotPrint) {
  for (const char* bad :
       {"{\"b\": 1, \"a\": 2}", "{\"a\": 1, \"a\": 2}", "{\"aa\": 1, \"b\": 2}", "{\"a\":1}",
        "[1,2]", "-0", "01", "1e5", "\"\\/\"", "\"\\u0041\"", "{} "}) {
    EXPECT_FALSE(JsonChecker(bad).Check()) << bad;
  }
  EXPECT_TRUE(
      JsonChecker("{\"a\": 1.50, \"bb\": [1, 2, null, {}], \"\\u0001\\n\": \"\"}").Check() ==
      false);
  EXPECT_TRUE(
      JsonChecker("{\"a\": 1.50, \"\\u0001\\n\": \"\", \"bbb\": [1, 2, null, {}]}").Check());
}

TEST(ValueMakerTest, ClipKeepsWholeCharacters) {
  EXPECT_EQ(ClipToCharacters("a\u00e9\U0001f600b", 3), "a\u00e9\U0001f600");
  EXPECT_EQ(ClipToCharacters("ab", 5), "ab");
  EXPECT_EQ(ClipToCharacters("ab", 0), "");
}

}  // namespace
}  // namespace lockstep::generator
