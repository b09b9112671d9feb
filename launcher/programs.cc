#include "launcher/programs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <utility>

namespace lockstep::launcher {
namespace {

using model::ErrorKind;
using model::Fail;
using model::Result;
namespace fs = std::filesystem;

bool IsProgram(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored) && access(path.c_str(), X_OK) == 0;
}

Result<std::string> FindProgram(const std::string& name, const std::vector<fs::path>& directories) {
  for (const fs::path& directory : directories) {
    for (const fs::path& path : {directory / name, directory / name / name}) {
      if (IsProgram(path)) return path.string();
    }
  }
  std::vector<std::string> looked;
  for (const fs::path& directory : directories) looked.push_back(directory.string());
  return Fail(ErrorKind::kUsage,
              fmt::format("the program \"{}\" is not in {}: build it (bazel build //{}) or name "
                          "its directory in LOCKSTEP_BIN_DIR",
                          name, fmt::join(looked, " nor in "), name));
}

ProcessPlan PlanListener(const Programs& programs, const RunNames& names, const RunOptions& options,
                         std::uint32_t number, const std::string& verifier) {
  const std::string name = ListenerName(number);
  ProcessPlan plan{name,
                   {programs.listener, "--id", name, "--verifier", verifier, "--database",
                    names.database.conninfo, "--plugin", options.PluginOf(number), "--slot",
                    names.slot(number), "--status", names.status_endpoint()},
                   names.database.variables};
  if (!names.trace_directory.empty()) {
    plan.command.insert(plan.command.end(),
                        {"--trace", fmt::format("{}/{}.trace", names.trace_directory, name)});
  }
  if (number == 1 && !options.sabotage.empty()) {
    plan.command.insert(plan.command.end(), {"--sabotage", options.sabotage});
  }
  return plan;
}

}  // namespace

std::string ListenerName(std::uint32_t listener) { return fmt::format("listener-{}", listener); }

std::string RunNames::slot(std::uint32_t listener) const {
  return fmt::format("{}_{}", schema, listener);
}

std::string RunNames::status_endpoint() const {
  return fmt::format("ipc://{}/launcher", socket_directory);
}

namespace {

std::vector<fs::path> Directories(const std::optional<std::string>& bin_dir,
                                  const std::string& own_directory) {
  if (bin_dir && !bin_dir->empty()) return {*bin_dir};
  return {own_directory, fs::path(own_directory).parent_path()};
}

}  // namespace

Result<std::string> FindAuditor(const std::optional<std::string>& bin_dir,
                                const std::string& own_directory) {
  return FindProgram("auditor", Directories(bin_dir, own_directory));
}

Result<Programs> FindPrograms(const std::optional<std::string>& bin_dir,
                              const std::string& own_directory) {
  const std::vector<fs::path> directories = Directories(bin_dir, own_directory);
  Programs programs;
  const std::pair<const char*, std::string*> wanted[] = {{"generator", &programs.generator},
                                                         {"applier", &programs.applier},
                                                         {"listener", &programs.listener},
                                                         {"verifier", &programs.verifier}};
  for (const auto& [name, place] : wanted) {
    Result<std::string> found = FindProgram(name, directories);
    if (!found) return std::unexpected(found.error());
    *place = std::move(*found);
  }
  return programs;
}

std::vector<ProcessPlan> PlanProcesses(const Programs& programs, const RunNames& names,
                                       const RunOptions& options) {
  const std::string verifier = fmt::format("ipc://{}/verifier", names.socket_directory);
  const std::string applier = fmt::format("ipc://{}/applier", names.socket_directory);
  const std::string status = names.status_endpoint();
  std::vector<ProcessPlan> plans = {
      {"verifier",
       {programs.verifier, "--listen", verifier, "--database", names.database.conninfo,
        "--listeners", fmt::to_string(options.TotalListeners()), "--stall-timeout",
        fmt::to_string(options.stall_timeout_s), "--listener-timeout",
        fmt::to_string(options.listener_timeout_s), "--status", status},
       names.database.variables},
      {"applier",
       {programs.applier, "--listen", applier, "--verifier", verifier, "--database",
        names.database.conninfo, "--status", status},
       names.database.variables}};
  if (options.no_truncation_triggers) plans.back().command.push_back("--no-truncation-triggers");
  for (std::uint32_t number = 1; number <= options.TotalListeners(); ++number) {
    plans.push_back(PlanListener(programs, names, options, number, verifier));
  }
  plans.push_back(
      {"generator",
       {programs.generator, "--verifier", verifier, "--applier", applier, "--status", status,
        "--seed", fmt::to_string(options.seed), "--transactions",
        fmt::to_string(options.transactions), "--sessions", fmt::to_string(options.sessions),
        "--checkpoint", fmt::to_string(options.checkpoint), "--schema", names.schema}});
  return plans;
}

}  // namespace lockstep::launcher
