#include "launcher/run_directory.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace lockstep::launcher {
namespace {

using model::ErrorKind;
using model::Fail;
using model::Result;
namespace fs = std::filesystem;

Result<void> PrepareKeep(const std::string& keep) {
  std::error_code error;
  for (const char* part : {"logs", "cluster", "trace"}) {
    if (!fs::exists(fs::path(keep) / part, error)) continue;
    return Fail(
        ErrorKind::kUsage,
        fmt::format("--keep: {} holds an earlier run; name a new or empty directory", keep));
  }
  for (const char* part : {"logs", "trace"}) {
    fs::create_directories(fs::path(keep) / part, error);
    if (!error) continue;
    return Fail(ErrorKind::kUsage,
                fmt::format("--keep: cannot make {}/{}: {}", keep, part, error.message()));
  }
  return {};
}

}  // namespace

Result<RunDirectory> RunDirectory::Make(const std::string& keep) {
  if (!keep.empty()) {
    if (Result<void> done = PrepareKeep(keep); !done) return std::unexpected(done.error());
  }
  std::string path = "/tmp/lockstep-XXXXXX";
  std::error_code error;
  if (mkdtemp(path.data()) == nullptr || (fs::create_directory(path + "/logs", error), error)) {
    return Fail(ErrorKind::kEnvironment,
                fmt::format("cannot make a directory under /tmp: {}", std::strerror(errno)));
  }
  return RunDirectory(std::move(path), keep);
}

RunDirectory::RunDirectory(std::string path, std::string keep)
    : path_(std::move(path)), keep_(std::move(keep)), keeps_logs_(!keep_.empty()) {}

RunDirectory::RunDirectory(RunDirectory&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      keep_(std::move(other.keep_)),
      keeps_logs_(other.keeps_logs_) {}

RunDirectory::~RunDirectory() {
  if (path_.empty()) return;
  std::error_code ignored;
  if (!keeps_logs_ || !keep_.empty()) {
    fs::remove_all(path_, ignored);
    return;
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(path_, ignored)) {
    if (!entry.is_directory(ignored)) fs::remove(entry.path(), ignored);
  }
}

std::string RunDirectory::LogPath(const std::string& process) const {
  return fmt::format("{}/logs/{}.log", keep_.empty() ? path_ : keep_, process);
}

std::string RunDirectory::ClusterPath() const {
  return keep_.empty() ? std::string() : keep_ + "/cluster";
}

std::string RunDirectory::TraceDirectory() const {
  return keep_.empty() ? std::string() : keep_ + "/trace";
}

std::string RunDirectory::KeptLogs() const {
  if (!keeps_logs_) return {};
  return (keep_.empty() ? path_ : keep_) + "/logs";
}

}  // namespace lockstep::launcher
