#include "tests/integration/footprint.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cctype>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <thread>

namespace lockstep::integration {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Longer than anything that goes well takes on a slow machine.
constexpr std::chrono::seconds kPatience{60};
constexpr std::chrono::seconds kRunPatience{150};
constexpr milliseconds kInterval{10};

char StateOf(pid_t pid) {
  const std::string stat = ReadText(fmt::format("/proc/{}/stat", pid));
  const std::size_t name_end = stat.rfind(')');
  return name_end == stat.npos ? 'X' : stat.at(name_end + 2);
}

}  // namespace

Footprint::Footprint() {
  static std::atomic<int> number = 0;
  mark_ = fmt::format("LOCKSTEPS_INTEGRATION_TEST={}.{}", getpid(), ++number);
  for (const auto& entry : fs::directory_iterator("/tmp")) others_.insert(entry.path());
}

std::map<pid_t, std::string> Footprint::Processes() const {
  std::map<pid_t, std::string> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename();
    if (!std::isdigit(static_cast<unsigned char>(name[0]))) continue;
    const std::string environment = ReadText(entry.path() / "environ");
    if (environment.find(mark_ + '\0') == environment.npos) continue;
    const std::string command = ReadText(entry.path() / "cmdline");
    if (!command.empty()) found[std::stoi(name)] = command;  // empty: a zombie
  }
  return found;
}

void Footprint::Look() {
  constexpr std::string_view kStart = "/tmp/lockstep-";
  for (const auto& [pid, command] : Processes()) {
    for (std::size_t at = command.find(kStart); at != command.npos;
         at = command.find(kStart, at + 1)) {
      const std::string directory = command.substr(at, kStart.size() + 6);
      if (!others_.contains(directory)) directories_.insert(directory);
    }
  }
}

launcher::ExitStatus Footprint::AwaitEnd(launcher::Process& launcher,
                                         const std::function<std::string()>& output) {
  const auto end = steady_clock::now() + kRunPatience;
  pollfd item{.fd = launcher.fd(), .events = POLLIN, .revents = 0};
  Look();
  while (poll(&item, 1, 100) == 0) {
    if (steady_clock::now() > end) throw std::runtime_error("the run does not end\n" + output());
    Look();
  }
  return launcher.Poll().value();
}

std::vector<std::string> Footprint::Left() const {
  std::vector<std::string> left;
  for (const auto& [pid, command] : Processes())
    left.push_back(fmt::format("process {}: {}", pid, command));
  for (const std::string& path : directories_) {
    if (fs::exists(path)) left.push_back(path);
  }
  return left;
}

void Freeze(pid_t pid) {
  kill(pid, SIGSTOP);
  WaitUntil(fmt::format("process {} stands still", pid), [&] { return StateOf(pid) == 'T'; });
}

void WaitUntil(const std::string& what, const std::function<bool()>& is_true) {
  const auto end = steady_clock::now() + kPatience;
  while (!is_true()) {
    if (steady_clock::now() > end) throw std::runtime_error("waited in vain until " + what);
    std::this_thread::sleep_for(kInterval);
  }
}

std::string ReadText(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return std::move(text).str();
}

}  // namespace lockstep::integration
