#include "model/projection.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "model/text_form.h"
#include "model/type_oid.h"
#include "model/value.h"

namespace lockstep::model {
namespace {

constexpr std::int64_t kMicrosPerSecond = 1'000'000;
constexpr std::int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;

// decoderbufs counts microseconds from 1970 in 64 bits, where the greatest and the least number
// mean the infinities. These two timestamps become those numbers, the second by wrapping around.
constexpr std::int64_t kEpochMicros = 10'957 * kMicrosPerDay;
constexpr std::int64_t kReadAsInfinity = std::numeric_limits<std::int64_t>::max() - kEpochMicros;
constexpr std::int64_t kReadAsMinusInfinity = kReadAsInfinity + 1;

bool IsFloatOrNumeric(Oid type) {
  return type == type_oid::kFloat4 || type == type_oid::kFloat8 || type == type_oid::kNumeric;
}

bool IsTimestamp(Oid type) {
  return type == type_oid::kTimestamp || type == type_oid::kTimestamptz;
}

bool IsNonFinite(const Value& value) {
  if (const auto* number = std::get_if<double>(&value)) return !std::isfinite(*number);
  const auto* numeric = std::get_if<Numeric>(&value);
  return numeric && (numeric->text == "NaN" || numeric->text.ends_with("Infinity"));
}

// "+05:30" or "-03" or "+05:30:15", in seconds; nullopt for anything else.
std::optional<std::int64_t> ParseZone(std::string_view zone) {
  if (zone.size() < 3 || (zone[0] != '+' && zone[0] != '-')) return std::nullopt;
  std::int64_t seconds = 0;
  std::int64_t unit = 3600;
  for (std::size_t at = 1; at < zone.size(); at += 3, unit /= 60) {
    if (at > 1 && zone[at - 1] != ':') return std::nullopt;
    int number = 0;
    const auto part = zone.substr(at, 2);
    const auto [stop, error] = std::from_chars(part.data(), part.data() + part.size(), number);
    if (error != std::errc() || part.size() != 2 || stop != part.data() + 2 || unit == 0)
      return std::nullopt;
    seconds += number * unit;
  }
  return zone[0] == '-' ? -seconds : seconds;
}

// "12:00:00+05:30" as "06:30:00+00"; nullopt where it is in UTC already.
std::optional<std::string> TimetzInUtc(std::string_view text) {
  const auto sign = text.find_first_of("+-");
  if (sign == std::string_view::npos) return std::nullopt;
  const auto zone = ParseZone(text.substr(sign));
  if (!zone || text.substr(sign) == "+00") return std::nullopt;
  const Column time{.name = "", .type = type_oid::kTime, .type_name = "time"};
  RowBuilder builder;
  if (!AppendFromText(time, text.substr(0, sign), builder)) return std::nullopt;
  const Row row = builder.Build();
  std::int64_t micros = std::get<Time>(std::get<Value>(*row.begin())).micros;
  micros -= *zone * kMicrosPerSecond;
  if (micros < 0) micros += kMicrosPerDay;
  if (micros > kMicrosPerDay) micros -= kMicrosPerDay;
  std::string utc;
  AppendText(type_oid::kTime, Time{micros}, utc);
  return utc + "+00";
}

bool IsInfinite(const Value& value) {
  const auto* stamp = std::get_if<Timestamp>(&value);
  return stamp &&
         (stamp->micros == Timestamp::kInfinity || stamp->micros == Timestamp::kMinusInfinity);
}

}  // namespace

std::string Describe(const Relation& relation, const KeyLoss& lost) {
  return fmt::format(
      "column {} of the key is not shown as it is, so that rows cannot be told apart: {}",
      QuoteIfNeeded(relation.columns[lost.column].name), Explain(lost.loss));
}

LossCounts& LossCounts::operator+=(const LossCounts& other) {
  for (std::size_t i = 0; i < cells.size(); ++i) cells[i] += other.cells[i];
  return *this;
}

bool Projection::MayLose(const Column& column) const {
  if (losses_.Has(Loss::kGeneratedColumn) && !column.generated.empty()) return true;
  if (column.is_domain) return false;  // its values travel as text, whatever the base type
  return (losses_.Has(Loss::kNonFinite) && IsFloatOrNumeric(column.type)) ||
         (losses_.Has(Loss::kTimeZone) && column.type == type_oid::kTimetz) ||
         (losses_.Has(Loss::kTimestampEnd) && IsTimestamp(column.type));
}

bool Projection::MayLose(const Relation& relation) const {
  return std::ranges::any_of(relation.columns,
                             [this](const Column& column) { return MayLose(column); });
}

std::optional<Projection::Lost> Projection::Project(const Column& column, const Value& value,
                                                    std::string& scratch) const {
  if (losses_.Has(Loss::kGeneratedColumn) && !column.generated.empty())
    return Lost{Loss::kGeneratedColumn, NotSent{}};
  if (losses_.Has(Loss::kNonFinite) && IsNonFinite(value))
    return Lost{Loss::kNonFinite, Value(Null{})};
  if (const auto* stamp = std::get_if<Timestamp>(&value);
      stamp && losses_.Has(Loss::kTimestampEnd)) {
    if (stamp->micros == kReadAsInfinity)
      return Lost{Loss::kTimestampEnd, Value(Timestamp{Timestamp::kInfinity})};
    if (stamp->micros == kReadAsMinusInfinity)
      return Lost{Loss::kTimestampEnd, Value(Timestamp{Timestamp::kMinusInfinity})};
  }
  if (const auto* other = std::get_if<Other>(&value);
      other && losses_.Has(Loss::kTimeZone) && column.type == type_oid::kTimetz) {
    if (auto utc = TimetzInUtc(other->text)) {
      scratch = std::move(*utc);
      return Lost{Loss::kTimeZone, Value(Other{other->type_name, scratch})};
    }
  }
  return std::nullopt;
}

std::optional<Row> Projection::Project(const Relation& relation, const Row& row,
                                       LossCounts* counts) const {
  RowBuilder builder;
  std::string scratch;
  bool is_projected = false;
  std::size_t index = 0;
  for (auto it = row.begin(); it != row.end(); ++it, ++index) {
    const Column& column = relation.columns[index];
    std::optional<Lost> lost;
    if (MayLose(column)) {
      const Cell cell = *it;
      if (const auto* value = std::get_if<Value>(&cell)) lost = Project(column, *value, scratch);
      // It was not even read.
      if (counts && !column.generated.empty() && std::holds_alternative<NotSent>(cell))
        ++(*counts)[Loss::kGeneratedColumn];
    }
    if (!lost) {
      builder.AddEncoded(it.encoded());
      continue;
    }
    builder.Add(lost->shown);
    is_projected = true;
    if (counts) ++(*counts)[lost->loss];
  }
  return is_projected ? std::optional(builder.Build()) : std::nullopt;
}

std::optional<KeyLoss> Projection::UnsentInKey(const Relation& relation) const {
  if (!losses_.Has(Loss::kGeneratedColumn)) return std::nullopt;
  for (const std::uint32_t column : relation.key) {
    if (!relation.columns[column].generated.empty()) return KeyLoss{column, Loss::kGeneratedColumn};
  }
  return std::nullopt;
}

std::optional<KeyLoss> Projection::LostInKey(const Relation& relation, const Row& row) const {
  std::string scratch;
  for (const std::uint32_t column : relation.key) {
    if (!MayLose(relation.columns[column])) continue;
    const Cell cell = row.At(column);
    const auto* value = std::get_if<Value>(&cell);
    if (!value) continue;
    if (const auto lost = Project(relation.columns[column], *value, scratch))
      return KeyLoss{column, lost->loss};
  }
  return std::nullopt;
}

std::optional<Loss> Projection::DoubtIn(const Column& column, const Value& shown) const {
  if (!MayLose(column)) return std::nullopt;
  if (IsFloatOrNumeric(column.type)) {
    // No column of a key is null.
    return std::holds_alternative<Null>(shown) ? std::optional(Loss::kNonFinite) : std::nullopt;
  }
  if (column.type == type_oid::kTimetz) return Loss::kTimeZone;
  return IsInfinite(shown) ? std::optional(Loss::kTimestampEnd) : std::nullopt;
}

std::optional<KeyLoss> Projection::DoubtInKey(const Relation& relation, const Row& key) const {
  for (std::size_t i = 0; i < relation.key.size(); ++i) {
    const std::uint32_t column = relation.key[i];
    const Cell cell = key.At(i);
    const auto* value = std::get_if<Value>(&cell);
    const auto loss = value ? DoubtIn(relation.columns[column], *value) : std::nullopt;
    if (loss) return KeyLoss{column, *loss};
  }
  return std::nullopt;
}

}  // namespace lockstep::model
