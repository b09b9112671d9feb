#include "report/text_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "report/shown_text.h"

namespace lockstep::report {
namespace {

// Of a value: enough to see what differs, short enough for three on a line.
constexpr std::size_t kValueBytes = 36;

// Characters of UTF-8, not bytes.
std::size_t Width(const std::string& text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

std::string TextTable(const TextRows& rows, const std::string& alignment,
                      const std::string& indent) {
  std::vector<std::size_t> widths(alignment.size(), 0);
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line = indent;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) line += "  ";
      const std::string padding(widths[i] - Width(row[i]), ' ');
      line += alignment[i] == 'r' ? padding + row[i] : row[i] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string ShownValue(const std::optional<std::string>& value) {
  if (!value) return "null";
  const std::string text = OneLine(*value);
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
