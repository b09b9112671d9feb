#include "model/shared_bytes.h"

#include <cassert>
#include <cstring>
#include <limits>
#include <new>

namespace lockstep::model {

SharedBytes::SharedBytes(std::string_view bytes)
    : block_(bytes.empty() ? nullptr : Block::Make(bytes)) {}

SharedBytes::~SharedBytes() = default;

const SharedBytes::Block* SharedBytes::Block::Make(std::string_view bytes) {
  assert(bytes.size() <= std::numeric_limits<std::uint32_t>::max());
  void* memory = ::operator new(sizeof(Block) + bytes.size());
  std::memcpy(static_cast<char*>(memory) + sizeof(Block), bytes.data(), bytes.size());
  return new (memory) Block(static_cast<std::uint32_t>(bytes.size()));
}

void SharedBytes::Block::Free(const Block* block) noexcept {
  block->~Block();
  ::operator delete(const_cast<Block*>(block));
}

}  // namespace lockstep::model
