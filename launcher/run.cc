#include "launcher/run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "launcher/course.h"
#include "launcher/crew.h"
#include "launcher/live_display.h"
#include "launcher/process.h"
#include "launcher/programs.h"
#include "launcher/result.h"
#include "launcher/run_directory.h"
#include "launcher/source.h"
#include "launcher/status_board.h"
#include "report/json_report.h"
#include "report/result.h"
#include "report/shown_text.h"
#include "report/summary.h"
#include "wire/peer.h"
#include "wire/stop_signal.h"

namespace lockstep::launcher {
namespace {

using model::Result;

// Of a failed process's log: a stack trace's interesting part.
constexpr int kTailLines = 20;

void Say(const std::string& text) {
  std::cerr << "lockstep: " << report::Paragraph(text) << std::endl;
}

Result<Programs> FindOurPrograms() {
  const char* bin_dir = std::getenv("LOCKSTEP_BIN_DIR");
  std::error_code ignored;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", ignored);
  return FindPrograms(bin_dir ? std::optional<std::string>(bin_dir) : std::nullopt,
                      self.parent_path().string());
}

bool IsTerminal() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

std::string MakeSchemaName() {
  std::random_device random;
  return fmt::format("lockstep_{:08x}", random());
}

// What a failed process wrote last, and where all of it is.
void ShowLog(const Ending& ending, RunDirectory& directory) {
  if (ending.crashed) directory.KeepLogs();
  if (!ending.blamed.empty()) {
    const std::string tail = Tail(directory.LogPath(ending.blamed), kTailLines);
    if (!tail.empty())
      std::cerr << "the end of " << ending.blamed << "'s log:\n" << report::Paragraph(tail) << "\n";
  }
  const bool is_told = ending.crashed || ending.error;
  if (is_told && !directory.KeptLogs().empty()) Say("logs are in " + directory.KeptLogs());
}

// The part between the checks and the result: processes start, run and end.
Result<Ending> RunCrew(const RunOptions& options, const Programs& programs, const Source& source,
                       const std::string& schema, RunDirectory& directory, wire::StopSignal& stop,
                       StatusBoard& board) {
  Result<postgres::OpenConninfo> database = postgres::WithoutPassword(source.uri());
  if (!database) return std::unexpected(database.error());
  const RunNames names{schema, std::move(*database), directory.sockets(),
                       directory.TraceDirectory()};
  wire::Context context;
  Result<wire::Server> server = wire::Server::Bind(context, "launcher", names.status_endpoint());
  if (!server) return std::unexpected(server.error());
  LiveDisplay display(std::cerr, {.is_terminal = IsTerminal(),
                                  .transactions = options.transactions,
                                  .listeners = options.TotalListeners(),
                                  .start = std::chrono::steady_clock::now()});
  Crew crew(*server, stop, board, display);
  if (Result<void> done = crew.Start(PlanProcesses(programs, names, options), directory); !done) {
    return std::unexpected(done.error());
  }
  Result<Ending> ending = crew.Watch(options.transactions == 0);
  display.Clear();
  return ending;
}

Result<report::RunResult> RunChecked(const RunOptions& options, wire::StopSignal& stop) {
  if (!options.report.empty()) {
    if (Result<void> done = report::CheckReportPath(options.report); !done) {
      return std::unexpected(done.error());
    }
  }
  Result<Programs> programs = FindOurPrograms();
  if (!programs) return std::unexpected(programs.error());
  Result<RunDirectory> directory = RunDirectory::Make(options.keep);
  if (!directory) return std::unexpected(directory.error());
  for (const std::string& removed : directory->removed())
    Say(fmt::format("removed {}, which a killed launcher had left", removed));
  Result<Source> source = Source::Open(options, directory->ClusterPath());
  if (!source) return std::unexpected(source.error());

  StatusBoard board;
  Ending ending{.reason = "interrupted"};
  if (!stop.Stopped()) {
    const std::string schema = MakeSchemaName();
    Say(fmt::format("run {}: seed {}, {} transactions, {} sessions, PostgreSQL {}",
                    schema.substr(schema.find('_') + 1), options.seed,
                    options.transactions == 0 ? "endless" : fmt::to_string(options.transactions),
                    options.sessions, source->postgres_version()));
    for (const std::string& note : source->notes()) Say(note);
    Result<Ending> watched = RunCrew(options, *programs, *source, schema, *directory, stop, board);
    if (source->stays()) {
      if (Result<void> done = RemoveLeftovers(source->uri(), schema); !done) {
        Say(done.error().message);
      }
    }
    if (!watched) return std::unexpected(watched.error());
    ending = std::move(*watched);
  }
  for (const std::string& warning : ending.warnings) Say(warning);
  ShowLog(ending, *directory);
  return MakeResult(ending, board, options, source->postgres_version());
}

}  // namespace

model::ExitCode Run(const RunOptions& options, wire::StopSignal& stop) {
  const auto start = std::chrono::steady_clock::now();
  report::RunResult result{.verdict = {.seed = options.seed}};
  if (Result<report::RunResult> run = RunChecked(options, stop); run) {
    result = std::move(*run);
  } else if (stop.Stopped() && IsOfTheStop(run.error())) {
    Say(run.error().message);
    result.verdict.reason = "interrupted";
  } else {
    result.error = run.error();
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  result.elapsed_s = elapsed.count();

  model::ExitCode code = ExitCodeOf(result);
  if (result.error) {
    Say(result.error->message);
  } else {
    std::cout << report::SummaryText(result) << std::flush;
  }
  if (options.report.empty()) return code;
  if (Result<void> done = report::WriteReport(options.report, result); !done) {
    // Not twice: an unusable --report is why there was no run.
    if (!result.error) Say(done.error().message);
    if (code == model::ExitCode::kConverged) code = model::ExitCode::kEnvironment;
  }
  return code;
}

}  // namespace lockstep::launcher
