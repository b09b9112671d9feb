#include "launcher/result.h"

#include "launcher/programs.h"
#include "model/verdict.h"

namespace lockstep::launcher {
namespace {

model::Verdict FromCounters(const StatusBoard& board, const RunOptions& options) {
  model::Verdict verdict;
  verdict.transactions = {.generated = board.Get("generator", "scripts"),
                          .committed = board.Get("applier", "committed"),
                          .rolled_back = board.Get("applier", "rolled_back"),
                          .failed = board.Get("applier", "failed")};
  for (std::uint32_t number = 1; number <= options.TotalListeners(); ++number) {
    const std::string id = ListenerName(number);
    verdict.listeners.push_back({.id = id,
                                 .plugin = options.PluginOf(number),
                                 .transactions = board.Get(id, "transactions"),
                                 .changes = board.Get(id, "changes"),
                                 .commits_checked = board.Get("verifier", id + ".checked"),
                                 .end_lsn = {board.Get(id, "end_lsn")}});
  }
  return verdict;
}

}  // namespace

report::RunResult MakeResult(const Ending& ending, const StatusBoard& board,
                             const RunOptions& options, const std::string& postgres_version) {
  report::RunResult result{
      .error = ending.error,
      .verdict = ending.verdict ? *ending.verdict : FromCounters(board, options)};
  result.verdict.kind = ending.kind;
  result.verdict.reason = ending.reason;
  result.verdict.seed = options.seed;
  if (result.verdict.postgres_version.empty()) result.verdict.postgres_version = postgres_version;
  return result;
}

}  // namespace lockstep::launcher
