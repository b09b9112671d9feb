#include "model/text_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>
#include <optional>
#include <type_traits>

#include "model/calendar.h"
#include "model/overloaded.h"
#include "model/type_oid.h"

namespace lockstep::model {
namespace {

constexpr std::int64_t kMicrosPerSecond = 1'000'000;
constexpr std::int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;

// The first and the last day of Postgres's calendar, and the last of its timestamps (the server's
// datatype/timestamp.h): 4714-11-24 BC, 5874897-12-31, 294276-12-31. What lies between does not
// overflow.
constexpr std::int64_t kFirstDay = -2'451'545;
constexpr std::int64_t kLastDay = 2'145'031'948;
constexpr std::int64_t kLastTimestampDay = 106'751'982;

// ---- reading ----

template <typename T>
std::optional<T> ParseNumber(std::string_view text) {
  T number{};
  const char* end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

// A cursor over a date or time: takes digits and separators from the front.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  // Between `least` and `most` digits.
  std::optional<std::int64_t> Digits(std::size_t least, std::size_t most) {
    std::size_t count = 0;
    while (count < rest_.size() && count < most && rest_[count] >= '0' && rest_[count] <= '9')
      ++count;
    if (count < least) return std::nullopt;
    auto number = ParseNumber<std::int64_t>(rest_.substr(0, count));
    rest_.remove_prefix(count);
    return number;
  }

  bool Take(std::string_view literal) {
    if (!rest_.starts_with(literal)) return false;
    rest_.remove_prefix(literal.size());
    return true;
  }

  std::size_t left() const { return rest_.size(); }

 private:
  std::string_view rest_;
};

// YYYY-MM-DD, the year as it stands before an era suffix. Whether the day exists, DayOf says.
std::optional<CivilDate> ScanDate(Scanner& in) {
  auto year = in.Digits(4, 7);
  if (!year || *year == 0 || !in.Take("-")) return std::nullopt;
  auto month = in.Digits(2, 2);
  if (!month || *month < 1 || *month > 12 || !in.Take("-")) return std::nullopt;
  auto day = in.Digits(2, 2);
  if (!day || *day < 1 || *day > 31) return std::nullopt;
  return CivilDate{*year, static_cast<int>(*month), static_cast<int>(*day)};
}

// HH:MM:SS[.f to ffffff], in microseconds; up to 24:00:00.
std::optional<std::int64_t> ScanTime(Scanner& in) {
  auto hour = in.Digits(2, 2);
  if (!hour || !in.Take(":")) return std::nullopt;
  auto minute = in.Digits(2, 2);
  if (!minute || *minute > 59 || !in.Take(":")) return std::nullopt;
  auto second = in.Digits(2, 2);
  if (!second || *second > 59) return std::nullopt;
  std::int64_t micros = ((*hour * 60 + *minute) * 60 + *second) * kMicrosPerSecond;
  if (in.Take(".")) {
    const std::size_t before = in.left();
    auto fraction = in.Digits(1, 6);
    if (!fraction) return std::nullopt;
    for (std::size_t digits = before - in.left(); digits < 6; ++digits) *fraction *= 10;
    micros += *fraction;
  }
  if (micros > kMicrosPerDay) return std::nullopt;
  return micros;
}

// Removes " BC": year n BC is the astronomical year 1 - n.
void ScanEra(Scanner& in, CivilDate& date) {
  if (in.Take(" BC")) date.year = 1 - date.year;
}

// Days since 2000-01-01 of a date that exists (no 30th of February) and is no later than `last`.
std::optional<std::int64_t> DayOf(const CivilDate& date, std::int64_t last) {
  const std::int64_t day = DaysOf(date);
  if (day < kFirstDay || day > last || CivilOf(day) != date) return std::nullopt;
  return day;
}

std::optional<Value> ParseDate(std::string_view text) {
  if (text == "infinity") return Date{Date::kInfinity};
  if (text == "-infinity") return Date{Date::kMinusInfinity};
  Scanner in(text);
  auto date = ScanDate(in);
  if (!date) return std::nullopt;
  ScanEra(in, *date);
  if (in.left() != 0) return std::nullopt;
  auto day = DayOf(*date, kLastDay);
  if (!day) return std::nullopt;
  return Date{static_cast<std::int32_t>(*day)};
}

std::optional<Value> ParseTime(std::string_view text) {
  Scanner in(text);
  auto micros = ScanTime(in);
  if (!micros || in.left() != 0) return std::nullopt;
  return Time{*micros};
}

std::optional<Value> ParseTimestamp(std::string_view text, std::string_view zone) {
  if (text == "infinity") return Timestamp{Timestamp::kInfinity};
  if (text == "-infinity") return Timestamp{Timestamp::kMinusInfinity};
  Scanner in(text);
  auto date = ScanDate(in);
  if (!date || !in.Take(" ")) return std::nullopt;
  auto micros = ScanTime(in);
  // A timestamp's 24:00:00 is the next day's midnight, and printed so.
  if (!micros || *micros == kMicrosPerDay || !in.Take(zone)) return std::nullopt;
  ScanEra(in, *date);
  if (in.left() != 0) return std::nullopt;
  auto day = DayOf(*date, kLastTimestampDay);
  if (!day) return std::nullopt;
  return Timestamp{*day * kMicrosPerDay + *micros};
}

template <typename Float>
std::optional<Value> ParseFloat(std::string_view text) {
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  auto number = ParseNumber<Float>(text);
  // from_chars knows spellings ("nan", "inf") that Postgres does not print.
  if (!number || !std::isfinite(*number)) return std::nullopt;
  return static_cast<double>(*number);
}

template <typename Integer>
std::optional<Value> ParseInteger(std::string_view text) {
  auto number = ParseNumber<Integer>(text);
  if (!number) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

bool IsNumeric(std::string_view text) {
  if (text == "NaN" || text == "Infinity" || text == "-Infinity") return true;
  if (text.starts_with('-')) text.remove_prefix(1);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto point = std::min(text.find('.'), text.size());
  const auto whole = text.substr(0, point);
  const auto fraction = point < text.size() ? text.substr(point + 1) : std::string_view("0");
  return !whole.empty() && !fraction.empty() && std::ranges::all_of(whole, is_digit) &&
         std::ranges::all_of(fraction, is_digit);
}

std::optional<int> HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

// Pairs of hex digits; false when there is anything else.
bool ParseHex(std::string_view text, std::string& bytes) {
  if (text.size() % 2 != 0) return false;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    auto high = HexDigit(text[i]);
    auto low = HexDigit(text[i + 1]);
    if (!high || !low) return false;
    bytes.push_back(static_cast<char>(*high << 4 | *low));
  }
  return true;
}

std::optional<Value> ParseUuid(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  std::string hex;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-')) return std::nullopt;
    if (!dash) hex.push_back(text[i]);
  }
  std::string bytes;
  if (!ParseHex(hex, bytes)) return std::nullopt;
  Uuid uuid;
  std::ranges::copy(bytes, uuid.bytes.begin());
  return uuid;
}

// The value of `text`, which views into `text` or into `scratch`; nullopt when it is not of the
// type.
std::optional<Value> ParseValue(const Column& column, std::string_view text, std::string& scratch) {
  using namespace type_oid;
  const Oid type = column.type;
  if (type == kInt2) return ParseInteger<std::int16_t>(text);
  if (type == kInt4) return ParseInteger<std::int32_t>(text);
  if (type == kInt8) return ParseInteger<std::int64_t>(text);
  if (type == kOid) return ParseInteger<std::uint32_t>(text);
  if (type == kText || type == kVarchar || type == kBpchar || type == kName || type == kChar) {
    return Text{text};
  }
  if (type == kBool) {
    if (text != "t" && text != "f") return std::nullopt;
    return text == "t";
  }
  if (type == kFloat4) return ParseFloat<float>(text);
  if (type == kFloat8) return ParseFloat<double>(text);
  if (type == kNumeric) {
    if (!IsNumeric(text)) return std::nullopt;
    return Numeric{text};
  }
  if (type == kDate) return ParseDate(text);
  if (type == kTime) return ParseTime(text);
  if (type == kTimestamp) return ParseTimestamp(text, "");
  if (type == kTimestamptz) return ParseTimestamp(text, "+00");
  if (type == kUuid) return ParseUuid(text);
  if (type == kBytea) {
    if (!text.starts_with("\\x") || !ParseHex(text.substr(2), scratch)) return std::nullopt;
    return Bytes{scratch};
  }
  return Other{column.type_name, text};
}

// ---- writing ----

void AppendHex(std::string_view bytes, std::string& out) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
}

