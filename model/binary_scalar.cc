#include "model/binary_scalar.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <limits>

#include "model/text_form.h"
#include "model/type_oid.h"

namespace lockstep::model {
namespace {

using namespace type_oid;

constexpr std::int64_t kMicrosPerDay = 86'400'000'000;

template <typename... Args>
void Print(std::string& out, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
}

// ---- numbers ----

// count:i16 weight:i16 sign:u16 scale:u16 digits:i16[count], base 10000; `weight` is the power of
// the first digit, `scale` the number of decimals that are shown.
Value ReadNumeric(ByteCursor& in, std::string& text) {
  constexpr std::uint16_t kNegative = 0x4000;
  constexpr std::uint16_t kNan = 0xC000;
  constexpr std::uint16_t kInfinity = 0xD000;
  constexpr std::uint16_t kMinusInfinity = 0xF000;
  constexpr std::uint16_t kMostScale = 0x3FFF;
  const std::size_t at = in.offset();
  const auto count = in.Integer<std::uint16_t>("numeric digit count");
  const int weight = in.Integer<std::int16_t>("numeric weight");
  const auto sign = in.Integer<std::uint16_t>("numeric sign");
  const int scale = in.Integer<std::uint16_t>("numeric scale");
  ByteCursor digits(in.Bytes(std::size_t{count} * 2, "numeric digits"));
  if (!in.ok()) return Null{};
  const bool special = sign == kNan || sign == kInfinity || sign == kMinusInfinity;
  if ((!special && sign != 0 && sign != kNegative) || scale > kMostScale ||
      (count == 0 && (sign == kNegative || weight != 0)) || (special && count != 0)) {
    in.Refuse("numeric", at, "sign, scale and digits contradict each other");
    return Null{};
  }
  if (special) return Numeric{sign == kNan ? "NaN" : sign == kInfinity ? "Infinity" : "-Infinity"};

  text.clear();
  if (sign == kNegative) text.push_back('-');
  int power = weight;
  const auto next = [&](int wanted) {  // the digit of 10000^wanted; they come in falling order
    if (wanted > power || digits.left() == 0) return 0;
    --power;
    const int digit = digits.Integer<std::uint16_t>("");
    if (digit > 9999) in.Refuse("numeric", at, "a digit above 9999");
    return digit;
  };
  if (weight < 0) text.push_back('0');
  for (int wanted = weight; wanted >= 0; --wanted) {
    const int digit = next(wanted);
    if (wanted == weight) {
      Print(text, "{}", digit);
      if (digit == 0 && count > 0) in.Refuse("numeric", at, "a zero in front");
    } else {
      Print(text, "{:04}", digit);
    }
  }
  if (scale > 0) {
    text.push_back('.');
    const std::size_t end = text.size() + static_cast<std::size_t>(scale);
    for (int wanted = -1; text.size() < end; --wanted) Print(text, "{:04}", next(wanted));
    text.resize(end);
  }
  return Numeric{text};
}

// ---- times ----

Value ReadDate(ByteCursor& in) {
  const std::size_t at = in.offset();
  const Date date{in.Integer<std::int32_t>("date")};
  if (!IsInCalendar(date)) in.Refuse("date", at, "outside the calendar");
  return date;
}

Value ReadTimestamp(ByteCursor& in) {
  const std::size_t at = in.offset();
  const Timestamp timestamp{in.Integer<std::int64_t>("timestamp")};
  if (!IsInCalendar(timestamp)) in.Refuse("timestamp", at, "outside the calendar");
  return timestamp;
}

Time ReadTime(ByteCursor& in) {
  const std::size_t at = in.offset();
  const Time time{in.Integer<std::int64_t>("time")};
  if (time.micros < 0 || time.micros > kMicrosPerDay) in.Refuse("time", at, "not within a day");
  return time;
}

// micros:i64 zone:i32, the zone in seconds west of Greenwich.
void AppendTimetz(ByteCursor& in, std::string& out) {
  constexpr std::int32_t kFarthest = 16 * 3'600;
  const Time time = ReadTime(in);
  const std::size_t at = in.offset();
  const auto west = in.Integer<std::int32_t>("time zone");
  if (west <= -kFarthest || west >= kFarthest) in.Refuse("time zone", at, "16 hours or more");
  if (!in.ok()) return;
  AppendText(kTime, time, out);
  const std::int32_t seconds = west < 0 ? -west : west;
  Print(out, "{}{:02}", west > 0 ? '-' : '+', seconds / 3'600);
  if (seconds % 3'600 != 0) Print(out, ":{:02}", seconds / 60 % 60);
  if (seconds % 60 != 0) Print(out, ":{:02}", seconds % 60);
}

// micros:i64 days:i32 months:i32. The extremes of all three are the infinities (PostgreSQL 17).
void AppendInterval(ByteCursor& in, std::string& out) {
  const auto micros = in.Integer<std::int64_t>("interval time");
  const auto days = in.Integer<std::int32_t>("interval days");
  const auto months = in.Integer<std::int32_t>("interval months");
  const auto all = [&](auto extreme) {
    return micros == extreme(micros) && days == extreme(days) && months == extreme(months);
  };
  if (all([](auto part) { return std::numeric_limits<decltype(part)>::max(); })) {
    out += "infinity";
    return;
  }
  if (all([](auto part) { return std::numeric_limits<decltype(part)>::min(); })) {
    out += "-infinity";
    return;
  }
  bool first = true;
  bool after_negative = false;  // what is positive then shows its sign
  const auto part = [&](std::int32_t number, const char* unit) {
    if (number == 0) return;
    Print(out, "{}{}{} {}{}", first ? "" : " ", after_negative && number > 0 ? "+" : "", number,
          unit, number == 1 ? "" : "s");
    first = false;
    after_negative = number < 0;
  };
  part(months / 12, "year");
  part(months % 12, "mon");
  part(days, "day");
  if (!first && micros == 0) return;
  if (!first) out.push_back(' ');
  if (micros < 0) {
    out.push_back('-');
  } else if (after_negative) {
    out.push_back('+');
  }
  const auto magnitude =
      micros < 0 ? 0 - static_cast<std::uint64_t>(micros) : static_cast<std::uint64_t>(micros);
  constexpr std::uint64_t kHour = 3'600'000'000;
  std::string within_hour;
  AppendText(kTime, Time{static_cast<std::int64_t>(magnitude % kHour)}, within_hour);
  Print(out, "{:02}{}", magnitude / kHour, std::string_view(within_hour).substr(2));
}

// ---- bits and addresses ----

// length:i32 bytes, the first bit the highest; the rest of the last byte is zero.
void AppendBits(ByteCursor& in, std::string& out) {
  const std::size_t at = in.offset();
  const auto length = in.Integer<std::uint32_t>("bit count");
  if (in.left() < (std::uint64_t{length} + 7) / 8) in.Refuse("bit count", at, "beyond the value");
  const auto bytes = in.Bytes((std::size_t{length} + 7) / 8, "bits");
  if (!in.ok()) return;
  for (std::size_t i = 0; i < length; ++i)
    out.push_back((bytes[i / 8] >> (7 - i % 8) & 1) != 0 ? '1' : '0');
}

void AppendMac(std::size_t size, ByteCursor& in, std::string& out) {
  const auto bytes = in.Bytes(size, "address");
  for (std::size_t i = 0; i < bytes.size(); ++i)
    Print(out, "{}{:02x}", i == 0 ? "" : ":", static_cast<unsigned char>(bytes[i]));
}

void AppendIpv4(std::string_view bytes, std::string& out) {
  for (std::size_t i = 0; i < bytes.size(); ++i)
    Print(out, "{}{}", i == 0 ? "" : ".", static_cast<unsigned char>(bytes[i]));
}

// Eight words in hex, the longest run of two or more zero words as "::", and what looks like an
// IPv4 address at the end in its own spelling.
void AppendIpv6(std::string_view bytes, std::string& out) {
  std::array<std::uint32_t, 8> words{};
  for (std::size_t i = 0; i < bytes.size(); ++i)
    words[i / 2] = words[i / 2] << 8 | static_cast<unsigned char>(bytes[i]);
  std::size_t run = words.size();
  std::size_t longest = 1;
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::size_t end = i;
    while (end < words.size() && words[end] == 0) ++end;
    if (end - i > longest) {
      run = i;
      longest = end - i;
    }
  }
  const bool maps_ipv4 = run == 0 && (longest == 6 || (longest == 5 && words[5] == 0xFFFF));
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i == run) {
      out += "::";
      i += longest - 1;
      continue;
    }
    if (i > 0 && out.back() != ':') out.push_back(':');
    if (i == 6 && maps_ipv4) {
      AppendIpv4(bytes.substr(12), out);
      return;
    }
    Print(out, "{:x}", words[i]);
  }
}

// family:u8 (2 or 3) bits:u8 is_cidr:u8 count:u8 bytes. inet leaves out the bits when they are all.
void AppendInet(Oid type, ByteCursor& in, std::string& out) {
  constexpr std::uint8_t kIpv4 = 2;
  constexpr std::uint8_t kIpv6 = 3;
  const std::size_t at = in.offset();
  const auto family = in.Integer<std::uint8_t>("address family");
  const auto bits = in.Integer<std::uint8_t>("address bits");
  const auto is_cidr = in.Integer<std::uint8_t>("address kind");
  const std::size_t size = in.Integer<std::uint8_t>("address size");
  const auto bytes = in.Bytes(size, "address");
  if (!in.ok()) return;
  if ((family != kIpv4 && family != kIpv6) || size != (family == kIpv4 ? 4 : 16) ||
      bits > size * 8 || (is_cidr != 0) != (type == kCidr)) {
    in.Refuse("address", at, "family, bits, kind and size contradict each other");
    return;
  }
  if (family == kIpv4) {
    AppendIpv4(bytes, out);
  } else {
    std::string text;  // AppendIpv6 looks at what it wrote
    AppendIpv6(bytes, text);
    out += text;
  }
  if (type == kCidr || bits != size * 8) Print(out, "/{}", bits);
}

// ---- shapes ----

void AppendPoint(ByteCursor& in, std::string& out) {
  const double x = in.Float8("x");
  const double y = in.Float8("y");
  out.push_back('(');
  AppendFloat8(x, out);
  out.push_back(',');
  AppendFloat8(y, out);
  out.push_back(')');
}

void AppendPoints(std::size_t count, ByteCursor& in, std::string& out) {
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    if (i > 0) out.push_back(',');
    AppendPoint(in, out);
  }
}

