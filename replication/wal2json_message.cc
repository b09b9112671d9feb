#include "replication/wal2json_message.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <deque>
#include <string>
#include <utility>

namespace lockstep::replication {
namespace {

using model::ErrorKind;
using model::Fail;
using model::Result;
namespace ondemand = simdjson::ondemand;

// A token without what may stand between it and the next.
std::string_view Trimmed(std::string_view token) {
  const auto end = token.find_last_not_of(" \t\r\n");
  return token.substr(0, end == token.npos ? 0 : end + 1);
}

std::size_t CountDigits(std::string_view text) {
  return std::min(text.find_first_not_of("0123456789"), text.size());
}

// RFC 8259: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
bool IsNumber(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const std::size_t whole = CountDigits(text);
  if (whole == 0 || (whole > 1 && text[0] == '0')) return false;
  text.remove_prefix(whole);
  if (text.starts_with('.')) {
    const std::size_t fraction = CountDigits(text.substr(1));
    if (fraction == 0) return false;
    text.remove_prefix(1 + fraction);
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    const std::size_t exponent = CountDigits(text);
    if (exponent == 0) return false;
    text.remove_prefix(exponent);
  }
  return text.empty();
}

// JSON in another encoding, as UTF-8: each byte above 127 as the character of that number. Narrowed
// gives the bytes of such a string back.
std::string Widened(std::string_view text) {
  std::string wide;
  wide.reserve(text.size() + text.size() / 4);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      wide.push_back(c);
    } else {
      wide.push_back(static_cast<char>(0xC0 | (byte >> 6)));
      wide.push_back(static_cast<char>(0x80 | (byte & 0x3F)));
    }
  }
  return wide;
}

std::string Narrowed(std::string_view wide) {
  std::string text;
  text.reserve(wide.size());
  for (std::size_t i = 0; i < wide.size(); ++i) {
    const auto lead = static_cast<unsigned char>(wide[i]);
    // Two bytes; an escaped character beyond these stays as it is.
    if ((lead == 0xC2 || lead == 0xC3) && i + 1 < wide.size()) {
      const auto next = static_cast<unsigned char>(wide[++i]);
      text.push_back(static_cast<char>(((lead & 0x03) << 6) | (next & 0x3F)));
    } else {
      text.push_back(wide[i]);
    }
  }
  return text;
}

}  // namespace

// Keeps its buffers from message to message.
class Wal2jsonParser::Reader {
 public:
  Result<const Wal2jsonMessage*> Parse(std::string_view payload) {
    message_ = {};
    columns_.clear();
    identity_.clear();
    narrowed_.clear();
    field_ = "message";

    ondemand::document document;
    auto error = Iterate(payload, document);
    is_wide_ = error == simdjson::UTF8_ERROR;
    if (is_wide_) error = Iterate(Widened(payload), document);
    if (error) {
      return Fail(ErrorKind::kMalformed,
                  fmt::format("the {} bytes are not JSON: {}", payload.size(),
                              simdjson::error_message(error)));
    }
    document_ = &document;
    if (auto ok = ReadMessage(document); !ok) return std::unexpected(std::move(ok.error()));
    return &message_;
  }

 private:
  using Columns = std::vector<Wal2jsonColumn>;

  simdjson::error_code Iterate(std::string_view text, ondemand::document& document) {
    // simdjson reads past the end.
    size_ = text.size();
    if (buffer_.size() < size_ + simdjson::SIMDJSON_PADDING)
      buffer_.resize(size_ + simdjson::SIMDJSON_PADDING);
    std::ranges::copy(text, buffer_.begin());
    return parser_.iterate(buffer_.data(), size_, buffer_.size()).get(document);
  }

  Result<void> ReadMessage(ondemand::document& document) {
    ondemand::object object;
    if (auto error = document.get_object().get(object)) return Broken(error);
    for (auto each : object) {
      ondemand::field field;
      std::string_view key;
      if (auto error = std::move(each).get(field)) return Broken(error);
      if (auto error = field.unescaped_key().get(key)) return Broken(error);
      if (auto ok = ReadField(key, field.value()); !ok) return ok;
      field_ = "message";
    }
    const char* place = nullptr;
    if (document.current_location().get(place) == simdjson::OUT_OF_BOUNDS) return {};
    return Malformed(place, "something follows it");
  }

  Result<void> ReadField(std::string_view key, ondemand::value value) {
    if (key == "action") return ReadOnce("action", value, message_.action);
    if (key == "xid") return ReadXid(value);
    if (key == "timestamp") return ReadTimestamp(value);
    if (key == "schema") return ReadOnce("schema", value, message_.schema);
    if (key == "table") return ReadOnce("table", value, message_.table);
    if (key == "columns") return ReadColumns("columns", value, columns_, message_.columns);
    if (key == "identity") return ReadColumns("identity", value, identity_, message_.identity);
    if (key == "transactional") return ReadTransactional(value);
    if (key == "prefix") return ReadOnce("prefix", value, message_.prefix);
    if (key == "content") return ReadOnce("content", value, message_.content);
    return {};
  }

  Result<void> ReadOnce(std::string_view name, ondemand::value value,
                        std::optional<std::string_view>& out) {
    field_ = name;
    auto read = ReadScalar(value);
    if (!read) return std::unexpected(std::move(read.error()));
    if (read->kind != Wal2jsonKind::kString) return Malformed(read->place, "not a string");
    if (out) return Malformed(read->place, "said twice");
    out = read->text;
    return {};
  }

  Result<void> ReadXid(ondemand::value value) {
    field_ = "xid";
    auto read = ReadScalar(value);
    if (!read) return std::unexpected(std::move(read.error()));
    if (message_.xid) return Malformed(read->place, "said twice");
    if (read->kind == Wal2jsonKind::kNull) return {};
    std::uint32_t xid = 0;
    if (auto ok = ToUnsigned(*read, xid); !ok) return ok;
    message_.xid = xid;
    return {};
  }

