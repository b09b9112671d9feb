#include "generator/value_maker.h"

#include <cassert>
#include <charconv>
#include <vector>

#include "generator/json_maker.h"
#include "generator/number_maker.h"
#include "generator/text_maker.h"
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

// 1992-02-29, 2000-01-01 (day 0), 1999-12-31, 1970-01-01, 0001-01-01, 0001-12-31 BC, 4713-01-01 BC,
// 2038-01-19, 9999-12-31, 10000-01-01, and the first and last of all.
constexpr std::int32_t kEdgeDates[] = {model::Date::kInfinity,
                                       model::Date::kMinusInfinity,
                                       kMinDate,
                                       kMaxDate,
                                       -2862,
                                       0,
                                       -1,
                                       -10957,
                                       -730119,
                                       -730120,
                                       -2451507,
                                       13898,
                                       2921939,
                                       2921940};

constexpr std::int64_t kEdgeTimestamps[] = {model::Timestamp::kInfinity,
                                            model::Timestamp::kMinusInfinity,
                                            kMinTimestamp,
                                            kMaxTimestamp,
                                            0,
                                            -1,
                                            1,
                                            -kMicrosFrom1970To2000,
                                            -730119 * kMicrosPerDay,
                                            -730120 * kMicrosPerDay + 1,
                                            2921940 * kMicrosPerDay - 1,
                                            999'999};

constexpr std::int64_t kEdgeTimes[] = {
    0, 1, kMicrosPerDay - 1, kMicrosPerDay, kMicrosPerDay / 2, 999'999};

model::Value MakeDate(Random& random) {
  if (random.OneIn(8)) return model::Date{random.Pick(kEdgeDates)};
  if (random.OneIn(30))
    return model::Date{static_cast<std::int32_t>(random.Between(kMinDate, kMaxDate))};
  return model::Date{static_cast<std::int32_t>(random.Between(-15000, 15000))};
}

model::Value MakeTime(Random& random) {
  if (random.OneIn(8)) return model::Time{random.Pick(kEdgeTimes)};
  if (random.Percent(50)) return model::Time{random.Between(0, 86'399) * 1'000'000};
  return model::Time{random.Between(0, kMicrosPerDay - 1)};
}

model::Value MakeTimestamp(Random& random) {
  if (random.OneIn(8)) return model::Timestamp{random.Pick(kEdgeTimestamps)};
  if (random.OneIn(30)) return model::Timestamp{random.Between(kMinTimestamp, kMaxTimestamp)};
  std::int64_t seconds = random.Between(-1'000'000'000, 1'200'000'000);
  static constexpr std::int64_t kSteps[] = {1'000'000, 1000, 1};  // whole seconds, ms, µs
  std::int64_t step = random.Pick(kSteps);
  return model::Timestamp{seconds * 1'000'000 + random.Between(0, 999'999) / step * step};
}

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

ValueMaker::ValueMaker(const model::Column& column) : type_(column.type) {
  std::vector<std::uint32_t> modifiers = Modifiers(column.type_name);
  if (!modifiers.empty()) precision_ = modifiers[0];
  if (modifiers.size() > 1) scale_ = modifiers[1];
}

void ValueMaker::Add(Random& random, model::RowBuilder& row) {
  scratch_.clear();
  if (type_ == type_oid::kBool) return row.Add(model::Value(random.Percent(50)));
  if (type_ == type_oid::kInt2) return row.Add(model::Value(MakeInteger(random, 16)));
  if (type_ == type_oid::kInt4) return row.Add(model::Value(MakeInteger(random, 32)));
  if (type_ == type_oid::kInt8) return row.Add(model::Value(MakeInteger(random, 64)));
  if (type_ == type_oid::kFloat4) return row.Add(model::Value(MakeFloat4(random)));
  if (type_ == type_oid::kFloat8) return row.Add(model::Value(MakeFloat8(random)));
  if (type_ == type_oid::kNumeric) return row.Add(MakeNumeric(random));
  if (type_ == type_oid::kText || type_ == type_oid::kVarchar) return row.Add(MakeText(random));
  if (type_ == type_oid::kUuid) return row.Add(MakeUuid(random));
  if (type_ == type_oid::kBytea) return row.Add(MakeBytes(random));
  if (type_ == type_oid::kDate) return row.Add(MakeDate(random));
  if (type_ == type_oid::kTime) return row.Add(MakeTime(random));
  if (type_ == type_oid::kTimestamp || type_ == type_oid::kTimestamptz) {
    return row.Add(MakeTimestamp(random));
  }
  assert(type_ == type_oid::kJsonb);
  AppendJson(random, scratch_);
  row.Add(model::Value(model::Other{"jsonb", scratch_}));
}

void ValueMaker::AddLongText(Random& random, model::RowBuilder& row) {
  assert(type_ == type_oid::kText);
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
  return model::Numeric{scratch_};
}

model::Value ValueMaker::MakeText(Random& random) {
  AppendText(random, scratch_);
  if (type_ == type_oid::kText) return model::Text{scratch_};
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
