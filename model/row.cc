#include "model/row.h"

#include <fmt/format.h>

#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "model/overloaded.h"

namespace lockstep::model {
namespace {

constexpr std::uint64_t kCanonicalNan = 0x7FF8000000000000;

void AppendHeader(char tag, std::size_t length, std::string& out) {
  out.push_back(tag);
  AppendVarint(length, out);
}

void AppendPayload(char tag, std::string_view payload, std::string& out) {
  AppendHeader(tag, payload.size(), out);
  out += payload;
}

// The `width` low bytes of `value`, lowest first. Postgres's platforms and ours may differ; bytes
// on the wire may not.
void AppendLittleEndian(char tag, std::uint64_t value, std::size_t width, std::string& out) {
  AppendHeader(tag, width, out);
  for (std::size_t i = 0; i < width; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

std::uint64_t ReadLittleEndian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

// How many bytes the two's complement of `value` needs; 0 for 0.
std::size_t ShortestWidth(std::int64_t value) {
  if (value == 0) return 0;
  const auto magnitude = static_cast<std::uint64_t>(value < 0 ? ~value : value);
  return static_cast<std::size_t>(std::bit_width(magnitude)) / 8 + 1;
}

std::int64_t ReadInteger(std::string_view bytes) {
  if (bytes.empty()) return 0;
  const auto unused_bits = 64 - 8 * bytes.size();
  return static_cast<std::int64_t>(ReadLittleEndian(bytes) << unused_bits) >> unused_bits;
}

void AppendValue(const Value& value, std::string& out) {
  std::visit(
      Overloaded{
          [&](Null) { AppendHeader('n', 0, out); },
          [&](bool v) { AppendLittleEndian('b', v ? 1 : 0, 1, out); },
          [&](std::int64_t v) {
            AppendLittleEndian('i', static_cast<std::uint64_t>(v), ShortestWidth(v), out);
          },
          [&](double v) {
            AppendLittleEndian('f', std::isnan(v) ? kCanonicalNan : std::bit_cast<std::uint64_t>(v),
                               8, out);
          },
          [&](Numeric v) { AppendPayload('d', v.text, out); },
          [&](Text v) { AppendPayload('t', v.text, out); },
          [&](Bytes v) { AppendPayload('x', v.bytes, out); },
          [&](Date v) { AppendLittleEndian('D', static_cast<std::uint32_t>(v.days), 4, out); },
          [&](Time v) { AppendLittleEndian('T', static_cast<std::uint64_t>(v.micros), 8, out); },
          [&](Timestamp v) {
            AppendLittleEndian('S', static_cast<std::uint64_t>(v.micros), 8, out);
          },
          [&](const Uuid& v) {
            AppendPayload('u', {reinterpret_cast<const char*>(v.bytes.data()), v.bytes.size()},
                          out);
          },
          [&](Other v) {
            std::string name_length;
            AppendVarint(v.type_name.size(), name_length);
            AppendHeader('o', name_length.size() + v.type_name.size() + v.text.size(), out);
            out += name_length;
            out += v.type_name;
            out += v.text;
          },
      },
      value);
}

// The first cell of `bytes`: tag and payload. `bytes` must be well formed.
struct Encoded {
  char tag;
  std::string_view payload;
  std::size_t size;  // of the whole cell
};

Encoded ReadCell(std::string_view bytes) {
  assert(bytes.size() >= 2);
  std::string_view rest = bytes.substr(1);
  std::uint64_t length = 0;
  [[maybe_unused]] const bool complete = ReadVarint(rest, length);
  assert(complete && length <= rest.size());
  return {bytes[0], rest.substr(0, length), bytes.size() - rest.size() + length};
}

Other ReadOther(std::string_view payload) {
  std::uint64_t name_length = 0;
  [[maybe_unused]] const bool complete = ReadVarint(payload, name_length);
  assert(complete && name_length <= payload.size());
  return {payload.substr(0, name_length), payload.substr(name_length)};
}

Cell DecodeCell(char tag, std::string_view payload) {
  switch (tag) {
    case 'n':
      return Value(Null{});
    case 'b':
      return Value(payload[0] != 0);
    case 'i':
      return Value(ReadInteger(payload));
    case 'f':
      return Value(std::bit_cast<double>(ReadLittleEndian(payload)));
    case 'd':
      return Value(Numeric{payload});
    case 't':
      return Value(Text{payload});
    case 'x':
      return Value(Bytes{payload});
    case 'D':
      return Value(Date{static_cast<std::int32_t>(ReadLittleEndian(payload))});
    case 'T':
      return Value(Time{static_cast<std::int64_t>(ReadLittleEndian(payload))});
    case 'S':
      return Value(Timestamp{static_cast<std::int64_t>(ReadLittleEndian(payload))});
    case 'u': {
      Uuid uuid;
      std::memcpy(uuid.bytes.data(), payload.data(), uuid.bytes.size());
      return Value(uuid);
    }
    case 'o':
      return Value(ReadOther(payload));
    case 'U':
      return Unchanged{};
    case 'I':
      return NotInIdentity{};
    case '-':
      return NotSent{};
  }
  assert(false && "a row holds only known tags");
  __builtin_unreachable();
}

// Whether `payload` is one that AppendValue could have written under `tag`.
bool IsCanonical(char tag, std::string_view payload) {
  switch (tag) {
    case 'n':
    case 'U':
    case 'I':
    case '-':
      return payload.empty();
    case 'b':
      return payload.size() == 1 && (payload[0] == 0 || payload[0] == 1);
    case 'i':
      return payload.size() <= 8 && ShortestWidth(ReadInteger(payload)) == payload.size();
    case 'f':
      return payload.size() == 8 &&
             (!std::isnan(std::bit_cast<double>(ReadLittleEndian(payload))) ||
              ReadLittleEndian(payload) == kCanonicalNan);
    case 'd':
    case 't':
    case 'x':
      return true;
    case 'D':
      return payload.size() == 4;
    case 'T':
    case 'S':
      return payload.size() == 8;
    case 'u':
      return payload.size() == 16;
    case 'o': {
      std::uint64_t name_length = 0;
      return ReadVarint(payload, name_length) && name_length <= payload.size();
    }
  }
  return false;
}

// Counts the cells of bytes from outside; the offset of the first bad byte when they are not well
// formed.
std::expected<std::size_t, std::size_t> CountCells(std::string_view bytes) {
  std::size_t columns = 0;
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const std::size_t offset = bytes.size() - rest.size();
    const char tag = rest[0];
    rest.remove_prefix(1);
    std::uint64_t length = 0;
    if (!ReadVarint(rest, length) || length > rest.size() ||
        !IsCanonical(tag, rest.substr(0, length))) {
      return std::unexpected(offset);
    }
    rest.remove_prefix(length);
    ++columns;
  }
  return columns;
}

}  // namespace

void AppendVarint(std::uint64_t value, std::string& out) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

bool ReadVarint(std::string_view& bytes, std::uint64_t& value) {
  value = 0;
  for (std::size_t i = 0; i < bytes.size() && i < 10; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if (i == 9 && byte > 1) return false;  // more than 64 bits
    if (i > 0 && byte == 0) return false;  // not the shortest form
    value |= std::uint64_t{byte & 0x7Fu} << (7 * i);
    if (byte < 0x80) {
      bytes.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

Cell Row::Iterator::operator*() const {
  const Encoded cell = ReadCell(rest_);
  return DecodeCell(cell.tag, cell.payload);
}

std::string_view Row::Iterator::encoded() const { return rest_.substr(0, ReadCell(rest_).size); }

Row::Iterator& Row::Iterator::operator++() {
  rest_.remove_prefix(ReadCell(rest_).size);
  return *this;
}

Result<Row> Row::FromCanonical(std::string_view bytes, std::size_t columns) {
  const auto count = CountCells(bytes);
  if (!count) {
    return Fail(ErrorKind::kMalformed,
                fmt::format("row of {} bytes: bad cell at offset {}", bytes.size(), count.error()));
  }
  if (*count != columns) {
    return Fail(ErrorKind::kMalformed,
                fmt::format("row has {} columns, expected {}", *count, columns));
  }
  return Row(bytes);
}

Result<Row> Row::FromCanonical(std::string_view bytes) {
  return FromCanonical(bytes, CountCells(bytes).value_or(0));
}

Cell Row::At(std::size_t index) const {
  Iterator it = begin();
  for (; index > 0; --index) ++it;
  return *it;
}

std::size_t Row::CountColumns() const {
  std::size_t count = 0;
  for (Iterator it = begin(); it != end(); ++it) ++count;
  return count;
}

bool Row::IsComplete() const {
  for (Iterator it = begin(); it != end(); ++it) {
    if (const char tag = it.encoded()[0]; tag == 'U' || tag == 'I' || tag == '-') return false;
  }
  return true;
}

void RowBuilder::Add(const Value& value) { AppendValue(value, bytes_); }

void RowBuilder::Add(const Cell& cell) {
  std::visit(Overloaded{
                 [&](const Value& value) { AppendValue(value, bytes_); },
                 [&](Unchanged) { AppendHeader('U', 0, bytes_); },
                 [&](NotInIdentity) { AppendHeader('I', 0, bytes_); },
                 [&](NotSent) { AppendHeader('-', 0, bytes_); },
             },
             cell);
}

Row RowBuilder::Build() {
  // A copy of the right size: the builder keeps its buffer.
  Row row{bytes_};
  bytes_.clear();
  return row;
}

Row MakeRow(const std::vector<Value>& values) {
  RowBuilder builder;
  for (const Value& value : values) builder.Add(value);
  return builder.Build();
}

void SplitCells(const Row& row, std::vector<std::string_view>& cells) {
  cells.clear();
  for (auto it = row.begin(); it != row.end(); ++it) cells.push_back(it.encoded());
}

}  // namespace lockstep::model
