// The auditor's command line.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <string>

#include "auditor/process.h"
#include "auditor/process_options.h"
#include "auditor/schedule.h"
#include "model/error.h"
#include "model/sabotage_kind.h"
#include "postgres/server_waits.h"
#include "wire/stop_signal.h"
#include "wire/watchdog.h"

namespace {

using namespace lockstep;

model::Result<void> Run(auditor::ProcessOptions& options, const std::string& checkpoint,
                        const std::string& sabotage) {
  auto interval = auditor::ParseInterval(checkpoint);
  if (!interval) return std::unexpected(interval.error());
  options.checkpoint = *interval;
  if (!sabotage.empty()) {
    auto kind = model::ParseSabotageKind(sabotage);
    if (!kind) return std::unexpected(kind.error());
    options.sabotage = *kind;
  }
  auto stop = wire::StopSignal::Make();
  if (!stop) return std::unexpected(stop.error());
  // The first signal asks for the comparison at the end.
  const wire::Watchdog watchdog(*stop, {.process = options.id,
                                        .patience = {.stop_signals = 2},
                                        .interrupt = postgres::InterruptServerWaits,
                                        .waits_for = postgres::DescribeServerWaits});
  return auditor::RunProcess(options, *stop);
}

}  // namespace

int main(int argc, char** argv) {
  auditor::ProcessOptions options;
  std::string checkpoint = "10s";
  std::string sabotage;
  CLI::App app(
      "Follows a database with one output plugin and compares what arrives with its tables.",
      "auditor");
  options.id = "audit";
  app.add_option("--id", options.id, "name of this auditor")->capture_default_str();
  app.add_option("--database", options.conninfo, "what to audit: a URI or key=value pairs")
      ->required();
  app.add_option("--plugin", options.plugin, "output plugin")->required();
  app.add_option("--slot", options.slot, "name of the slot and the publications to make")
      ->required();
  app.add_option("--schema", options.schemas, "only schemas of these names: patterns with * and ?");
  app.add_option("--tables", options.tables, "only tables of these names: patterns with * and ?");
  app.add_option("--exclude", options.excluded,
                 "no tables of these names: patterns, of the name or of schema.name");
  app.add_option("--publication", options.publication,
                 "follow what this publication sends, and make none");
  app.add_option("--result", options.result_path, "a file for the result as JSON");
  app.add_option("--checkpoint", checkpoint, "seconds (10s) or commits (5000) between comparisons")
      ->capture_default_str();
  app.add_option("--truncation-log", options.truncation_log,
                 "where the plugin does not send TRUNCATE: make triggers on the tables that show "
                 "it, with a log in this schema, which is made");
  app.add_option("--ddl-log", options.ddl_log, "the schema of a log of schema changes to read");
  app.add_option("--attach-timeout", options.attach_timeout_s,
                 "seconds to wait for open transactions at the start and at the end")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--copy-connections", options.copy_connections, "connections that read tables")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--sabotage", sabotage, "falsify what arrives, to see the comparison find it");
  app.add_option("--status", options.status_endpoint, "endpoint of the launcher");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(model::ExitCode::kUsage);
  }
  const auto result = Run(options, checkpoint, sabotage);
  if (result) return 0;
  spdlog::error("{}: {}", options.id, result.error().message);
  return static_cast<int>(model::ExitCodeOf(result.error()));
}
