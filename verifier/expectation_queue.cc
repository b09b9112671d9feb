#include "verifier/expectation_queue.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <utility>

namespace lockstep::verifier {
namespace {

using model::Digest;

// Large enough for the disk, small beside the memory of all queues.
constexpr std::size_t kBlockBytes = std::size_t{64} << 10;

struct BlockHeader {
  std::uint32_t bytes = 0;
  std::uint32_t count = 0;
};

template <typename T>
void Put(std::string& to, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <typename T>
void Put(std::string& to, const std::vector<T>& values) {
  Put(to, static_cast<std::uint32_t>(values.size()));
  for (const T& value : values) Put(to, value);
}

class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : bytes_(bytes) {}

  template <typename T>
  void Get(T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (bytes_.size() < sizeof value) {
      is_short_ = true;
      return;
    }
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_.remove_prefix(sizeof value);
  }
  template <typename T>
  void Get(std::vector<T>& values) {
    std::uint32_t count = 0;
    Get(count);
    if (count > bytes_.size() / sizeof(T)) is_short_ = true;
    if (is_short_) return;
    values.resize(count);
    for (T& value : values) Get(value);
  }
  bool is_short() const { return is_short_; }

 private:
  std::string_view bytes_;
  bool is_short_ = false;
};

std::size_t MemoryOf(const Expected& expected) {
  return sizeof expected + expected.view.watched.size() * sizeof(Digest) +
         (expected.truncated.size() + expected.touched.size()) * sizeof(std::uint32_t);
}

std::string Directory() {
  const char* directory = std::getenv("TMPDIR");
  return directory != nullptr && *directory != '\0' ? directory : "/tmp";
}

// -1 with errno set, or a file without a name.
int OpenTemporary() {
  std::string path = Directory() + "/lockstep-verifier.XXXXXX";
  const int file = mkstemp(path.data());
  if (file >= 0) unlink(path.c_str());
  return file;
}

// 0, or what errno says.
int WriteAll(int file, std::string_view bytes, off_t at) {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(file, bytes.data(), bytes.size(), at);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return written < 0 ? errno : EIO;
    bytes.remove_prefix(static_cast<std::size_t>(written));
    at += written;
  }
  return 0;
}

int ReadAll(int file, char* to, std::size_t bytes, off_t at) {
  while (bytes > 0) {
    const ssize_t read = pread(file, to, bytes, at);
    if (read < 0 && errno == EINTR) continue;
    if (read <= 0) return read < 0 ? errno : EIO;
    to += read;
    bytes -= static_cast<std::size_t>(read);
    at += read;
  }
  return 0;
}

}  // namespace

ExpectationQueue::~ExpectationQueue() {
  budget_->bytes -= head_bytes_;
  if (file_ >= 0) close(file_);
}

void ExpectationQueue::Push(Expected expected) {
  if (error_) return;
  ++size_;
  const std::size_t bytes = MemoryOf(expected);
  const bool is_in_memory = file_bytes() == 0 && tail_count_ == 0;
  if (is_in_memory && (head_.empty() || budget_->bytes + bytes <= budget_->bytes_max)) {
    head_bytes_ += bytes;
    budget_->bytes += bytes;
    head_.push_back(std::move(expected));
    return;
  }
  Put(tail_, expected.id);
  Put(tail_, expected.xid);
  Put(tail_, expected.end_lsn);
  Put(tail_, expected.view.state);
  Put(tail_, expected.view.changes);
  Put(tail_, expected.view.projected);
  Put(tail_, expected.view.watched);
  Put(tail_, expected.truncated);
  Put(tail_, expected.touched);
  ++tail_count_;
  if (tail_.size() >= kBlockBytes) WriteTail();
}

void ExpectationQueue::Pop() {
  const std::size_t bytes = MemoryOf(head_.front());
  head_bytes_ -= bytes;
  budget_->bytes -= bytes;
  head_.pop_front();
  --size_;
  if (!head_.empty()) return;
  if (file_bytes() > 0) {
    ReadBlock();
  } else if (tail_count_ > 0) {
    Decode(std::exchange(tail_, {}), std::exchange(tail_count_, 0));
  }
}

void ExpectationQueue::WriteTail() {
  if (file_ < 0) file_ = OpenTemporary();
  if (file_ < 0) return SetError("make a file", errno);
  std::string block;
  Put(block, BlockHeader{static_cast<std::uint32_t>(tail_.size()), tail_count_});
  block += tail_;
  if (const int code = WriteAll(file_, block, written_)) return SetError("write to a file", code);
  written_ += static_cast<off_t>(block.size());
  tail_.clear();
  tail_count_ = 0;
}

void ExpectationQueue::ReadBlock() {
  BlockHeader header;
  std::string block;
  int code = ReadAll(file_, reinterpret_cast<char*>(&header), sizeof header, read_);
  if (code == 0) {
    block.resize(header.bytes);
    code = ReadAll(file_, block.data(), block.size(), read_ + off_t{sizeof header});
  }
  if (code != 0) return SetError("read from a file", code);
  read_ += static_cast<off_t>(sizeof header + block.size());
  if (read_ == written_ && ftruncate(file_, 0) == 0) read_ = written_ = 0;
  Decode(block, header.count);
}

void ExpectationQueue::Decode(std::string_view entries, std::uint32_t count) {
  Cursor cursor(entries);
  for (std::uint32_t n = 0; n < count; ++n) {
    Expected expected;
    cursor.Get(expected.id);
    cursor.Get(expected.xid);
    cursor.Get(expected.end_lsn);
    cursor.Get(expected.view.state);
    cursor.Get(expected.view.changes);
    cursor.Get(expected.view.projected);
    cursor.Get(expected.view.watched);
    cursor.Get(expected.truncated);
    cursor.Get(expected.touched);
    if (cursor.is_short()) return SetError("read back a file", EIO);
    const std::size_t bytes = MemoryOf(expected);
    head_bytes_ += bytes;
    budget_->bytes += bytes;
    head_.push_back(std::move(expected));
  }
}

void ExpectationQueue::SetError(const char* what, int code) {
  error_ = model::Error{
      model::ErrorKind::kEnvironment,
      fmt::format("verifier: {} commits wait for a listener that lags, and it cannot {} in {} to "
                  "keep them: {}; make room there, or name another directory in TMPDIR",
                  size_, what, Directory(), std::strerror(code))};
}

}  // namespace lockstep::verifier