void AppendUuid(const Uuid& uuid, std::string& out) {
  for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out.push_back('-');
    AppendHex({reinterpret_cast<const char*>(&uuid.bytes[i]), 1}, out);
  }
}

// The date and whether it is BC, which is printed last of all.
bool AppendDate(std::int64_t days, std::string& out) {
  const CivilDate date = CivilOf(days);
  const bool bc = date.year <= 0;
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}", bc ? 1 - date.year : date.year,
                 date.month, date.day);
  return bc;
}

void AppendTime(std::int64_t micros, std::string& out) {
  const std::int64_t seconds = micros / kMicrosPerSecond;
  fmt::format_to(std::back_inserter(out), "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60,
                 seconds % 60);
  if (std::int64_t fraction = micros % kMicrosPerSecond; fraction != 0) {
    fmt::format_to(std::back_inserter(out), ".{:06}", fraction);
    while (out.back() == '0') out.pop_back();
  }
}

void AppendTimestamp(std::int64_t micros, std::string_view zone, std::string& out) {
  std::int64_t days = micros / kMicrosPerDay;
  std::int64_t time = micros % kMicrosPerDay;
  if (time < 0) {
    time += kMicrosPerDay;
    --days;
  }
  const bool bc = AppendDate(days, out);
  out.push_back(' ');
  AppendTime(time, out);
  out += zone;
  if (bc) out += " BC";
}

