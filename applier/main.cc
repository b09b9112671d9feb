// The applier's command line.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>

#include "applier/process.h"
#include "model/error.h"
#include "postgres/server_waits.h"
#include "wire/reporter.h"
#include "wire/stop_signal.h"
#include "wire/watchdog.h"

namespace {

using namespace lockstep;

model::Result<void> Run(const applier::ProcessOptions& options) {
  auto stop = wire::StopSignal::Make();
  if (!stop) return std::unexpected(stop.error());
  const wire::Watchdog watchdog(*stop, {.process = "applier",
                                        .interrupt = postgres::InterruptServerWaits,
                                        .waits_for = postgres::DescribeServerWaits});
  return applier::RunProcess(options, *stop);
}

}  // namespace

int main(int argc, char** argv) {
  applier::ProcessOptions options;
  CLI::App app("Executes the generator's transactions on Postgres and reports what became of them.",
               "applier");
  app.set_config("--config", "", "read options from this file");
  app.add_option("--listen", options.listen_endpoint, "endpoint to bind, for the generator")
      ->envname("LOCKSTEP_LISTEN")
      ->required();
  app.add_option("--verifier", options.verifier_endpoint, "endpoint of the verifier")
      ->envname("LOCKSTEP_VERIFIER")
      ->required();
  app.add_option("--database", options.conninfo, "where to execute: a URI or key=value pairs")
      ->envname("LOCKSTEP_DATABASE")
      ->required();
  app.add_flag("!--no-truncation-triggers", options.truncation_triggers,
               "make no triggers on the run's tables that show a TRUNCATE to every plugin");
  app.add_option("--status", options.status_endpoint, "endpoint of the launcher")
      ->envname("LOCKSTEP_STATUS");
  app.add_flag(
      "--bracket-commits", options.bracket_commits,
      "read the WAL position around each COMMIT also when the verifier does not ask for it");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (app.exit(error) == 0) return 0;
    wire::FailBeforeStart("applier", options.status_endpoint, options.verifier_endpoint,
                          {model::ErrorKind::kUsage, error.what()});
    return static_cast<int>(model::ExitCode::kUsage);
  }

  const auto result = Run(options);
  if (result) return 0;
  spdlog::error("applier: {}", result.error().message);
  return static_cast<int>(model::ExitCodeOf(result.error()));
}
