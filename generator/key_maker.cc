#include "generator/key_maker.h"

#include <cassert>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "model/type_oid.h"
#include "model/value.h"

namespace lockstep::generator {
namespace {

namespace type_oid = model::type_oid;

// Stands between the session and the number of a text key. None starts or ends with a digit, so
// that the pair can be read back.
constexpr std::string_view kTextKeys[] = {":",      "-a-", " ", "'",  "\"",         "\\",
                                          "\u00e9", "\n",  ".", "/*", "\U0001f600", "_"};

// The k-th of 0, -1, 1, -2, 2, ...
std::int64_t ZigZag(std::uint64_t k) {
  auto half = static_cast<std::int64_t>((k + 1) / 2);
  return k % 2 == 0 ? half : -half;
}

// Leaves the remainder `session` (from 0) by `sessions`: first the largest and the smallest such
// number, then those around zero.
std::int64_t MakeIntegerKey(std::uint32_t sessions, std::uint32_t session, KeyOrdinal ordinal,
                            bool is_int8) {
  std::int64_t max = is_int8 ? INT64_MAX : INT32_MAX;
  std::int64_t min = is_int8 ? INT64_MIN : INT32_MIN;
  auto s = static_cast<std::int64_t>(session);
  auto n = static_cast<std::int64_t>(sessions);
  auto remainder = [n](std::int64_t number) { return (number % n + n) % n; };
  if (ordinal == 0) return max - (remainder(max) - s + n) % n;
  if (ordinal == 1) return min + (s - remainder(min) + n) % n;
  return ZigZag(ordinal - 2) * n + s;
}

// Session 1 owns the empty text.
std::string MakeTextKey(std::uint32_t session, KeyOrdinal ordinal) {
  if (session == 0 && ordinal == 0) return "";
  std::string text = std::to_string(session + 1);
  text += kTextKeys[ordinal % std::size(kTextKeys)];
  text += std::to_string(ordinal);
  // A blank at the end counts in a text.
  if (ordinal % 16 == 5) text += ' ';
  return text;
}

// The session stands in the first two bytes, counted down from 0xFFFF where the ordinal is odd, so
// that the nil uuid and the one of all ones are keys of session 1.
model::Uuid MakeUuidKey(std::uint32_t session, KeyOrdinal ordinal) {
  model::Uuid uuid;
  bool down = ordinal % 2 == 1;
  uuid.bytes.fill(down ? 0xFF : 0);
  std::uint32_t head = down ? 0xFFFF - session : session;
  uuid.bytes[0] = static_cast<std::uint8_t>(head >> 8);
  uuid.bytes[1] = static_cast<std::uint8_t>(head);
  KeyOrdinal scattered = ordinal / 2 * 0x9E3779B1u;  // odd factor: one to one
  for (std::size_t i = 0; i < 4; ++i) {
    uuid.bytes[6 + i] ^= static_cast<std::uint8_t>(scattered >> (8 * i));
  }
  return uuid;
}

void AddCarrier(model::Oid type, std::uint32_t sessions, std::uint32_t session, KeyOrdinal ordinal,
                model::RowBuilder& row) {
  if (type == type_oid::kInt4 || type == type_oid::kInt8) {
    row.Add(model::Value(MakeIntegerKey(sessions, session, ordinal, type == type_oid::kInt8)));
  } else if (type == type_oid::kText) {
    std::string text = MakeTextKey(session, ordinal);
    row.Add(model::Value(model::Text{text}));
  } else {
    assert(type == type_oid::kUuid);
    row.Add(model::Value(MakeUuidKey(session, ordinal)));
  }
}

// One of kGroup values.
void AddShared(model::Oid type, KeyOrdinal choice, model::RowBuilder& row) {
  static constexpr std::int64_t kIntegers[] = {0, 1, -1, 32767};
  static constexpr std::string_view kTexts[] = {"", "EU", "north \"west\"", "\u6771\u4eac"};
  static constexpr std::int32_t kDates[] = {0, 8765, -730120, model::Date::kInfinity};
  if (type == type_oid::kInt2 || type == type_oid::kInt4) {
    row.Add(model::Value(kIntegers[choice]));
  } else if (type == type_oid::kText) {
    row.Add(model::Value(model::Text{kTexts[choice]}));
  } else {
    assert(type == type_oid::kDate);
    row.Add(model::Value(model::Date{kDates[choice]}));
  }
}

}  // namespace

KeyMaker::KeyMaker(model::RelationPtr relation, std::uint32_t sessions)
    : relation_(std::move(relation)), sessions_(sessions) {
  assert(!relation_->key.empty() && sessions_ >= 1 && sessions_ <= kMaxSessions);
}

model::Row KeyMaker::MakeKey(model::SessionId session, KeyOrdinal ordinal) const {
  assert(session.value >= 1 && session.value <= sessions_ && ordinal < kKeyOrdinals);
  model::RowBuilder row;
  std::size_t last = relation_->key.size() - 1;
  for (std::size_t i = 0; i < last; ++i) {
    // The first shared column tells a group's members apart; further ones just vary.
    KeyOrdinal choice = i == 0 ? ordinal % kGroup : ordinal % 3;
    AddShared(relation_->columns[relation_->key[i]].type, choice, row);
  }
  AddCarrier(relation_->columns[relation_->key[last]].type, sessions_, session.value - 1,
             last == 0 ? ordinal : ordinal / kGroup, row);
  return row.Build();
}

}  // namespace lockstep::generator