void AppendInfinity(bool positive, std::string& out) { out += positive ? "infinity" : "-infinity"; }

void AppendFloat(Oid type, double number, std::string& out) {
  if (std::isnan(number)) {
    out += "NaN";
  } else if (std::isinf(number)) {
    out += number > 0 ? "Infinity" : "-Infinity";
  } else if (type == type_oid::kFloat4) {
    fmt::format_to(std::back_inserter(out), "{}", static_cast<float>(number));
  } else {
    fmt::format_to(std::back_inserter(out), "{}", number);
  }
}

// Whether a hair more or less than `digits` (scientific form) would be read as another number: they
// lie on the border of the numbers that round to `number`.
template <typename Float>
bool IsOnBorder(std::string_view digits, Float number) {
  constexpr std::size_t kHair = 60;  // digits further on
  const std::size_t e = digits.find('e');
  const std::string mantissa(digits.substr(0, e));
  const std::string exponent(digits.substr(e));
  const std::string point = mantissa.find('.') == std::string::npos ? "." : "";
  std::string less = mantissa;
  for (std::size_t i = less.size(); i-- > 0;) {
    if (less[i] == '.') continue;
    if (less[i]-- != '0') break;
    less[i] = '9';
  }
  return ParseNumber<Float>(mantissa + point + std::string(kHair, '0') + "1" + exponent) !=
             number ||
         ParseNumber<Float>(less + point + std::string(kHair, '9') + exponent) != number;
}

// `fixed_below`: the first power of ten that is printed with an exponent. Unlike to_chars, Postgres
// takes no digits on the border, where reading them would need the rule of rounding to even.
template <typename Float>
void AppendShortest(Float number, int fixed_below, std::string& out) {
  if (!std::isfinite(number) || number == 0) {
    AppendFloat(type_oid::kFloat8, static_cast<double>(number), out);
    return;
  }
  char buffer[32];  // at most 17 digits, sign, point and e-308
  char* const last = buffer + sizeof buffer;
  char* end = std::to_chars(buffer, last, number, std::chars_format::scientific).ptr;
  // The digits decide, not the number: those of the float4 next to 1e-4 are just "1e-04".
  const char* exponent = std::find(buffer, end, 'e') + 1;
  const int power = *ParseNumber<int>({exponent + (*exponent == '+' ? 1 : 0), end});
  if (power >= -4 && power < fixed_below) {  // too few bits before the point for a border
    end = std::to_chars(buffer, last, number, std::chars_format::fixed).ptr;
  } else {
    for (int decimals = 0; IsOnBorder({buffer, end}, number); ++decimals)
      end = std::to_chars(buffer, last, number, std::chars_format::scientific, decimals).ptr;
  }
  out.append(buffer, end);
}

}  // namespace

