#include "postgres/supervisor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>

namespace lockstep::postgres {
namespace {

using model::ErrorKind;
using model::Fail;
using model::Result;

// Exit codes of a child that never reached its program.
constexpr int kNoUser = 125;
constexpr int kNoExec = 126;
constexpr int kNoFile = 124;

std::vector<char*> Arguments(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  return arguments;
}

// Everything from here to the end of this namespace runs between fork and exec (or in the
// supervisor, which never execs): system calls only, nothing that allocates or locks.

bool DropTo(const RunAs& user) {
  return setgroups(0, nullptr) == 0 && setgid(user.gid) == 0 && setuid(user.uid) == 0;
}

// Handlers and blocked signals would be inherited by the program.
void ResetSignals() {
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void Exec(char* const* arguments, const char* directory, int log) {
  ResetSignals();
  int null = open("/dev/null", O_RDONLY);
  dup2(null, 0);
  dup2(log, 1);
  dup2(log, 2);
  close_range(3, ~0U, 0);
  if (chdir(directory) != 0) _exit(kNoExec);
  execv(arguments[0], arguments);
  _exit(kNoExec);
}

// As the user that we have become: what a link points to is not ours to write.
int OpenLog(const char* path) {
  return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
}

[[noreturn]] void WriteFile(const char* path, std::string_view text, Writing writing) {
  if (writing == Writing::kReplace) unlink(path);
  const int flags = writing == Writing::kReplace ? O_CREAT | O_EXCL : O_APPEND;
  const int file = open(path, O_WRONLY | O_NOFOLLOW | flags, 0600);
  if (file < 0) _exit(kNoFile);
  while (!text.empty()) {
    const ssize_t written = write(file, text.data(), text.size());
    if (written <= 0) _exit(kNoFile);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  _exit(0);
}

// Whatever a child did, its end; -1 with errno.
int WaitForEnd(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return status;
}

void Ignore(int) {}

class SupervisorLoop {
 public:
  SupervisorLoop(int socket, int log, char* const* server, char* const* remove,
                 const char* directory)
      : socket_(socket), log_(log), server_(server), remove_(remove), directory_(directory) {}

  // Serves commands until the parent is gone.
  [[noreturn]] void Run() {
    char command = 0;
    while (Await(true) && read(socket_, &command, 1) == 1) {
      switch (command) {
        case 's':
          StartServer();
          break;
        case 'q':
          break;
        default:
          Stop(command == 'f' ? SIGINT : command == 'i' ? SIGQUIT : SIGKILL);
          break;
      }
      pid_t reply = pid_;
      if (write(socket_, &reply, sizeof reply) != sizeof reply) break;
    }
    Stop(SIGQUIT);
    if (remove_ != nullptr) {
      pid_t remover = fork();
      if (remover == 0) Exec(remove_, "/", log_);
      if (remover > 0) waitpid(remover, nullptr, 0);
    }
    _exit(0);
  }

 private:
  void StartServer() {
    if (pid_ != 0) return;
    pid_t child = fork();
    if (child == 0) {
      // Without us nobody would ever stop it.
      prctl(PR_SET_PDEATHSIG, SIGQUIT);
      Exec(server_, directory_, log_);
    }
    pid_ = child > 0 ? child : 0;
  }

  void Reap() {
    if (pid_ != 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = 0;
  }

  // Waits until there is something to read (or EOF): true. Without `for_command`: until the server
  // is gone (true) or the parent is (false).
  bool Await(bool for_command) {
    sigset_t all_open;
    sigemptyset(&all_open);
    while (true) {
      Reap();
      if (!for_command && pid_ == 0) return true;
      // SIGCHLD is blocked except in here. A parent that waits for our answer sends nothing:
      // readable means EOF.
      pollfd waiting{socket_, POLLIN, 0};
      if (ppoll(&waiting, 1, nullptr, &all_open) > 0) return for_command;
    }
  }

  void Stop(int number) {
    Reap();
    if (pid_ == 0) return;
    kill(pid_, number);
    if (Await(false)) return;
    kill(pid_, SIGQUIT);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

  int socket_;
  int log_;
  char* const* server_;
  char* const* remove_;
  const char* directory_;
  pid_t pid_ = 0;
};

[[noreturn]] void Supervise(int socket, const SupervisorPlan& plan, char* const* server,
                            char* const* remove) {
  setsid();  // a Ctrl-C at the terminal is the parent's to handle
  prctl(PR_SET_NAME, "lockstep-pg");
  // Only our descriptor stays: another cluster's socket would keep its supervisor from seeing EOF.
  if (dup2(socket, 100) < 0) _exit(kNoExec);
  close_range(3, 99, 0);
  close_range(101, ~0U, 0);
  if (plan.run_as && !DropTo(*plan.run_as)) _exit(kNoUser);
  const int log = OpenLog(plan.log_path.c_str());
  if (log < 0 || dup2(log, 101) < 0) _exit(kNoFile);
  close(log);
  for (int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2}) signal(number, SIG_IGN);
  struct sigaction action = {};
  action.sa_handler = Ignore;  // only so that ppoll wakes
  sigaction(SIGCHLD, &action, nullptr);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_SETMASK, &child, nullptr);
  // Standard output stays open in no one: a shell's pipe must see our parent's end.
  int null = open("/dev/null", O_RDWR);
  dup2(null, 0);
  dup2(null, 1);
  dup2(null, 2);
  SupervisorLoop(100, 101, server, remove, plan.directory.c_str()).Run();
}

}  // namespace

Result<void> RunProgram(const std::vector<std::string>& command, const std::optional<RunAs>& run_as,
                        const std::string& directory, const std::string& log_path) {
  std::vector<char*> arguments = Arguments(command);
  std::fflush(nullptr);
  pid_t child = fork();
  if (child == 0) {
    if (run_as && !DropTo(*run_as)) _exit(kNoUser);
    const int log = OpenLog(log_path.c_str());
    if (log < 0) _exit(kNoFile);
    Exec(arguments.data(), directory.c_str(), log);
  }
  if (child < 0) {
    return Fail(ErrorKind::kEnvironment,
                fmt::format("cannot fork for {}: {}", command[0], std::strerror(errno)));
  }
  const int status = WaitForEnd(child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNoFile)
    return Fail(ErrorKind::kEnvironment,
                fmt::format("cannot write {} (it must not be a link)", log_path));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNoUser) {
    return Fail(ErrorKind::kEnvironment,
                fmt::format("cannot change to user {} to run {}, and Postgres refuses to run as "
                            "root; in Bazel's sandbox use --sandbox_fake_username",
                            run_as->uid, command[0]));
  }
  return Fail(ErrorKind::kEnvironment,
              fmt::format("{} failed (wait status {:#x})", command[0], status));
}

Result<void> WriteFileAs(const std::optional<RunAs>& run_as, const std::string& path,
                         std::string_view text, Writing writing) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    if (run_as && !DropTo(*run_as)) _exit(kNoUser);
    WriteFile(path.c_str(), text, writing);
  }
  const int status = child < 0 ? -1 : WaitForEnd(child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return Fail(ErrorKind::kEnvironment,
              fmt::format("cannot write {}{} (wait status {:#x}; it must not be a link)", path,
                          run_as ? fmt::format(" as user {}", run_as->uid) : "", status));
}

Result<Supervisor> Supervisor::Fork(const SupervisorPlan& plan) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return Fail(
        ErrorKind::kEnvironment,
        fmt::format("cannot make a socket to the server's supervisor: {}", std::strerror(errno)));
  }
  std::vector<std::string> remove = {"/bin/rm", "-rf", "--", plan.directory};
  std::vector<char*> server_arguments = Arguments(plan.server);
  std::vector<char*> remove_arguments = Arguments(remove);
  // What is buffered would be written twice.
  std::cout.flush();
  std::cerr.flush();
  std::fflush(nullptr);
  pid_t pid = fork();
  if (pid == 0) {
    Supervise(ends[1], plan, server_arguments.data(),
              plan.remove_directory ? remove_arguments.data() : nullptr);
  }
  int error = errno;
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    return Fail(ErrorKind::kEnvironment,
                fmt::format("cannot fork the server's supervisor: {}", std::strerror(error)));
  }
  return Supervisor(pid, ends[0]);
}

