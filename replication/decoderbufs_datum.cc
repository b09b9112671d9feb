#include "replication/decoderbufs_datum.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "model/text_form.h"
#include "model/type_oid.h"

namespace lockstep::replication {
namespace {

using decoderbufs::DatumMessage;
using model::Column;
using model::ErrorKind;
using model::Fail;
using model::Oid;
using model::Result;
using model::RowBuilder;
using model::Value;
namespace type_oid = model::type_oid;

// From 1970-01-01, the plugin's epoch, to 2000-01-01, ours.
constexpr std::int32_t kEpochDays = 10'957;
constexpr std::int64_t kMicrosPerDay = 86'400'000'000;
constexpr std::int64_t kEpochMicros = kEpochDays * kMicrosPerDay;
Result<void> DoesNotFit(const Column& column, const DatumMessage& datum) {
  return Fail(
      ErrorKind::kMisfit,
      fmt::format(
          "column {} ({}): the stream sends a datum of kind {} and type OID {}; the column changed "
          "since the listener attached, attach again",
          column.name, column.type_name, static_cast<int>(datum.datum_case()),
          datum.column_type()));
}

// The plugin shifts the infinities (the least and the greatest number) to its epoch like any other
// date; the sum wraps around, and back here. Unsigned, as hostile bytes may wrap around too.
Value DateOf(std::int32_t days) {
  return model::Date{static_cast<std::int32_t>(static_cast<std::uint32_t>(days) -
                                               static_cast<std::uint32_t>(kEpochDays))};
}

Value TimestampOf(std::int64_t micros) {
  if (micros == std::numeric_limits<std::int64_t>::max())
    return model::Timestamp{model::Timestamp::kInfinity};
  if (micros == std::numeric_limits<std::int64_t>::min()) {
    return model::Timestamp{model::Timestamp::kMinusInfinity};
  }
  return model::Timestamp{static_cast<std::int64_t>(static_cast<std::uint64_t>(micros) -
                                                    static_cast<std::uint64_t>(kEpochMicros))};
}

std::string PointText(const decoderbufs::Point& point) {
  std::string text = "(";
  model::AppendFloat8(point.x(), text);
  text.push_back(',');
  model::AppendFloat8(point.y(), text);
  text.push_back(')');
  return text;
}

// timetz: the plugin sends the time in UTC and loses the zone. East of Greenwich it may lie before
// midnight, west of it after the next.
std::string TimetzText(std::int64_t micros) {
  if (micros < 0) micros += kMicrosPerDay;
  if (micros > kMicrosPerDay) micros -= kMicrosPerDay;
  std::string text;
  model::AppendText(type_oid::kTime, model::Time{micros}, text);
  return text + "+00";
}

Result<void> AppendInteger(const Column& column, const DatumMessage& datum, std::int64_t number,
                           RowBuilder& row) {
  const Oid type = column.type;
  if (type == type_oid::kInt2 || type == type_oid::kInt4 || type == type_oid::kInt8 ||
      type == type_oid::kOid) {
    row.Add(Value(number));
  } else if (type == type_oid::kDate && datum.datum_case() == DatumMessage::kDatumInt32) {
    row.Add(DateOf(static_cast<std::int32_t>(number)));
  } else if (type == type_oid::kTime) {
    row.Add(Value(model::Time{number}));
  } else if (type == type_oid::kTimestamp || type == type_oid::kTimestamptz) {
    row.Add(TimestampOf(number));
  } else if (type == type_oid::kMoney) {
    std::string text;
    model::AppendMoney(number, text);
    row.Add(Value(model::Other{column.type_name, text}));
  } else {
    return DoesNotFit(column, datum);
  }
  return {};
}

Result<void> AppendDouble(const Column& column, const DatumMessage& datum, RowBuilder& row) {
  const double number = datum.datum_double();
  if (column.type == type_oid::kFloat8) {
    row.Add(Value(number));
    return {};
  }
  // A time of day, at most 24:00:00, and a zone of less than 16 hours.
  constexpr double kLeast = -16 * 3'600e6;
  constexpr double kMost = kMicrosPerDay + 16 * 3'600e6;
  if (column.type == type_oid::kTimetz && number > kLeast && number < kMost) {
    row.Add(Value(model::Other{column.type_name, TimetzText(std::llround(number))}));
    return {};
  }
  return DoesNotFit(column, datum);
}

// bytea comes as its bytes; every type the plugin does not know, domains included, as the bytes of
// its text form.
Result<void> AppendBytes(const Column& column, const DatumMessage& datum, RowBuilder& row) {
  if (datum.column_type() != type_oid::kBytea.value) {
    return model::AppendFromText(column, datum.datum_bytes(), row);
  }
  if (column.type != type_oid::kBytea) return DoesNotFit(column, datum);
  row.Add(Value(model::Bytes{datum.datum_bytes()}));
  return {};
}

}  // namespace

Result<void> AppendDatum(const Column& column, const DatumMessage& datum, RowBuilder& row) {
  switch (datum.datum_case()) {
    case DatumMessage::kDatumInt32:
      return AppendInteger(column, datum, datum.datum_int32(), row);
    case DatumMessage::kDatumInt64:
      return AppendInteger(column, datum, datum.datum_int64(), row);
    case DatumMessage::kDatumFloat:
      if (column.type != type_oid::kFloat4) return DoesNotFit(column, datum);
      row.Add(Value(static_cast<double>(datum.datum_float())));
      return {};
    case DatumMessage::kDatumDouble:
      return AppendDouble(column, datum, row);
    case DatumMessage::kDatumBool:
      if (column.type != type_oid::kBool) return DoesNotFit(column, datum);
      row.Add(Value(datum.datum_bool()));
      return {};
    case DatumMessage::kDatumString:
      return model::AppendFromText(column, datum.datum_string(), row);
    case DatumMessage::kDatumBytes:
      return AppendBytes(column, datum, row);
    case DatumMessage::kDatumPoint:
      if (column.type != type_oid::kPoint) return DoesNotFit(column, datum);
      row.Add(Value(model::Other{column.type_name, PointText(datum.datum_point())}));
      return {};
    case DatumMessage::kDatumMissing:
    case DatumMessage::DATUM_NOT_SET:
      break;
  }
  return DoesNotFit(column, datum);
}

}  // namespace lockstep::replication