bool IsInCalendar(Date date) {
  return date.days == Date::kInfinity || date.days == Date::kMinusInfinity ||
         (date.days >= kFirstDay && date.days <= kLastDay);
}

bool IsInCalendar(Timestamp timestamp) {
  return timestamp.micros == Timestamp::kInfinity ||
         timestamp.micros == Timestamp::kMinusInfinity ||
         (timestamp.micros >= kFirstDay * kMicrosPerDay &&
          timestamp.micros < (kLastTimestampDay + 1) * kMicrosPerDay);
}

void AppendFloat8(double number, std::string& out) { AppendShortest(number, 15, out); }
void AppendFloat4(float number, std::string& out) { AppendShortest(number, 6, out); }

void AppendMoney(std::int64_t units, std::string& out) {
  const auto magnitude =
      units < 0 ? 0 - static_cast<std::uint64_t>(units) : static_cast<std::uint64_t>(units);
  const std::string digits = fmt::format("{}", magnitude / 100);
  out += units < 0 ? "-$" : "$";
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out.push_back(',');
    out.push_back(digits[i]);
  }
  fmt::format_to(std::back_inserter(out), ".{:02}", magnitude % 100);
}

Result<void> AppendFromText(const Column& column, std::string_view text, RowBuilder& row) {
  std::string scratch;
  auto value = ParseValue(column, text, scratch);
  if (!value) {
    constexpr std::size_t kShown = 60;  // enough to recognise a value, not to fill a log
    return Fail(
        ErrorKind::kMalformed,
        fmt::format("column {}: \"{}\"{} is not a {} in the pinned text form", column.name,
                    text.substr(0, kShown), text.size() > kShown ? "..." : "", column.type_name));
  }
  row.Add(*value);
  return {};
}

void AppendText(Oid type, const Value& value, std::string& out) {
  std::visit(Overloaded{
                 [&](Null) { out += "null"; },
                 [&](bool v) { out.push_back(v ? 't' : 'f'); },
                 [&](std::int64_t v) { fmt::format_to(std::back_inserter(out), "{}", v); },
                 [&](double v) { AppendFloat(type, v, out); },
                 [&](Numeric v) { out += v.text; },
                 [&](Text v) { out += v.text; },
                 [&](Bytes v) {
                   out += "\\x";
                   AppendHex(v.bytes, out);
                 },
                 [&](Date v) {
                   if (v.days == Date::kInfinity || v.days == Date::kMinusInfinity) {
                     AppendInfinity(v.days > 0, out);
                   } else if (AppendDate(v.days, out)) {
                     out += " BC";
                   }
                 },
                 [&](Time v) { AppendTime(v.micros, out); },
                 [&](Timestamp v) {
                   if (v.micros == Timestamp::kInfinity || v.micros == Timestamp::kMinusInfinity) {
                     AppendInfinity(v.micros > 0, out);
                   } else {
                     AppendTimestamp(v.micros, type == type_oid::kTimestamptz ? "+00" : "", out);
                   }
                 },
                 [&](const Uuid& v) { AppendUuid(v, out); },
                 [&](Other v) { out += v.text; },
             },
             value);
}

std::string Describe(Oid type, const Cell& cell) {
  return std::visit(Overloaded{
                        [&](const Value& value) {
                          std::string out;
                          AppendText(type, value, out);
                          return out;
                        },
                        [](Unchanged) { return std::string("(unchanged)"); },
                        [](NotInIdentity) { return std::string("(not in identity)"); },
                        [](NotSent) { return std::string("(not sent)"); },
                    },
                    cell);
}

namespace {

// Enough to recognise it by.
std::string Shortened(const std::string& text) {
  constexpr std::size_t kShown = 100;
  if (text.size() <= kShown) return text;
  std::size_t end = kShown;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

}  // namespace

std::string DescribeKey(const Relation& relation, const Row& key) {
  std::string out = "{";
  std::size_t i = 0;
  for (const Cell cell : key) {
    // Of a table without a key: all columns, and the number of the copy.
    if (relation.key.empty() && i == relation.columns.size()) break;
    const Column& column = relation.columns[relation.key.empty() ? i : relation.key[i]];
    if (i++ > 0) out += ", ";
    out += column.name + "=";
    const std::string value = Describe(column.type, cell);
    out += relation.key.empty() ? Shortened(value) : value;
  }
  return out + "}";
}

}  // namespace lockstep::model
