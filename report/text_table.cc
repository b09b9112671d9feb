#include "report/text_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

namespace lockstep::report {
namespace {

// Of a value: enough to see what differs, short enough for three on a line.
constexpr std::size_t kValueBytes = 36;

}  // namespace

std::string TextTable(const TextRows& rows, const std::string& alignment,
                      const std::string& indent) {
  std::vector<std::size_t> widths(alignment.size(), 0);
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line = indent;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) line += "  ";
      line += alignment[i] == 'r' ? fmt::format("{:>{}}", row[i], widths[i])
                                  : row[i] + std::string(widths[i] - row[i].size(), ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string ShownValue(const std::optional<std::string>& value) {
  if (!value) return "null";
  std::string text;
  for (const char c : *value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      text += fmt::format("\\x{:02x}", byte);
    } else {
      text += c;
    }
  }
  if (text.size() <= kValueBytes) return "'" + text + "'";
  // Not inside a character of several bytes.
  const auto is_inside = [&](std::size_t i) { return (text[i] & 0xC0) == 0x80; };
  std::size_t head = kValueBytes / 2;
  std::size_t tail = text.size() - kValueBytes / 2;
  while (head > 0 && is_inside(head)) --head;
  while (tail < text.size() && is_inside(tail)) ++tail;
  return fmt::format("'{}'...'{}' ({} bytes)", text.substr(0, head), text.substr(tail),
                     value->size());
}

}  // namespace lockstep::report
