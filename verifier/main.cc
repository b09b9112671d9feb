// The verifier's command line.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <string>
#include <utility>

#include "model/error.h"
#include "model/verdict.h"
#include "report/json_report.h"
#include "report/result.h"
#include "report/summary.h"
#include "verifier/process.h"
#include "wire/stop_signal.h"

namespace {

using namespace lockstep;

// By itself the verifier says what the launcher would say of a run.
report::RunResult Verify(const verifier::ProcessOptions& options, const std::string& report_path) {
  const auto start = std::chrono::steady_clock::now();
  report::RunResult result;
  const auto fail = [&](model::Error error) {
    result.error = std::move(error);
    return result;
  };
  if (!report_path.empty()) {
    if (auto ok = report::CheckReportPath(report_path); !ok) return fail(std::move(ok.error()));
  }
  auto stop = wire::StopSignal::Make();
  if (!stop) return fail(std::move(stop.error()));
  auto verdict = verifier::RunProcess(options, *stop);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  result.elapsed_s = elapsed.count();
  if (!verdict) return fail(std::move(verdict.error()));
  result.verdict = std::move(*verdict);
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  verifier::ProcessOptions options;
  std::string report_path;
  std::int64_t stall_timeout = options.stall_timeout.count();
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

  const report::RunResult result = Verify(options, report_path);
  model::ExitCode code = report::ExitCodeOf(result);
  if (result.error) {
    spdlog::error("verifier: {}", result.error->message);
  } else if (options.status_endpoint.empty()) {
    std::cout << report::SummaryText(result) << std::flush;
  } else {
    spdlog::info("verdict: {}{}{}", model::ToString(result.verdict.kind),
                 result.verdict.reason.empty() ? "" : ": ", result.verdict.reason);
  }
  if (report_path.empty()) return static_cast<int>(code);
  if (auto ok = report::WriteReport(report_path, result); !ok) {
    // Not twice: an unusable --report is why there was no run.
    if (!result.error) spdlog::error("verifier: {}", ok.error().message);
    if (code == model::ExitCode::kConverged) code = model::ExitCode::kEnvironment;
  }
  return static_cast<int>(code);
}
