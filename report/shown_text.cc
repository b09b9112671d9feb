#include "report/shown_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iterator>

namespace lockstep::report {
namespace {

unsigned char ByteAt(std::string_view text, std::size_t i) {
  return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
}

// The bytes of the character that the text begins with; 0: none of UTF-8. RFC 3629: no surrogates,
// nothing in more bytes than it needs.
std::size_t CharacterSize(std::string_view text) {
  const unsigned char lead = ByteAt(text, 0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const std::size_t size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  const unsigned char least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (ByteAt(text, 1) < least || ByteAt(text, 1) > most) return 0;
  for (std::size_t i = 2; i < size; ++i) {
    if ((ByteAt(text, i) & 0xC0) != 0x80) return 0;
  }
  return size;
}

// C1 controls; line and paragraph separators; marks, embeddings, overrides and isolates of
// direction.
bool IsUnseen(std::string_view character) {
  const unsigned char last = ByteAt(character, character.size() - 1);
  if (character.size() == 1) return last < 0x20 || last == 0x7f;
  if (character.size() == 2)
    return (character[0] == '\xc2' && last < 0xa0) || character == "\xd8\x9c";
  return (character.starts_with("\xe2\x80") &&
          (last == 0x8e || last == 0x8f || (last >= 0xa8 && last <= 0xae))) ||
         (character.starts_with("\xe2\x81") && last >= 0xa6 && last <= 0xa9);
}

std::string Show(std::string_view text, bool escape_controls) {
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const unsigned char lead = ByteAt(text, 0);
    std::size_t size = CharacterSize(text);
    if (size == 0) {
      fmt::format_to(std::back_inserter(shown), "\\x{:02x}", lead);
      size = 1;
    } else if (escape_controls && IsUnseen(text.substr(0, size))) {
      for (std::size_t i = 0; i < size; ++i)
        fmt::format_to(std::back_inserter(shown), "\\x{:02x}", ByteAt(text, i));
    } else {
      shown += text.substr(0, size);
    }
    text.remove_prefix(size);
  }
  return shown;
}

}  // namespace

std::string Utf8(std::string_view text) { return Show(text, false); }
std::string OneLine(std::string_view text) { return Show(text, true); }

std::string Paragraph(std::string_view text) {
  std::string shown;
  while (true) {
    const std::size_t end = text.find('\n');
    shown += OneLine(text.substr(0, end));
    if (end == text.npos || end + 1 == text.size()) return shown;
    text.remove_prefix(end + 1);
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    shown += "\n  ";
  }
}

}  // namespace lockstep::report
