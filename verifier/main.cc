// The verifier's command line.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <utility>

#include "model/error.h"
#include "model/verdict.h"
#include "postgres/server_waits.h"
#include "report/json_report.h"
#include "report/result.h"
#include "report/summary.h"
#include "verifier/process.h"
#include "wire/stop_signal.h"
#include "wire/watchdog.h"

namespace {

using namespace lockstep;

// What the user is told of a run, and what becomes the exit code. With a launcher most of it is the
// launcher's to say.
model::ExitCode Tell(const report::RunResult& result, bool has_launcher,
                     const std::string& report_path) {
  model::ExitCode code = report::ExitCodeOf(result);
  if (result.error) {
    spdlog::error("verifier: {}", result.error->message);
  } else if (!has_launcher) {
    std::cout << report::SummaryText(result) << std::flush;
  } else {
    spdlog::info("verdict: {}{}{}", model::ToString(result.verdict.kind),
                 result.verdict.reason.empty() ? "" : ": ", result.verdict.reason);
  }
  if (report_path.empty()) return code;
  if (auto ok = report::WriteReport(report_path, result); !ok) {
    spdlog::error("verifier: {}", ok.error().message);
    if (code == model::ExitCode::kConverged) code = model::ExitCode::kEnvironment;
  }
  return code;
}

model::Result<model::Verdict> Run(const verifier::ProcessOptions& options) {
  auto stop = wire::StopSignal::Make();
  if (!stop) return std::unexpected(stop.error());
  // The first signal asks for a verdict over what was done.
  const wire::Watchdog watchdog(*stop, {.process = "verifier",
                                        .patience = {.stop_signals = 2},
                                        .interrupt = postgres::InterruptServerWaits,
                                        .waits_for = postgres::DescribeServerWaits});
  return verifier::RunProcess(options, *stop);
}

model::ExitCode Verify(verifier::ProcessOptions options, const std::string& report_path) {
  const auto start = std::chrono::steady_clock::now();
  const bool has_launcher = !options.status_endpoint.empty();
  if (!report_path.empty()) {
    if (auto ok = report::CheckReportPath(report_path); !ok) {
      return Tell({.error = ok.error(), .verdict = {}}, has_launcher, "");
    }
  }
  std::optional<model::ExitCode> told;
  const auto tell = [&](const model::Result<model::Verdict>& verdict) {
    report::RunResult result;
    if (verdict) result.verdict = *verdict;
    if (!verdict) result.error = verdict.error();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    result.elapsed_s = elapsed.count();
    told = Tell(result, has_launcher, report_path);
  };
  options.on_end = tell;
  const auto verdict = Run(options);
  if (!told) tell(verdict);
  return *told;
}

}  // namespace

int main(int argc, char** argv) {
  verifier::ProcessOptions options;
  std::string report_path;
  std::int64_t stall_timeout = options.stall_timeout.count();
  std::int64_t listener_timeout = options.listener_timeout.count();
  CLI::App app(
      "Checks that what listeners deliver is what Postgres committed, and gives the verdict.",
      "verifier");
  app.set_config("--config", "", "read options from this file");
  app.add_option("--listen", options.listen_endpoint, "endpoint to bind, for everybody")
      ->envname("LOCKSTEP_LISTEN")
      ->required();
  app.add_option("--database", options.conninfo,
                 "where the applier executes: a URI or key=value pairs")
      ->envname("LOCKSTEP_DATABASE")
      ->required();
  app.add_option("--listeners", options.listeners,
                 "how many to wait for before the first transaction")
      ->capture_default_str()
      ->envname("LOCKSTEP_LISTENERS");
  app.add_option("--stall-timeout", stall_timeout,
                 "seconds without any progress until the run is inconclusive")
      ->capture_default_str()
      ->check(CLI::Range(1, 86'400))
      ->envname("LOCKSTEP_STALL_TIMEOUT");
  app.add_option("--listener-timeout", listener_timeout,
                 "seconds of silence after which a listener that owes reports is lost")
      ->capture_default_str()
      ->check(CLI::Range(1, 86'400))
      ->envname("LOCKSTEP_LISTENER_TIMEOUT");
  app.add_option("--status", options.status_endpoint, "endpoint of the launcher")
      ->envname("LOCKSTEP_STATUS");
  app.add_option("--report", report_path, "write the result as JSON")->envname("LOCKSTEP_REPORT");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(model::ExitCode::kUsage);
  }
  options.stall_timeout = std::chrono::seconds(stall_timeout);
  if (!report_path.empty()) report_path = std::filesystem::absolute(report_path);
  options.listener_timeout = std::chrono::seconds(listener_timeout);
  return static_cast<int>(Verify(std::move(options), report_path));
}
