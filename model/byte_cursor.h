// Bounded reading of big-endian bytes from outside, as Postgres sends them.
//
// The first read that fails stays: every later one gives zero or nothing, so that a reader may take
// a whole message and ask once. Nothing is ever read past the end.
#ifndef LOCKSTEP_MODEL_BYTE_CURSOR_H_
#define LOCKSTEP_MODEL_BYTE_CURSOR_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "model/error.h"

namespace lockstep::model {

class ByteCursor {
 public:
  explicit ByteCursor(std::string_view bytes) : rest_(bytes), size_(bytes.size()) {}

  // `field` names what is read, for messages, and must be a literal.
  template <typename T>
  T Integer(const char* field) {
    static_assert(std::is_integral_v<T>);
    if (rest_.size() < sizeof(T)) {
      CutOff(field);
      return 0;
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
      value = value << 8 | static_cast<unsigned char>(rest_[i]);
    rest_.remove_prefix(sizeof(T));
    return static_cast<T>(value);
  }
  double Float8(const char* field) { return std::bit_cast<double>(Integer<std::uint64_t>(field)); }
  float Float4(const char* field) { return std::bit_cast<float>(Integer<std::uint32_t>(field)); }
  std::string_view Bytes(std::size_t size, const char* field) {
    if (rest_.size() < size) {
      CutOff(field);
      return {};
    }
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }
  // Up to a zero byte, which is taken as well.
  std::string_view CString(const char* field) {
    const std::size_t end = rest_.find('\0');
    if (end == std::string_view::npos) {
      CutOff(field);
      return {};
    }
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return text;
  }
  std::string_view Rest() { return Bytes(rest_.size(), ""); }

  // From the start to what is read next; after a failure to what could not be read.
  std::size_t offset() const { return ok() ? size_ - rest_.size() : failed_at_; }
  std::size_t left() const { return rest_.size(); }
  bool ok() const { return failure_.empty(); }

  // What was read does not follow the format: `field` at `offset` is wrong, `why`.
  void Refuse(const char* field, std::size_t offset, std::string_view why) {
    if (!ok()) return;
    failed_at_ = offset;
    failure_ = std::string(field) + " at byte " + std::to_string(offset) + ": " + std::string(why);
    rest_ = {};
  }
  // kMalformed when a read failed or bytes are left over.
  Result<void> Finish() {
    if (!rest_.empty()) {
      Refuse("the end", size_ - rest_.size(),
             std::to_string(rest_.size()) + " bytes more than expected");
    }
    if (!ok()) return Fail(ErrorKind::kMalformed, failure_);
    return {};
  }

 private:
  void CutOff(const char* field) { Refuse(field, size_ - rest_.size(), "cut off"); }

  std::string_view rest_;
  std::size_t size_;
  std::size_t failed_at_ = 0;
  std::string failure_;
};

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_BYTE_CURSOR_H_
