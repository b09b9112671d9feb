#include "bench/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

namespace lockstep::bench {
namespace {

using model::ErrorKind;
using model::Fail;
using model::Result;

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::string ReadFrom(int fd) {
  std::string text;
  char buffer[4096];
  for (off_t at = 0;;) {
    const ssize_t got = pread(fd, buffer, sizeof(buffer), at);
    if (got <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
    at += got;
  }
}

// Output goes to a file in memory: a pipe would have to be read while waiting.
Result<pid_t> Spawn(const std::vector<std::string>& command, int output) {
  std::vector<std::string> texts = command;
  std::vector<char*> arguments;
  for (std::string& text : texts) arguments.push_back(text.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error == 0) return pid;
  return Fail(ErrorKind::kEnvironment,
              fmt::format("cannot start {}: {}", command.front(), std::strerror(error)));
}

}  // namespace

Result<ChildResult> RunChild(const std::vector<std::string>& command,
                             const std::function<void(pid_t)>& look) {
  const int output = memfd_create("output", MFD_CLOEXEC);
  if (output < 0) {
    return Fail(ErrorKind::kEnvironment,
                fmt::format("cannot make a file in memory: {}", std::strerror(errno)));
  }
  const auto start = std::chrono::steady_clock::now();
  Result<pid_t> pid = Spawn(command, output);
  if (!pid) {
    close(output);
    return std::unexpected(std::move(pid.error()));
  }
  int status = 0;
  rusage usage = {};
  while (wait4(*pid, &status, WNOHANG, &usage) == 0) {
    if (look) look(*pid);
    std::this_thread::sleep_for(kLookInterval);
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  ChildResult result{.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                     .wall_s = wall.count(),
                     .cpu_s = Seconds(usage.ru_utime) + Seconds(usage.ru_stime),
                     .output = ReadFrom(output)};
  close(output);
  return result;
}

}  // namespace lockstep::bench
