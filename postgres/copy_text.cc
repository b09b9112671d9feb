#include "postgres/copy_text.h"

#include <fmt/format.h>

namespace lockstep::postgres {
namespace {

using model::ErrorKind;
using model::Fail;
using model::Result;

// The byte that an escape stands for; 0 when there is no such escape.
char Unescape(char letter) {
  switch (letter) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'v':
      return '\v';
    case '\\':
      return '\\';
    default:
      return 0;
  }
}

bool IsAlwaysEscaped(char c) { return c == '\0' || (c >= '\b' && c <= '\r'); }

std::unexpected<model::Error> Malformed(std::size_t offset, std::string_view what) {
  return Fail(ErrorKind::kMalformed, fmt::format("COPY row, offset {}: {}", offset, what));
}

}  // namespace

Result<std::span<const std::optional<std::string_view>>> CopyTextParser::Parse(
    std::string_view row) {
  fields_.clear();
  unescaped_.clear();
  unescaped_.reserve(row.size());  // unescaping only shrinks: the views below stay valid
  if (row.empty() || row.back() != '\n')
    return Malformed(row.size(), "cut off before the line feed");
  std::string_view body = row.substr(0, row.size() - 1);
  if (columns_ == 0) {
    if (!body.empty()) return Malformed(0, "a row of a table without columns is not empty");
    return fields_;
  }
  std::size_t at = 0;
  while (true) {
    if (fields_.size() == columns_) {
      return Malformed(at, fmt::format("more than {} fields", columns_));
    }
    std::size_t start = at;
    while (at < body.size() && !IsAlwaysEscaped(body[at]) && body[at] != '\\') ++at;
    if (at == body.size() || body[at] == '\t') {
      fields_.emplace_back(body.substr(start, at - start));
    } else if (body.substr(start, 2) == "\\N" &&
               (start + 2 == body.size() || body[start + 2] == '\t')) {
      fields_.emplace_back(std::nullopt);
      at = start + 2;
    } else {
      std::size_t from = unescaped_.size();
      unescaped_ += body.substr(start, at - start);
      for (; at < body.size() && body[at] != '\t'; ++at) {
        char c = body[at];
        if (IsAlwaysEscaped(c)) return Malformed(at, "a control character that is not escaped");
        if (c == '\\') {
          ++at;
          c = at < body.size() ? Unescape(body[at]) : '\0';
          if (c == '\0') return Malformed(at, "an escape that the server does not write");
        }
        unescaped_ += c;
      }
      fields_.emplace_back(std::string_view(unescaped_).substr(from));
    }
    if (at == body.size()) break;
    ++at;  // the tab
  }
  if (fields_.size() != columns_) {
    return Malformed(row.size(), fmt::format("{} fields, expected {}", fields_.size(), columns_));
  }
  return fields_;
}

}  // namespace lockstep::postgres