  Result<void> ReadTimestamp(ondemand::value value) {
    field_ = "timestamp";
    auto read = ReadScalar(value);
    if (!read) return std::unexpected(std::move(read.error()));
    if (message_.timestamp) return Malformed(read->place, "said twice");
    if (read->kind == Wal2jsonKind::kNull) return {};
    if (read->kind != Wal2jsonKind::kString) return Malformed(read->place, "not a string");
    message_.timestamp = read->text;
    return {};
  }

  Result<void> ReadTransactional(ondemand::value value) {
    field_ = "transactional";
    auto read = ReadScalar(value);
    if (!read) return std::unexpected(std::move(read.error()));
    if (read->kind != Wal2jsonKind::kBool) return Malformed(read->place, "not true or false");
    if (message_.transactional) return Malformed(read->place, "said twice");
    message_.transactional = read->text == "true";
    return {};
  }

  Result<void> ReadColumns(std::string_view name, ondemand::value value, Columns& columns,
                           const Columns*& out) {
    field_ = name;
    ondemand::array array;
    if (auto error = value.get_array().get(array)) return Broken(error);
    if (out) return Malformed(nullptr, "said twice");
    out = &columns;
    for (auto each : array) {
      field_ = name;
      ondemand::object object;
      if (auto error = each.get_object().get(object)) return Broken(error);
      if (auto ok = ReadColumn(object, columns.emplace_back()); !ok) {
        return Fail(fmt::format("{} {}", name, columns.size()), std::move(ok.error()));
      }
    }
    field_ = name;
    return {};
  }

  Result<void> ReadColumn(ondemand::object object, Wal2jsonColumn& column) {
    field_ = "column";
    bool has_name = false;
    bool has_type = false;
    bool has_value = false;
    for (auto each : object) {
      ondemand::field field;
      std::string_view key;
      if (auto error = std::move(each).get(field)) return Broken(error);
      if (auto error = field.unescaped_key().get(key)) return Broken(error);
      const bool is_name = key == "name";
      const bool is_type = key == "typeoid";
      const bool is_value = key == "value";
      if (!is_name && !is_type && !is_value) continue;
      field_ = is_name ? "name" : is_type ? "typeoid" : "value";
      auto read = ReadScalar(field.value());
      if (!read) return std::unexpected(std::move(read.error()));
      bool& has = is_name ? has_name : is_type ? has_type : has_value;
      if (std::exchange(has, true)) return Malformed(read->place, "said twice");
      if (is_name) {
        if (read->kind != Wal2jsonKind::kString) return Malformed(read->place, "not a string");
        column.name = read->text;
      } else if (is_type) {
        if (auto ok = ToUnsigned(*read, column.type_oid); !ok) return ok;
      } else {
        column.kind = read->kind;
        column.text = read->text;
      }
      field_ = "column";
    }
    if (has_name && has_value) return {};
    return Malformed(nullptr, "without name or value");
  }

  struct Scalar {
    Wal2jsonKind kind;
    std::string_view text;
    const char* place;
  };

  Result<Scalar> ReadScalar(ondemand::value value) {
    const std::string_view token = Trimmed(value.raw_json_token());
    const char* place = token.data();
    if (token.starts_with('"')) {
      std::string_view text;
      if (auto error = value.get_string().get(text))
        return Malformed(place, simdjson::error_message(error));
      if (is_wide_) text = narrowed_.emplace_back(Narrowed(text));
      return Scalar{Wal2jsonKind::kString, text, place};
    }
    if (token == "null") return Scalar{Wal2jsonKind::kNull, {}, place};
    if (token == "true" || token == "false") return Scalar{Wal2jsonKind::kBool, token, place};
    if (IsNumber(token)) return Scalar{Wal2jsonKind::kNumber, token, place};
    return Malformed(place, "not a string, number, true, false or null");
  }

  Result<void> ToUnsigned(const Scalar& read, std::uint32_t& out) const {
    const char* end = read.text.data() + read.text.size();
    const auto [stop, error] = std::from_chars(read.text.data(), end, out);
    if (read.kind == Wal2jsonKind::kNumber && error == std::errc() && stop == end) return {};
    return Malformed(read.place, "not an unsigned 32-bit number");
  }

  std::unexpected<model::Error> Malformed(const char* place, std::string_view what) const {
    std::size_t offset = size_;
    if (place) offset = std::min(static_cast<std::size_t>(place - buffer_.data()), size_);
    return Fail(ErrorKind::kMalformed, fmt::format("{} at byte {}: {}", field_, offset, what));
  }
  std::unexpected<model::Error> Broken(simdjson::error_code error) const {
    const char* place = nullptr;
    if (document_->current_location().get(place)) place = nullptr;  // past the end
    return Malformed(place, simdjson::error_message(error));
  }

  ondemand::parser parser_;
  ondemand::document* document_ = nullptr;  // of the Parse under way
  std::vector<char> buffer_;
  std::size_t size_ = 0;
  bool is_wide_ = false;              // the buffer holds it Widened
  std::deque<std::string> narrowed_;  // then: its strings, which stay where they are
  std::string_view field_;            // what is being read, for errors
  Wal2jsonMessage message_;
  Columns columns_;
  Columns identity_;
};

Wal2jsonParser::Wal2jsonParser() : reader_(std::make_unique<Reader>()) {}
Wal2jsonParser::~Wal2jsonParser() = default;

Result<const Wal2jsonMessage*> Wal2jsonParser::Parse(std::string_view payload) {
  return reader_->Parse(payload);
}

}  // namespace lockstep::replication
