// What every fuzz target needs: its entry, the input taken apart, and a check that holds in every
// build.
//
//   input = message*
//   message = length:u16 (big endian) bytes[length]; the last one may be cut off
#ifndef LOCKSTEP_TESTS_FUZZ_FUZZ_INPUT_H_
#define LOCKSTEP_TESTS_FUZZ_FUZZ_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

// Defined by each target; libFuzzer or replay_main.cc calls it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace lockstep::fuzz {

class FuzzInput {
 public:
  FuzzInput(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}

  // Copied into a buffer of exactly its size, so that asan sees a read past it.
  std::optional<std::vector<char>> NextMessage();

 private:
  const std::uint8_t* data_;
  std::size_t left_;
};

// Says `what` and aborts unless `holds`.
void Require(bool holds, const char* what);

}  // namespace lockstep::fuzz

#endif  // LOCKSTEP_TESTS_FUZZ_FUZZ_INPUT_H_
