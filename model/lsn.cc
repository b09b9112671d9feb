#include "model/lsn.h"

#include <fmt/format.h>

#include <charconv>

namespace lockstep::model {
namespace {

// One half of an LSN: one to eight hex digits and nothing else.
bool ParseHalf(std::string_view text, std::uint32_t& half) {
  if (text.empty() || text.size() > 8) return false;
  const char* end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, half, 16);
  return error == std::errc() && stop == end;
}

}  // namespace

std::string ToString(Lsn lsn) {
  return fmt::format("{:X}/{:X}", lsn.value >> 32, lsn.value & 0xFFFFFFFFu);
}

Result<Lsn> ParseLsn(std::string_view text) {
  std::uint32_t high = 0;
  std::uint32_t low = 0;
  auto slash = text.find('/');
  if (slash == std::string_view::npos || !ParseHalf(text.substr(0, slash), high) ||
      !ParseHalf(text.substr(slash + 1), low)) {
    return Fail(
        ErrorKind::kMalformed,
        fmt::format("\"{}\" is not an LSN: expected two hex numbers such as 16/B374D848", text));
  }
  return Lsn{(std::uint64_t{high} << 32) | low};
}

}  // namespace lockstep::model
