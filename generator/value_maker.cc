#include "generator/value_maker.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <iterator>
#include <vector>

#include "generator/json_maker.h"
#include "generator/nested_maker.h"
#include "generator/number_maker.h"
#include "generator/temporal_maker.h"
#include "generator/text_maker.h"
#include "generator/user_types.h"
#include "model/type_oid.h"

namespace lockstep::generator {
namespace {

namespace type_oid = model::type_oid;

// The numbers in the parentheses of a type's name.
std::vector<std::uint32_t> Modifiers(std::string_view type_name) {
  std::vector<std::uint32_t> modifiers;
  std::size_t open = type_name.find('(');
  if (open == std::string_view::npos) return modifiers;
  const char* at = type_name.data() + open;
  const char* end = type_name.data() + type_name.size();
  while (at < end && *at != ')') {
    std::uint32_t number = 0;
    auto [stop, error] = std::from_chars(at + 1, end, number);
    assert(error == std::errc());
    modifiers.push_back(number);
    at = stop;
  }
  return modifiers;
}

constexpr std::string_view kEdgeInets[] = {
    "0.0.0.0", "127.0.0.1", "255.255.255.255", "10.0.0.0/8", "192.168.1.5/24", "0.0.0.0/0",
    "::",      "::1",       "2001:db8::1",     "fe80::/10",  "::ffff:1.2.3.4", "2001:db8::a:0/112"};

void AppendInet(Random& random, std::string& out) {
  if (random.OneIn(3)) {
    out += random.Pick(kEdgeInets);
    return;
  }
  for (int i = 0; i < 4; ++i) {
    if (i > 0) out += '.';
    out += std::to_string(random.Below(256));
  }
  if (random.OneIn(4)) (out += '/') += std::to_string(random.Below(32));
}

void AppendMood(Random& random, std::string& out) { out += random.Pick(MoodLabels()); }

void AppendInt4(Random& random, std::string& out) {
  out += std::to_string(MakeInteger(random, 32));
}

// How each type is written that the model keeps as text.
struct TextType {
  std::string_view type_name;
  void (*append)(Random&, std::string&);
};
constexpr TextType kTextTypes[] = {
    {"jsonb", AppendJson},
    {"inet", AppendInet},
    {"time with time zone", AppendTimetz},
    {"interval", [](Random& random, std::string& out) { AppendInterval(random, out); }},
    {"integer[]", [](Random& random, std::string& out) { AppendArray(random, AppendInt4, out); }},
    {"text[]", [](Random& random, std::string& out) { AppendArray(random, AppendText, out); }},
    {"numeric[]",
     [](Random& random, std::string& out) { AppendArray(random, AppendNumeric, out); }},
    {"int4range", AppendInt4Range},
    {"numrange", AppendNumRange},
    {"tstzrange", AppendTstzRange},
    {"daterange", AppendDateRange},
    {kMood, AppendMood},
    {kMoodArray, [](Random& random, std::string& out) { AppendArray(random, AppendMood, out); }},
    {kPlace, AppendPlace}};

model::Value MakeUuid(Random& random) {
  model::Uuid uuid;
  if (random.OneIn(12)) {
    uuid.bytes.fill(random.Percent(50) ? 0 : 0xFF);
    return uuid;
  }
  for (std::size_t half = 0; half < 2; ++half) {
    std::uint64_t bits = random.Next();
    for (std::size_t i = 0; i < 8; ++i, bits >>= 8) {
      uuid.bytes[half * 8 + i] = static_cast<std::uint8_t>(bits);
    }
  }
  return uuid;
}

}  // namespace

ValueMaker::ValueMaker(const model::Column& column)
    : type_(column.type), type_name_(column.type_name) {
  std::vector<std::uint32_t> modifiers = Modifiers(column.type_name);
  if (!modifiers.empty()) precision_ = modifiers[0];
  if (modifiers.size() > 1) scale_ = modifiers[1];
  if (type_name_ == kPrice) {
    precision_ = kPricePrecision;
    scale_ = kPriceScale;
  } else if (type_name_ == kCode) {
    precision_ = kCodeCharacters;
  }
  const auto* text_type = std::ranges::find(kTextTypes, type_name_, &TextType::type_name);
  if (text_type != std::end(kTextTypes)) append_ = text_type->append;
}

void ValueMaker::Add(Random& random, model::RowBuilder& row) {
  scratch_.clear();
  if (type_ == type_oid::kBool) return row.Add(model::Value(random.Percent(50)));
  if (type_ == type_oid::kInt2) return row.Add(model::Value(MakeInteger(random, 16)));
  if (type_ == type_oid::kInt4) {
    std::int64_t number = MakeInteger(random, 32);
    if (type_name_ == kQuantity && number < 0) number = -(number + 1);
    return row.Add(model::Value(number));
  }
  if (type_ == type_oid::kInt8) return row.Add(model::Value(MakeInteger(random, 64)));
  if (type_ == type_oid::kFloat4) return row.Add(model::Value(MakeFloat4(random)));
  if (type_ == type_oid::kFloat8) return row.Add(model::Value(MakeFloat8(random)));
  if (type_ == type_oid::kNumeric) return row.Add(MakeNumeric(random));
  if (type_ == type_oid::kText || type_ == type_oid::kVarchar) return row.Add(MakeText(random));
  if (type_ == type_oid::kUuid) return row.Add(MakeUuid(random));
  if (type_ == type_oid::kBytea) return row.Add(MakeBytes(random));
  if (type_ == type_oid::kDate) return row.Add(model::Value(MakeDate(random)));
  if (type_ == type_oid::kTime) return row.Add(model::Value(MakeTime(random)));
  if (type_ == type_oid::kTimestamp || type_ == type_oid::kTimestamptz) {
    return row.Add(model::Value(MakeTimestamp(random)));
  }
  assert(append_);
  append_(random, scratch_);
  row.Add(model::Value(model::Other{type_name_, scratch_}));
}

void ValueMaker::AddLongText(Random& random, model::RowBuilder& row) {
  assert(type_ == type_oid::kText && precision_ == 0);
  scratch_.clear();
  AppendLongText(random, scratch_);
  row.Add(model::Value(model::Text{scratch_}));
}

model::Value ValueMaker::MakeNumeric(Random& random) {
  if (precision_ == 0) {
    AppendNumeric(random, scratch_);
  } else {
    AppendScaledNumeric(random, precision_, scale_, scratch_);
  }
  if (type_name_ == kPrice && scratch_.starts_with('-')) scratch_.erase(0, 1);
  return model::Numeric{scratch_};
}

model::Value ValueMaker::MakeText(Random& random) {
  AppendText(random, scratch_);
  if (precision_ == 0) return model::Text{scratch_};
  return model::Text{ClipToCharacters(scratch_, precision_)};
}

model::Value ValueMaker::MakeBytes(Random& random) {
  auto append_random = [&](std::uint64_t size) {
    for (; size > 0; --size) scratch_ += static_cast<char>(random.Next() >> 56);
  };
  switch (random.Below(16)) {
    case 0:  // empty
      break;
    case 1:  // zero bytes
      scratch_.append(1 + random.Index(16), '\0');
      break;
    case 2:  // what looks like text forms
      scratch_ = random.Percent(50) ? "\\x41" : "\\101\\\\'";
      break;
    case 3:
      if (random.OneIn(8)) {
        for (int byte = 0; byte < 256; ++byte) scratch_ += static_cast<char>(byte);
      } else {
        scratch_.append(1 + random.Index(4), '\xFF');
      }
      break;
    default:
      append_random(1 + random.Below(24));
  }
  return model::Bytes{scratch_};
}

std::string_view ClipToCharacters(std::string_view text, std::size_t characters) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool starts_character = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
    if (starts_character && characters-- == 0) return text.substr(0, i);
  }
  return text;
}

}  // namespace lockstep::generator
