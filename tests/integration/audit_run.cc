#include "tests/integration/audit_run.h"

#include <fmt/format.h>
#include <poll.h>

#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "tests/integration/lockstep_run.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::integration {
namespace {

namespace fs = std::filesystem;

constexpr int kPatienceMs = 150'000;

std::vector<std::string> CommandLine(std::vector<std::string> arguments,
                                     const std::vector<std::string>& command,
                                     const std::string& directory) {
  std::vector<std::string> line = {"/usr/bin/env",
                                   "LOCKSTEP_BIN_DIR=" + fs::current_path().string(),
                                   fs::absolute("launcher/lockstep").string(), "audit",
                                   "--report=" + directory + "/report.json"};
  line.insert(line.end(), arguments.begin(), arguments.end());
  if (command.empty()) return line;
  line.emplace_back("--");
  line.insert(line.end(), command.begin(), command.end());
  return line;
}

// The table's entry of the report; null when there is none.
nlohmann::json Entry(const nlohmann::json& report, const std::string& table) {
  if (!report.is_object()) return nullptr;
  for (const auto& entry : report["tables"]) {
    if (entry["table"] == table) return entry;
  }
  return nullptr;
}

std::string Field(const nlohmann::json& entry, const char* name) {
  return entry.is_null() || entry[name].is_null() ? "" : entry[name].get<std::string>();
}

}  // namespace

std::string AuditEnded::Status(const std::string& table) const {
  return Field(Entry(report, table), "status");
}
std::string AuditEnded::Reason(const std::string& table) const {
  return Field(Entry(report, table), "reason");
}

AuditRun::AuditRun(std::vector<std::string> arguments, const std::vector<std::string>& command,
                   std::string directory)
    : directory_(std::move(directory)),
      launcher_(postgres::Must(launcher::Process::Start(
          CommandLine(std::move(arguments), command, directory_), directory_ + "/output"))) {}

std::string AuditRun::output() const { return ReadText(directory_ + "/output"); }

std::vector<pid_t> AuditRun::Auditors() const {
  const pid_t launcher = launcher_.pid();
  std::istringstream children(ReadText(fmt::format("/proc/{0}/task/{0}/children", launcher)));
  std::vector<pid_t> auditors;
  for (pid_t child = 0; children >> child;) {
    if (ReadText(fmt::format("/proc/{}/comm", child)) == "auditor\n") auditors.push_back(child);
  }
  return auditors;
}

AuditEnded AuditRun::End() {
  pollfd waiting{launcher_.fd(), POLLIN, 0};
  if (poll(&waiting, 1, kPatienceMs) != 1)
    throw std::runtime_error("it does not end:\n" + output());
  const launcher::ExitStatus status = launcher_.Poll().value();
  AuditEnded ended{.exit_code = status.signal == 0 ? status.status : -status.signal,
                   .output = output()};
  if (const std::string report = ReadText(directory_ + "/report.json"); !report.empty())
    ended.report = nlohmann::json::parse(report);
  return ended;
}

}  // namespace lockstep::integration
