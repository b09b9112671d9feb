#include "listener/identity.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>

namespace lockstep::listener {
namespace {

// 63 less "lockstep_" and eight digits and "_", which come before it in the slot's name, and
// "listener-".
constexpr std::size_t kHostBytesMax = 36;
constexpr std::size_t kHashBytes = 9;  // "-" and eight digits

// FNV-1a, 32 bits.
std::uint32_t Hash(std::string_view text) {
  std::uint32_t hash = 2'166'136'261;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 16'777'619;
  }
  return hash;
}

}  // namespace

std::string IdOfHost(std::string_view host) {
  if (host.size() <= kHostBytesMax) return fmt::format("listener-{}", host);
  return fmt::format("listener-{}-{:08x}", host.substr(0, kHostBytesMax - kHashBytes), Hash(host));
}

std::string IdOfThisHost() {
  char name[256] = {};  // longer than any host name; the last byte stays 0
  if (gethostname(name, sizeof(name) - 1) != 0) return IdOfHost("unknown");
  return IdOfHost(name);
}

}  // namespace lockstep::listener
