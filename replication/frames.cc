#include "replication/frames.h"

#include <fmt/format.h>

#include <cstddef>

namespace lockstep::replication {
namespace {

using model::ErrorKind;
using model::Fail;
using model::Lsn;

constexpr std::size_t kXLogDataHeader = 1 + 8 + 8 + 8;
constexpr std::size_t kKeepaliveSize = 1 + 8 + 8 + 1;

std::uint64_t ReadU64(std::string_view bytes, std::size_t offset) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    value = value << 8 | static_cast<unsigned char>(bytes[offset + i]);
  }
  return value;
}

void AppendU64(std::uint64_t value, std::string& out) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

}  // namespace

model::Result<Frame> ParseFrame(std::string_view bytes) {
  if (bytes.empty()) return Fail(ErrorKind::kMalformed, "empty replication frame");
  if (bytes[0] == 'w') {
    if (bytes.size() < kXLogDataHeader) {
      return Fail(ErrorKind::kMalformed,
                  fmt::format("XLogData frame of {} bytes, its header has {}", bytes.size(),
                              kXLogDataHeader));
    }
    return XLogData{Lsn{ReadU64(bytes, 1)}, Lsn{ReadU64(bytes, 9)}, bytes.substr(kXLogDataHeader)};
  }
  if (bytes[0] == 'k') {
    if (bytes.size() != kKeepaliveSize) {
      return Fail(ErrorKind::kMalformed, fmt::format("keepalive frame of {} bytes, expected {}",
                                                     bytes.size(), kKeepaliveSize));
    }
    return PrimaryKeepalive{Lsn{ReadU64(bytes, 1)}, bytes[17] != 0};
  }
  return Fail(ErrorKind::kMalformed,
              fmt::format("unknown replication frame 0x{:02x} of {} bytes",
                          static_cast<unsigned char>(bytes[0]), bytes.size()));
}

std::string EncodeStatusUpdate(const StandbyStatusUpdate& update, std::int64_t sent_micros) {
  std::string out = "r";
  AppendU64(update.write.value, out);
  AppendU64(update.flush.value, out);
  AppendU64(update.apply.value, out);
  AppendU64(static_cast<std::uint64_t>(sent_micros), out);
  out.push_back(update.reply_requested ? 1 : 0);
  return out;
}

}  // namespace lockstep::replication
