#include "listener/identity.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace lockstep::listener {
namespace {

constexpr std::string_view kPrefix = "listener-";
// 63 less "lockstep_" and eight digits and "_", which come before it in the slot's name.
constexpr std::size_t kIdBytesMax = 45;
constexpr std::size_t kHostBytesMax = kIdBytesMax - kPrefix.size();
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

std::string InSlotName(std::string_view text) {
  std::string name(text);
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') {
      c = static_cast<char>(c - 'A' + 'a');
    } else if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) {
      c = '_';
    }
  }
  return name;
}

}  // namespace

std::string IdOfHost(std::string_view host) {
  if (host.size() <= kHostBytesMax) return fmt::format("{}{}", kPrefix, host);
  return fmt::format("{}{}-{:08x}", kPrefix, host.substr(0, kHostBytesMax - kHashBytes),
                     Hash(host));
}

std::string SlotName(std::string_view schema, std::string_view id) {
  std::string name = InSlotName(id);
  const std::string prefix = InSlotName(kPrefix);
  // The "-" of the prefix is ours; who has "_" there is somebody else.
  const bool is_as_it_was = id.starts_with(kPrefix)
                                ? name.substr(prefix.size()) == id.substr(prefix.size())
                                : name == id && !id.starts_with(prefix);
  if (!is_as_it_was || name.size() > kIdBytesMax)
    name = fmt::format("{}_{:08x}", name.substr(0, kIdBytesMax - kHashBytes), Hash(id));
  return fmt::format("{}_{}", InSlotName(schema), name);
}

std::string IdOfThisHost() {
  char name[256] = {};  // longer than any host name; the last byte stays 0
  if (gethostname(name, sizeof(name) - 1) != 0) return IdOfHost("unknown");
  return IdOfHost(name);
}

}  // namespace lockstep::listener
