#include "generator/random.h"

#include <bit>

namespace lockstep::generator {
namespace {

std::uint64_t SplitMix64(std::uint64_t& state) {
  state += 0x9E3779B97F4A7C15u;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

std::uint64_t Fnv1a(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325u;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return hash;
}

}  // namespace

Random::Random(std::uint64_t seed) : seed_(seed) {
  for (std::uint64_t& word : state_) word = SplitMix64(seed);
}

Random Random::Stream(std::string_view name, std::uint64_t number) const {
  std::uint64_t mixed = seed_;
  mixed = SplitMix64(mixed) ^ Fnv1a(name);
  mixed = SplitMix64(mixed) ^ number;
  return Random(SplitMix64(mixed));
}

std::uint64_t Random::Next() {
  std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

// Lemire, "Fast random integer generation in an interval" (2019): the high half of a product,
// biased draws rejected.
std::uint64_t Random::Below(std::uint64_t bound) {
  assert(bound > 0);
  using Wide = unsigned __int128;
  Wide product = static_cast<Wide>(Next()) * bound;
  if (static_cast<std::uint64_t>(product) < bound) {
    std::uint64_t threshold = (0 - bound) % bound;
    while (static_cast<std::uint64_t>(product) < threshold) {
      product = static_cast<Wide>(Next()) * bound;
    }
  }
  return static_cast<std::uint64_t>(product >> 64);
}

std::int64_t Random::Between(std::int64_t low, std::int64_t high) {
  assert(low <= high);
  std::uint64_t span = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  std::uint64_t offset = span == UINT64_MAX ? Next() : Below(span + 1);
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + offset);
}

std::size_t Random::PickWeighted(std::span<const std::uint32_t> weights) {
  std::uint64_t sum = 0;
  for (std::uint32_t weight : weights) sum += weight;
  std::uint64_t draw = Below(sum);
  std::size_t index = 0;
  while (draw >= weights[index]) draw -= weights[index++];
  return index;
}

}  // namespace lockstep::generator
