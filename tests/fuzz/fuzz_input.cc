#include "tests/fuzz/fuzz_input.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace lockstep::fuzz {

std::optional<std::vector<char>> FuzzInput::NextMessage() {
  if (left_ < 2) return std::nullopt;
  const std::size_t size = std::min<std::size_t>(data_[0] << 8 | data_[1], left_ - 2);
  std::vector<char> message(data_ + 2, data_ + 2 + size);
  data_ += 2 + size;
  left_ -= 2 + size;
  return message;
}

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

}  // namespace lockstep::fuzz
