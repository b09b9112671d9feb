// The verifier's command line.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdint>

#include "model/error.h"
#include "model/verdict.h"
#include "verifier/process.h"
#include "wire/stop_signal.h"

int main(int argc, char** argv) {
  using namespace lockstep;
  verifier::ProcessOptions options;
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
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(model::ExitCode::kUsage);
  }
  options.stall_timeout = std::chrono::seconds(stall_timeout);
  options.listener_timeout = std::chrono::seconds(listener_timeout);

  auto stop = wire::StopSignal::Make();
  auto verdict = stop ? verifier::RunProcess(options, *stop)
                      : model::Result<model::Verdict>(std::unexpected(stop.error()));
  if (verdict) {
    spdlog::info("verdict: {}{}{}", model::ToString(verdict->kind),
                 verdict->reason.empty() ? "" : ": ", verdict->reason);
    return static_cast<int>(model::ExitCodeOf(verdict->kind));
  }
  spdlog::error("verifier: {}", verdict.error().message);
  return static_cast<int>(model::ExitCodeOf(verdict.error()));
}
