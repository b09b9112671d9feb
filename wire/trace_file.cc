#include "wire/trace_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <msgpack.hpp>
#include <utility>

namespace lockstep::wire {
namespace {

using model::ErrorKind;
using model::Fail;

struct StringSink {
  std::string* out;
  void write(const char* bytes, std::size_t size) { out->append(bytes, size); }
};

// The one shape there is: an array of an unsigned integer and a bin.
class RecordVisitor : public msgpack::null_visitor {
 public:
  bool start_array(std::uint32_t size) {
    return std::exchange(next_, kMicros) == kArray && size == 2;
  }
  bool visit_positive_integer(std::uint64_t value) {
    micros = value;
    return std::exchange(next_, kFrame) == kMicros;
  }
  bool visit_bin(const char* bytes, std::uint32_t size) {
    frame = {bytes, size};
    return std::exchange(next_, kDone) == kFrame;
  }
  bool visit_nil() { return false; }
  bool visit_boolean(bool) { return false; }
  bool visit_negative_integer(std::int64_t) { return false; }
  bool visit_float32(float) { return false; }
  bool visit_float64(double) { return false; }
  bool visit_str(const char*, std::uint32_t) { return false; }
  bool visit_ext(const char*, std::uint32_t) { return false; }
  bool start_map(std::uint32_t) { return false; }
  void parse_error(std::size_t, std::size_t) {}
  void insufficient_bytes(std::size_t, std::size_t) {}
  bool is_done() const { return next_ == kDone; }

  std::uint64_t micros = 0;
  std::string_view frame;

 private:
  enum Next { kArray, kMicros, kFrame, kDone };
  Next next_ = kArray;
};

}  // namespace

model::Result<TraceWriter> TraceWriter::Open(const std::string& path) {
  // It holds rows, and is nobody else's to have made as a link.
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd >= 0) close(fd);
  std::ofstream file;
  if (fd >= 0) file.open(path, std::ios::binary | std::ios::trunc);
  if (fd < 0 || !file) {
    return Fail(ErrorKind::kEnvironment,
                fmt::format("cannot write the trace {}: {}", path, std::strerror(errno)));
  }
  return TraceWriter(path, std::move(file));
}

model::Result<void> TraceWriter::Write(std::string_view frame) {
  const auto elapsed = std::chrono::steady_clock::now() - begin_;
  record_.clear();
  StringSink sink{&record_};
  msgpack::packer<StringSink> packer(sink);
  packer.pack_array(2);
  packer.pack_uint64(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count()));
  packer.pack_bin(static_cast<std::uint32_t>(frame.size()));
  packer.pack_bin_body(frame.data(), static_cast<std::uint32_t>(frame.size()));
  file_.write(record_.data(), static_cast<std::streamsize>(record_.size()));
  if (!file_)
    return Fail(ErrorKind::kEnvironment, fmt::format("cannot write on to the trace {}", path_));
  return {};
}

model::Result<void> ReadTrace(
    std::string_view trace,
    const std::function<model::Result<void>(std::uint64_t micros, std::string_view frame)>&
        consume) {
  std::size_t offset = 0;
  while (offset < trace.size()) {
    const std::size_t begin = offset;
    RecordVisitor record;
    if (!msgpack::parse(trace.data(), trace.size(), offset, record) || !record.is_done()) {
      return Fail(
          ErrorKind::kMalformed,
          fmt::format("trace of {} bytes: no whole record at byte {}", trace.size(), begin));
    }
    if (auto ok = consume(record.micros, record.frame); !ok) return ok;
  }
  return {};
}

}  // namespace lockstep::wire
