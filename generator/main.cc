// The generator's command line.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <random>
#include <string>

#include "generator/process.h"
#include "model/error.h"
#include "wire/reporter.h"
#include "wire/stop_signal.h"
#include "wire/watchdog.h"

namespace {

// A name of its own for each run, so that runs can share a database. No script depends on it.
std::string MakeSchemaName() {
  std::random_device random;
  return fmt::format("lockstep_{:08x}", random());
}

}  // namespace

int main(int argc, char** argv) {
  using namespace lockstep;
  generator::ProcessOptions options;
  CLI::App app("Makes transactions from a seed and sends them to the applier and the verifier.",
               "generator");
  app.set_config("--config", "", "read options from this file");
  app.add_option("--verifier", options.verifier_endpoint, "endpoint of the verifier")
      ->envname("LOCKSTEP_VERIFIER")
      ->required();
  app.add_option("--applier", options.applier_endpoint, "endpoint of the applier")
      ->envname("LOCKSTEP_APPLIER")
      ->required();
  app.add_option("--status", options.status_endpoint, "endpoint of the launcher")
      ->envname("LOCKSTEP_STATUS");
  app.add_option("--seed", options.workload.seed, "what the workload is made from")
      ->capture_default_str()
      ->envname("LOCKSTEP_SEED");
  app.add_option("--transactions", options.workload.transactions, "how many; 0: until stopped")
      ->capture_default_str()
      ->envname("LOCKSTEP_TRANSACTIONS");
  app.add_option("--sessions", options.workload.sessions, "connections of the applier")
      ->capture_default_str()
      ->envname("LOCKSTEP_SESSIONS");
  app.add_option("--checkpoint", options.workload.checkpoint,
                 "compare rows with Postgres every so many")
      ->capture_default_str()
      ->envname("LOCKSTEP_CHECKPOINT");
  options.workload.schema = MakeSchemaName();
  app.add_option("--schema", options.workload.schema, "where the tables are made")
      ->default_str("lockstep_ and eight random digits")
      ->envname("LOCKSTEP_SCHEMA");
  const auto refuse = [&](const model::Error& error) {
    wire::FailBeforeStart("generator", options.status_endpoint, options.verifier_endpoint, error);
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (app.exit(error) == 0) return 0;
    refuse({model::ErrorKind::kUsage, error.what()});
    return static_cast<int>(model::ExitCode::kUsage);
  }

  auto stop = wire::StopSignal::Make();
  auto result = stop ? generator::Validate(options.workload) : std::unexpected(stop.error());
  if (!result) {
    refuse(result.error());
  } else {
    // The first signal asks for the verdict over what was done.
    const wire::Watchdog watchdog(*stop, {.process = "generator", .patience = {.stop_signals = 2}});
    result = generator::RunProcess(options, *stop);
  }
  if (result) return 0;
  spdlog::error("generator: {}", result.error().message);
  return static_cast<int>(model::ExitCodeOf(result.error()));
}
