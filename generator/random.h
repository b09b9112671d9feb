// Random numbers that are the same on every machine and with every standard library.
//
// The generator is xoshiro256** (Blackman, Vigna 2018), seeded through splitmix64. Bounded numbers,
// chances and picks are our own, because std::*_distribution may differ from one library to the
// next. A stream is derived from the seed by name and number, never from the state: a use that is
// added to one stream shifts nothing in the others.
//
// Draw once per statement: GCC and clang differ in the order in which they evaluate the arguments
// of a call. The golden hash in workload_test.cc must hold for both.
#ifndef LOCKSTEP_GENERATOR_RANDOM_H_
#define LOCKSTEP_GENERATOR_RANDOM_H_

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace lockstep::generator {

class Random {
 public:
  explicit Random(std::uint64_t seed);

  // The stream of this name and number under this generator's seed, whatever has been drawn so far.
  Random Stream(std::string_view name, std::uint64_t number = 0) const;

  std::uint64_t Next();
  // 0 <= result < bound, each equally likely. `bound` is not 0.
  std::uint64_t Below(std::uint64_t bound);
  // low <= result <= high.
  std::int64_t Between(std::int64_t low, std::int64_t high);
  bool OneIn(std::uint32_t n) { return Below(n) == 0; }
  bool Percent(std::uint32_t percent) { return Below(100) < percent; }

  // An index below `size`, which is not 0.
  std::size_t Index(std::size_t size) { return static_cast<std::size_t>(Below(size)); }
  template <typename Range>
  const auto& Pick(const Range& range) {
    assert(std::size(range) > 0);
    return range[Index(std::size(range))];
  }
  // An index of `weights`, as likely as its share of the sum, which is not 0.
  std::size_t PickWeighted(std::span<const std::uint32_t> weights);
  template <typename T>
  void Shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[Index(i)]);
  }

 private:
  std::uint64_t seed_;
  std::array<std::uint64_t, 4> state_;
};

}  // namespace lockstep::generator

#endif  // LOCKSTEP_GENERATOR_RANDOM_H_
