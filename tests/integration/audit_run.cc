#include "tests/integration/audit_run.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <utility>

#include "tests/postgres/cluster_fixture.h"

namespace lockstep::integration {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> CommandLine(std::vector<std::string> arguments,
                                     const std::vector<std::string>& command,
                                     const std::string& mark, const std::string& directory) {
  std::vector<std::string> line = {"/usr/bin/env",
                                   mark,
                                   "LOCKSTEP_BIN_DIR=" + fs::current_path().string(),
                                   fs::absolute("launcher/lockstep").string(),
                                   "audit",
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
          CommandLine(std::move(arguments), command, footprint_.mark(), directory_),
          directory_ + "/output"))) {}

std::string AuditRun::output() const { return ReadText(directory_ + "/output"); }

std::vector<pid_t> AuditRun::Auditors() const {
  std::vector<pid_t> auditors;
  for (const auto& [pid, command] : footprint_.Processes()) {
    if (ReadText(fmt::format("/proc/{}/comm", pid)) == "auditor\n") auditors.push_back(pid);
  }
  return auditors;
}

void AuditRun::Freeze(std::size_t count) {
  frozen_ = Auditors();
  EXPECT_EQ(frozen_.size(), count);
  for (const pid_t auditor : frozen_) integration::Freeze(auditor);
}

void AuditRun::Thaw() {
  for (const pid_t auditor : frozen_) kill(auditor, SIGCONT);
  frozen_.clear();
}

AuditEnded AuditRun::End() {
  const launcher::ExitStatus status = footprint_.AwaitEnd(launcher_, [&] { return output(); });
  AuditEnded ended{.exit_code = status.signal == 0 ? status.status : -status.signal,
                   .output = output()};
  if (const std::string report = ReadText(directory_ + "/report.json"); !report.empty())
    ended.report = nlohmann::json::parse(report);
  std::vector<std::string> left = footprint_.Left();
  std::erase_if(left, [&](const std::string& path) {
    const bool is_told = ended.output.find("logs are in " + path) != std::string::npos;
    return is_told && fs::remove_all(path) > 0;
  });
  EXPECT_EQ(left, std::vector<std::string>()) << ended.output;
  return ended;
}

}  // namespace lockstep::integration