Supervisor::Supervisor(Supervisor&& other) noexcept : pid_(other.pid_), socket_(other.socket_) {
  other.pid_ = -1;
  other.socket_ = -1;
}

Supervisor::~Supervisor() {
  if (socket_ < 0) return;
  close(socket_);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<Supervisor::Reply> Supervisor::Ask(char command) {
  Reply reply;
  ssize_t got = -1;
  if (send(socket_, &command, 1, MSG_NOSIGNAL) == 1) {
    do {
      got = read(socket_, &reply.server, sizeof reply.server);
    } while (got < 0 && errno == EINTR);
  }
  if (got != sizeof reply.server) {
    return Fail(ErrorKind::kEnvironment, "the server's supervisor process is gone");
  }
  return reply;
}

Result<pid_t> Supervisor::StartServer() {
  Result<Reply> reply = Ask('s');
  if (!reply) return std::unexpected(reply.error());
  if (reply->server == 0) return Fail(ErrorKind::kEnvironment, "cannot fork the server");
  return reply->server;
}

Result<void> Supervisor::StopServer(int number) {
  Result<Reply> reply = Ask(number == SIGINT ? 'f' : number == SIGQUIT ? 'i' : 'k');
  if (!reply) return std::unexpected(reply.error());
  return {};
}

bool Supervisor::IsServerRunning() {
  Result<Reply> reply = Ask('q');
  return reply && reply->server != 0;
}

}  // namespace lockstep::postgres