// path: is_closed:u8 count:i32 points; polygon: count:i32 points.
void AppendOutline(bool has_flag, ByteCursor& in, std::string& out) {
  constexpr std::size_t kPointBytes = 16;
  const bool closed = !has_flag || in.Integer<std::uint8_t>("whether the path is closed") != 0;
  const std::size_t at = in.offset();
  const auto count = in.Integer<std::uint32_t>("point count");
  if (count > in.left() / kPointBytes) in.Refuse("point count", at, "beyond the value");
  out.push_back(closed ? '(' : '[');
  AppendPoints(count, in, out);
  out.push_back(closed ? ')' : ']');
}

void AppendShape(Oid type, ByteCursor& in, std::string& out) {
  if (type == kPoint) return AppendPoint(in, out);
  if (type == kBox) return AppendPoints(2, in, out);
  if (type == kPath) return AppendOutline(true, in, out);
  if (type == kPolygon) return AppendOutline(false, in, out);
  if (type == kLseg) {
    out.push_back('[');
    AppendPoints(2, in, out);
    out.push_back(']');
  } else if (type == kCircle) {
    out.push_back('<');
    AppendPoint(in, out);
    out.push_back(',');
    AppendFloat8(in.Float8("radius"), out);
    out.push_back('>');
  } else {  // line: A, B, C of Ax + By + C = 0
    for (const char* before : {"{", ",", ","}) {
      out += before;
      AppendFloat8(in.Float8("coefficient"), out);
    }
    out.push_back('}');
  }
}

