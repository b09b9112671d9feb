// The listener's command line.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <string>

#include "listener/identity.h"
#include "listener/process.h"
#include "model/error.h"
#include "model/sabotage_kind.h"
#include "postgres/server_waits.h"
#include "wire/reporter.h"
#include "wire/stop_signal.h"
#include "wire/watchdog.h"

namespace {

using namespace lockstep;

model::Result<void> Run(const listener::ProcessOptions& options) {
  auto stop = wire::StopSignal::Make();
  if (!stop) return std::unexpected(stop.error());
  const wire::Watchdog watchdog(*stop, {.process = options.id,
                                        .interrupt = postgres::InterruptServerWaits,
                                        .waits_for = postgres::DescribeServerWaits});
  return listener::RunProcess(options, *stop);
}

}  // namespace

int main(int argc, char** argv) {
  listener::ProcessOptions options;
  std::string sabotage;
  CLI::App app(
      "Follows a database's logical replication stream and reports every commit to the verifier.",
      "listener");
  app.set_config("--config", "", "read options from this file");
  options.id = listener::IdOfThisHost();
  app.add_option("--id", options.id, "name of this listener, different from every other's")
      ->capture_default_str()
      ->envname("LOCKSTEP_ID");
  app.add_option("--verifier", options.verifier_endpoint, "endpoint of the verifier")
      ->envname("LOCKSTEP_VERIFIER")
      ->required();
  // Before whatever may be wrong, of which the launcher is told.
  app.add_option("--status", options.status_endpoint, "endpoint of the launcher")
      ->envname("LOCKSTEP_STATUS");
  app.add_option("--database", options.conninfo, "what to follow: a URI or key=value pairs")
      ->envname("LOCKSTEP_DATABASE")
      ->required();
  options.plugin = "decoderbufs";
  app.add_option("--plugin", options.plugin, "output plugin")
      ->capture_default_str()
      ->envname("LOCKSTEP_PLUGIN");
  app.add_option("--slot", options.slot, "name of the slot to make (default: run and id)")
      ->envname("LOCKSTEP_SLOT");
  app.add_flag("--install-triggers", options.install_triggers,
               "where the plugin does not send TRUNCATE: make triggers on the tables that show it");
  app.add_option("--attach-timeout", options.attach_timeout_s,
                 "seconds to wait for open transactions, and for tables that are not truncated or "
                 "altered just then, to make the slot")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->envname("LOCKSTEP_ATTACH_TIMEOUT");
  app.add_option("--copy-connections", options.copy_connections,
                 "connections that copy the tables at the start")
      ->check(CLI::Range(1, 64))
      ->capture_default_str()
      ->envname("LOCKSTEP_COPY_CONNECTIONS");
  app.add_option("--sabotage", sabotage, "lie on purpose, to see the verifier catch it")
      ->envname("LOCKSTEP_SABOTAGE");
  app.add_option("--trace", options.trace_path, "record the replication stream in this file")
      ->envname("LOCKSTEP_TRACE");
  app.add_option("--health-file", options.health_path,
                 "make this file once attached; it is removed while there is no slot")
      ->envname("LOCKSTEP_HEALTH_FILE");
  const auto refuse = [&](const model::Error& error) {
    wire::FailBeforeStart(options.id, options.status_endpoint, options.verifier_endpoint, error);
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (app.exit(error) == 0) return 0;
    refuse({model::ErrorKind::kUsage, error.what()});
    return static_cast<int>(model::ExitCode::kUsage);
  }

  model::Result<void> result;
  if (!sabotage.empty()) {
    auto kind = model::ParseSabotageKind(sabotage);
    if (kind) options.sabotage = *kind;
    if (!kind) result = std::unexpected(kind.error());
  }
  if (!result) {
    refuse(result.error());
  } else {
    result = Run(options);
  }
  if (result) return 0;
  spdlog::error("{}: {}", options.id, result.error().message);
  return static_cast<int>(model::ExitCodeOf(result.error()));
}
