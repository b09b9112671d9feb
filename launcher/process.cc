#include "launcher/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "wire/stop_signal.h"

namespace lockstep::launcher {
namespace {

using model::ErrorKind;
using model::Fail;
using model::Result;

constexpr std::streamoff kTailBytes = 16 * 1024;

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { Close(); }
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

// As execve wants it: pointers into `texts`, ended by null.
std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Ours, but for LOCKSTEP_*, and what is `given`. A child of ours hears of us (wire::StopSignal).
std::vector<std::string> ChildEnvironment(
    const std::vector<std::pair<std::string, std::string>>& given, bool has_stop_signal) {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const std::string_view name = text.substr(0, text.find('='));
    const bool is_given =
        std::ranges::any_of(given, [&](const auto& v) { return v.first == name; });
    if (!is_given && !text.starts_with("LOCKSTEP_")) variables.emplace_back(text);
  }
  for (const auto& [name, value] : given) variables.push_back(name + "=" + value);
  if (has_stop_signal) variables.push_back(fmt::format("{}={}", wire::kLauncherVariable, getpid()));
  return variables;
}

sigset_t Signals(std::initializer_list<int> numbers) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : numbers) sigaddset(&signals, number);
  return signals;
}

// What the child needs, all of it made before the fork: between fork and exec only
// async-signal-safe calls are allowed, since ZeroMQ's thread may hold a lock.
struct ChildPlan {
  char* const* argv;
  char* const* environment;
  int input;  // -1: input, output and errors are ours
  int log;
  int report;  // closed by a successful exec; else gets errno
  pid_t parent;
  bool has_own_group;
  bool is_ours;
  sigset_t blocked;
};

[[noreturn]] void BecomeChild(const ChildPlan& plan) {
  if (plan.has_own_group) setpgid(0, 0);
  if (plan.is_ours) umask(S_IRWXG | S_IRWXO);  // it may write rows
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != plan.parent) _exit(1);  // it died before we asked for the signal
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  sigprocmask(SIG_SETMASK, &plan.blocked, nullptr);
  if (plan.input < 0 ||
      (dup2(plan.input, STDIN_FILENO) >= 0 && dup2(plan.log, STDOUT_FILENO) >= 0 &&
       dup2(plan.log, STDERR_FILENO) >= 0)) {
    execvpe(plan.argv[0], plan.argv, plan.environment);
  }
  const int error = errno;
  (void)!write(plan.report, &error, sizeof(error));
  _exit(1);
}

// Close-on-exec by itself. glibc 2.36 declares pidfd_open without extern "C".
int PidFd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

std::unexpected<model::Error> FailErrno(const std::string& what, int error) {
  return Fail(ErrorKind::kEnvironment, fmt::format("{}: {}", what, std::strerror(error)));
}

}  // namespace

std::string ToString(ExitStatus status) {
  if (status.signal == 0) return fmt::format("exited with status {}", status.status);
  return fmt::format("was killed by signal {} ({})", status.signal, strsignal(status.signal));
}

Result<Process> Process::Start(const std::vector<std::string>& command, const std::string& log_path,
                               const std::vector<std::pair<std::string, std::string>>& variables) {
  const std::string what = "cannot start " + command.front();
  Fd input(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!input.ok()) return FailErrno(what + ": /dev/null", errno);
  Fd log(open(log_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
              0600));
  if (!log.ok()) return FailErrno(what + ": its log " + log_path, errno);
  return Launch(
      command, what, variables,
      {.input = input.get(), .log = log.get(), .has_own_group = true, .has_stop_signal = true});
}

Result<Process> Process::StartForeground(
    const std::vector<std::string>& command,
    const std::vector<std::pair<std::string, std::string>>& variables) {
  // A program in a group of its own may not read from the terminal.
  return Launch(command, "cannot start " + command.front(), variables,
                {.input = -1,
                 .log = -1,
                 .has_own_group = isatty(STDIN_FILENO) == 0,
                 .has_stop_signal = false});
}

Result<Process> Process::Launch(const std::vector<std::string>& command, const std::string& what,
                                const std::vector<std::pair<std::string, std::string>>& given,
                                const Streams& streams) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return FailErrno(what, errno);
  Fd read_end(ends[0]);
  Fd write_end(ends[1]);

  std::vector<std::string> arguments = command;
  std::vector<std::string> variables = ChildEnvironment(given, streams.has_stop_signal);
  const std::vector<char*> argv = Pointers(arguments);
  const std::vector<char*> environment = Pointers(variables);
  const ChildPlan plan{
      .argv = argv.data(),
      .environment = environment.data(),
      .input = streams.input,
      .log = streams.log,
      .report = write_end.get(),
      .parent = getpid(),
      .has_own_group = streams.has_own_group,
      .is_ours = streams.has_stop_signal,
      .blocked = streams.has_stop_signal ? Signals({SIGINT, SIGTERM}) : Signals({})};
  const pid_t pid = fork();
  if (pid < 0) return FailErrno(what, errno);
  if (pid == 0) BecomeChild(plan);
  write_end.Close();

  int error = 0;
  ssize_t got = 0;
  do {
    got = read(read_end.get(), &error, sizeof(error));
  } while (got < 0 && errno == EINTR);
  const int fd = got == 0 ? PidFd(pid) : -1;
  if (fd < 0) {
    if (got == 0) error = errno;
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return FailErrno(what, error);
  }
  return Process(pid, fd, streams.has_own_group);
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      fd_(std::exchange(other.fd_, -1)),
      has_own_group_(other.has_own_group_),
      ended_(std::move(other.ended_)) {}

Process::~Process() {
  if (pid_ == 0) return;
  if (!ended_) {
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
  }
  close(fd_);
}

std::optional<ExitStatus> Process::Poll() {
  if (ended_) return ended_;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  ended_ = WIFSIGNALED(status) ? ExitStatus{.signal = WTERMSIG(status)}
                               : ExitStatus{.status = WEXITSTATUS(status)};
  return ended_;
}

void Process::SignalGroup(int number) {
  if (!ended_) kill(has_own_group_ ? -pid_ : pid_, number);
}

void Process::Signal(int number) {
  // Before it is reaped the pid is still ours.
  if (!ended_) kill(pid_, number);
}

std::string Tail(const std::string& path, int lines) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return {};
  const std::streamoff size = file.tellg();
  if (size <= 0) return {};
  const std::streamoff wanted = std::min(size, kTailBytes);
  std::string text(static_cast<std::size_t>(wanted), '\0');
  file.seekg(size - wanted);
  file.read(text.data(), wanted);
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  if (text.ends_with('\n')) text.pop_back();
  std::size_t start = text.size();
  for (int line = 0; line < lines && start != 0 && start != text.npos; ++line) {
    start = text.rfind('\n', start - 1);
  }
  return start == 0 || start == text.npos ? text : text.substr(start + 1);
}

}  // namespace lockstep::launcher
