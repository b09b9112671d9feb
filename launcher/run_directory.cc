#include "launcher/run_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

namespace lockstep::launcher {
namespace {

// Somebody else's directory, or one where others may write: they could put links in our way.
bool IsOurs(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
         (status.st_uid == geteuid() || status.st_uid == 0) &&
         (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

using model::ErrorKind;
using model::Fail;
using model::Result;
namespace fs = std::filesystem;

constexpr std::string_view kParent = "/tmp";
constexpr std::string_view kStart = "lockstep-";
constexpr const char* kLock = "lock";

// The lock of a directory of this user's, without following a link; -1: it has none.
int OpenLock(const std::string& directory) {
  const int parent = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (parent < 0) return -1;
  struct stat status {};
  int lock = -1;
  if (fstat(parent, &status) == 0 && status.st_uid == geteuid())
    lock = openat(parent, kLock, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  close(parent);
  return lock;
}

// It gets its name when it is held: nobody finds it without its owner. -1 with errno.
int MakeLock(const std::string& directory) {
  const std::string fresh = directory + "/new-lock";
  const int lock = open(fresh.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) != 0) return -1;
  return rename(fresh.c_str(), (directory + "/" + kLock).c_str()) == 0 ? lock : -1;
}

// Removes what launchers of this user left that were killed.
std::vector<std::string> RemoveAbandoned() {
  std::vector<std::string> removed;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(kParent, ignored)) {
    if (!entry.path().filename().string().starts_with(kStart)) continue;
    const int lock = OpenLock(entry.path());
    if (lock < 0) continue;
    if (flock(lock, LOCK_EX | LOCK_NB) == 0 && fs::remove_all(entry.path(), ignored) > 0)
      removed.push_back(entry.path());
    close(lock);
  }
  return removed;
}

Result<void> PrepareKeep(const std::string& keep) {
  std::error_code error;
  for (const char* part : {"logs", "cluster", "trace"}) {
    if (!fs::exists(fs::path(keep) / part, error)) continue;
    return Fail(
        ErrorKind::kUsage,
        fmt::format("--keep: {} holds an earlier run; name a new or empty directory", keep));
  }
  fs::create_directories(keep, error);
  if (!error && !IsOurs(fs::canonical(keep, error))) {
    return Fail(ErrorKind::kUsage,
                fmt::format("--keep: {} belongs to another user, or others may write to it; name a "
                            "directory of your own",
                            keep));
  }
  for (const char* part : {"logs", "trace"}) {
    fs::create_directories(fs::path(keep) / part, error);
    if (!error) fs::permissions(fs::path(keep) / part, fs::perms::owner_all, error);
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
  std::vector<std::string> removed = RemoveAbandoned();
  std::string path = fmt::format("{}/{}XXXXXX", kParent, kStart);
  std::error_code error;
  if (mkdtemp(path.data()) == nullptr || (fs::create_directory(path + "/logs", error), error)) {
    return Fail(ErrorKind::kEnvironment,
                fmt::format("cannot make a directory under /tmp: {}", std::strerror(errno)));
  }
  const int lock = MakeLock(path);
  if (lock < 0) {
    return Fail(ErrorKind::kEnvironment,
                fmt::format("cannot lock {}/{}: {}", path, kLock, std::strerror(errno)));
  }
  return RunDirectory(std::move(path), keep, lock, std::move(removed));
}

RunDirectory::RunDirectory(std::string path, std::string keep, int lock,
                           std::vector<std::string> removed)
    : path_(std::move(path)),
      keep_(std::move(keep)),
      keeps_logs_(!keep_.empty()),
      lock_(lock),
      removed_(std::move(removed)) {}

RunDirectory::RunDirectory(RunDirectory&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      keep_(std::move(other.keep_)),
      keeps_logs_(other.keeps_logs_),
      lock_(std::exchange(other.lock_, -1)),
      removed_(std::move(other.removed_)) {}

RunDirectory::~RunDirectory() {
  if (path_.empty()) return;
  std::error_code ignored;
  if (!keeps_logs_ || !keep_.empty()) {
    fs::remove_all(path_, ignored);
  } else {
    for (const fs::directory_entry& entry : fs::directory_iterator(path_, ignored)) {
      if (!entry.is_directory(ignored)) fs::remove(entry.path(), ignored);
    }
  }
  close(lock_);  // after the removal of its file
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
