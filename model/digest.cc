#include "model/digest.h"

#include <fmt/format.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <charconv>

#include "model/row.h"

namespace lockstep::model {
namespace {

// Keys the hash, so that no row in a database collides by being made for plain XXH3. Part of the
// format: every process must use the same.
constexpr std::uint64_t kSeed = 0x4C6F636B73746570;  // "Lockstep"

bool ParseHex(std::string_view text, std::uint64_t& value) {
  auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc() && stop == text.data() + text.size();
}

}  // namespace

Digest& Digest::operator+=(Digest other) {
  low += other.low;
  high += other.high + (low < other.low ? 1 : 0);
  return *this;
}

Digest& Digest::operator-=(Digest other) {
  high -= other.high + (low < other.low ? 1 : 0);
  low -= other.low;
  return *this;
}

std::string ToString(Digest digest) {
  return fmt::format("{:016x}{:016x}", digest.high, digest.low);
}

Result<Digest> ParseDigest(std::string_view text) {
  Digest digest;
  if (text.size() != 32 || !ParseHex(text.substr(0, 16), digest.high) ||
      !ParseHex(text.substr(16), digest.low)) {
    return Fail(ErrorKind::kMalformed,
                fmt::format("\"{}\" is not a digest: expected 32 hex digits", text));
  }
  return digest;
}

Digest HashBytes(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), kSeed);
  return {hash.high64, hash.low64};
}

void TableDigest::Add(std::string_view row_bytes) {
  ++rows;
  sum += HashBytes(row_bytes);
}

void TableDigest::Remove(std::string_view row_bytes) {
  --rows;
  sum -= HashBytes(row_bytes);
}

Digest HashTable(std::string_view table_name, const TableDigest& table) {
  std::string bytes;
  AppendVarint(table_name.size(), bytes);
  bytes += table_name;
  for (std::uint64_t number : {table.rows, table.sum.high, table.sum.low}) {
    for (int shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<char>(number >> shift));
  }
  return HashBytes(bytes);
}

}  // namespace lockstep::model