// ---- texts ----

// A version byte and the text form: jsonb, jsonpath.
void AppendVersioned(ByteCursor& in, std::string& out) {
  const std::size_t at = in.offset();
  if (in.Integer<std::uint8_t>("version") != 1) in.Refuse("version", at, "is not 1");
  out += in.Rest();
}

// One byte; zero is the empty text, a byte that is no ASCII is shown in octal.
Text ReadChar(ByteCursor& in, std::string& scratch) {
  const auto byte = in.Integer<std::uint8_t>("character");
  scratch.clear();
  if (byte >= 0x80) {
    Print(scratch, "\\{:03o}", byte);
  } else if (byte != 0) {
    scratch.push_back(static_cast<char>(byte));
  }
  return Text{scratch};
}

void AppendLsn(ByteCursor& in, std::string& out) {
  const auto lsn = in.Integer<std::uint64_t>("LSN");
  Print(out, "{:X}/{:X}", lsn >> 32, lsn & 0xFFFFFFFF);
}

void AppendTid(ByteCursor& in, std::string& out) {
  const auto block = in.Integer<std::uint32_t>("block");
  Print(out, "({},{})", block, in.Integer<std::uint16_t>("position in the block"));
}

bool Contains(std::initializer_list<Oid> types, Oid type) {
  return std::ranges::find(types, type) != types.end();
}

