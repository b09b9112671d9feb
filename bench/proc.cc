#include "bench/proc.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>

namespace lockstep::bench {
namespace {

std::string ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

std::optional<ProcessStat> ReadProcess(pid_t pid) {
  // "pid (name) state ppid ...": the name may hold spaces and parentheses (proc(5)).
  const std::string stat = ReadText(fmt::format("/proc/{}/stat", pid));
  const auto open = stat.find('(');
  const auto close = stat.rfind(')');
  if (open == stat.npos || close == stat.npos) return std::nullopt;
  std::istringstream fields(stat.substr(close + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  double user = 0, system = 0, children_user = 0, children_system = 0;
  fields >> user >> system >> children_user >> children_system;

  static const auto kTicks = static_cast<double>(sysconf(_SC_CLK_TCK));
  ProcessStat process{.name = stat.substr(open + 1, close - open - 1),
                      .cpu_s = (user + system) / kTicks,
                      .children_cpu_s = (children_user + children_system) / kTicks};
  std::istringstream status(ReadText(fmt::format("/proc/{}/status", pid)));
  for (std::string line; std::getline(status, line);) {
    std::istringstream words(line);
    std::string key;
    words >> key;
    if (key == "VmRSS:") words >> process.rss_kb;
    if (key == "VmHWM:") words >> process.rss_max_kb;
  }
  return process;
}

std::vector<pid_t> ChildrenOf(pid_t pid) {
  std::istringstream text(ReadText(fmt::format("/proc/{}/task/{}/children", pid, pid)));
  std::vector<pid_t> children;
  for (pid_t child = 0; text >> child;) children.push_back(child);
  return children;
}

}  // namespace lockstep::bench
