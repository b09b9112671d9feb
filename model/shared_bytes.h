// Immutable bytes in one allocation, shared by their copies: a pointer wide, so that hash maps of
// them stay small, and freed with the last copy. Copies may be used by different threads.
#ifndef LOCKSTEP_MODEL_SHARED_BYTES_H_
#define LOCKSTEP_MODEL_SHARED_BYTES_H_

#include <atomic>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lockstep::model {

class SharedBytes {
 public:
  // Empty, without an allocation.
  SharedBytes() = default;
  // A copy of `bytes`, which must be less than 4 GiB.
  explicit SharedBytes(std::string_view bytes);
  SharedBytes(const SharedBytes&) = default;
  SharedBytes(SharedBytes&&) = default;
  SharedBytes& operator=(const SharedBytes&) = default;
  SharedBytes& operator=(SharedBytes&&) = default;
  // Not inline: in the swap of a variant GCC 12 takes it for one of uninitialized bytes.
  ~SharedBytes();

  std::string_view view() const { return block_ ? block_->view() : std::string_view(); }

  friend bool operator==(const SharedBytes& a, const SharedBytes& b) {
    return a.block_ == b.block_ || a.view() == b.view();
  }
  friend auto operator<=>(const SharedBytes& a, const SharedBytes& b) {
    return a.view() <=> b.view();
  }

 private:
  // The bytes follow it.
  class Block {
   public:
    static const Block* Make(std::string_view bytes);
    std::string_view view() const { return {reinterpret_cast<const char*>(this + 1), size_}; }

    friend void intrusive_ptr_add_ref(const Block* block) noexcept {
      block->copies_.fetch_add(1, std::memory_order_relaxed);
    }
    friend void intrusive_ptr_release(const Block* block) noexcept {
      if (block->copies_.fetch_sub(1, std::memory_order_acq_rel) == 1) Free(block);
    }

   private:
    explicit Block(std::uint32_t size) : size_(size) {}
    static void Free(const Block* block) noexcept;

    mutable std::atomic<std::uint32_t> copies_ = 0;
    std::uint32_t size_;
  };

  boost::intrusive_ptr<const Block> block_;  // null: empty
};

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_SHARED_BYTES_H_