bool IsShape(Oid type) {
  return Contains({kPoint, kBox, kPath, kPolygon, kLseg, kCircle, kLine}, type);
}

}  // namespace

bool HasOwnValue(Oid type) {
  return Contains({kBool, kInt2, kInt4, kInt8, kOid, kFloat4, kFloat8, kNumeric, kText, kVarchar,
                   kBpchar, kName, kChar, kBytea, kDate, kTime, kTimestamp, kTimestamptz, kUuid},
                  type);
}

bool IsBinaryScalar(Oid type) {
  return HasOwnValue(type) || IsShape(type) ||
         Contains({kTimetz, kInterval, kMoney, kJson, kJsonb, kJsonpath, kXml, kRefcursor, kBit,
                   kVarbit, kInet, kCidr, kMacaddr, kMacaddr8, kPgLsn, kTid, kXid, kXid8},
                  type);
}

Value ReadBinaryValue(Oid type, ByteCursor& in, std::string& scratch) {
  if (type == kInt4) return std::int64_t{in.Integer<std::int32_t>("int4")};
  if (type == kInt8) return in.Integer<std::int64_t>("int8");
  if (type == kText || type == kVarchar || type == kBpchar || type == kName) return Text{in.Rest()};
  if (type == kNumeric) return ReadNumeric(in, scratch);
  if (type == kTimestamp || type == kTimestamptz) return ReadTimestamp(in);
  if (type == kInt2) return std::int64_t{in.Integer<std::int16_t>("int2")};
  if (type == kOid) return std::int64_t{in.Integer<std::uint32_t>("oid")};
  if (type == kFloat8) return in.Float8("float8");
  if (type == kFloat4) return static_cast<double>(in.Float4("float4"));
  if (type == kDate) return ReadDate(in);
  if (type == kTime) return ReadTime(in);
  if (type == kBytea) return Bytes{in.Rest()};
  if (type == kChar) return ReadChar(in, scratch);
  if (type == kUuid) {
    Uuid uuid;
    std::ranges::copy(in.Bytes(uuid.bytes.size(), "uuid"), uuid.bytes.begin());
    return uuid;
  }
  const std::size_t at = in.offset();
  const auto truth = in.Integer<std::uint8_t>("bool");
  if (truth > 1) in.Refuse("bool", at, "neither 0 nor 1");
  return truth == 1;
}

void AppendBinaryScalar(Oid type, ByteCursor& in, std::string& out) {
  if (type == kFloat8) return AppendFloat8(in.Float8("float8"), out);
  if (type == kFloat4) return AppendFloat4(in.Float4("float4"), out);
  if (HasOwnValue(type)) {
    std::string scratch;
    const Value value = ReadBinaryValue(type, in, scratch);
    if (in.ok()) AppendText(type, value, out);
    return;
  }
  if (IsShape(type)) return AppendShape(type, in, out);
  if (type == kTimetz) return AppendTimetz(in, out);
  if (type == kInterval) return AppendInterval(in, out);
  if (type == kMoney) return AppendMoney(in.Integer<std::int64_t>("money"), out);
  if (type == kJsonb || type == kJsonpath) return AppendVersioned(in, out);
  if (type == kBit || type == kVarbit) return AppendBits(in, out);
  if (type == kInet || type == kCidr) return AppendInet(type, in, out);
  if (type == kMacaddr) return AppendMac(6, in, out);
  if (type == kMacaddr8) return AppendMac(8, in, out);
  if (type == kPgLsn) return AppendLsn(in, out);
  if (type == kTid) return AppendTid(in, out);
  if (type == kXid) return Print(out, "{}", in.Integer<std::uint32_t>("xid"));
  if (type == kXid8) return Print(out, "{}", in.Integer<std::uint64_t>("xid8"));
  out += in.Rest();  // json, xml, refcursor: the text itself
}

}  // namespace lockstep::model
