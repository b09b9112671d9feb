#include "launcher/audit_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "launcher/options_checks.h"
#include "model/output_plugin.h"

namespace lockstep::launcher {
namespace {

using model::ErrorKind;
using model::Fail;

constexpr const char* kExplanation =
    R"(Follows a database while a command of yours works on it, keeps a replica of its tables from
what logical replication delivers, and says whether that is what the tables hold.)";

constexpr const char* kFooter = R"(
What follows -- is run with PGHOST, PGPORT, PGUSER, PGDATABASE (and PGPASSWORD, where the URI has
one) set, once everything is attached. Rows are compared one by one, every --checkpoint and when the
command has ended; the comparison is exact while others write.

What it creates is said first, and removed at the end: replication slots, for pgoutput publications,
with --install-triggers a log of truncations by triggers on the tables, and a log of schema changes
by event triggers, in schemas of their own.

Every table is accounted for: compared, or excluded with the reason. Tables that are created
meanwhile are followed from then on; those that are altered are read anew, and the summary says so.

Each option can also come from the environment (LOCKSTEP_DATABASE, LOCKSTEP_PLUGIN, ...) or, weaker
than that, from the file that --config names.

Examples:
  lockstep audit --database postgresql:///shop -- ./run_tests.sh
  lockstep audit --database postgresql:///shop --plugin all --watch
  lockstep audit --database postgresql:///shop --publication orders -- ./run_tests.sh
  lockstep audit --embedded -- psql -f my_workload.sql

Exit codes:
  0  converged: at least one table was compared at the end, none differs, and changes are proven
  1  an option, a setting of the server or a right is missing or wrong
  2  diverged: table, key, columns and transaction are printed
  4  the environment failed (server unreachable, disk full)
  5  inconclusive: interrupted, a process died, nothing could be compared or was proven, or rows
     that differ are excused

The command's own exit status is in --report, and changes the verdict only with
--require-command-success. Ctrl-C ends the command, then compares; a second one leaves that out.
Everything is removed either way.)";

// What the auditor takes, said before it is started.
CLI::Validator CheckpointInterval() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        std::string digits = text;
        if (digits.ends_with('s')) digits.pop_back();
        const bool ok =
            !digits.empty() && digits.size() < 10 && digits.find_first_not_of('0') != digits.npos &&
            std::ranges::all_of(digits, [](unsigned char c) { return std::isdigit(c) != 0; });
        if (ok) return {};
        return fmt::format("\"{}\" is neither seconds (10s) nor a number of commits (5000)", text);
      },
      "");
}

}  // namespace

std::vector<std::string> AuditOptions::Plugins() const { return SplitPlugins(plugin); }

std::vector<std::string> TakeAuditedCommand(std::vector<std::string>& arguments) {
  const auto mark = std::ranges::find(arguments, "--");
  if (arguments.empty() || arguments.front() != "audit" || mark == arguments.end()) return {};
  std::vector<std::string> command(mark + 1, arguments.end());
  arguments.erase(mark, arguments.end());
  return command;
}

CLI::App* AddAudit(CLI::App& app, AuditOptions& options) {
  CLI::App* audit = app.add_subcommand("audit", kExplanation);
  audit->footer(kFooter);
  audit->add_option("--database", options.database, "URI of the Postgres to audit");
  audit->add_flag("--embedded", options.embedded, "a fresh Postgres, made for this and removed");
  audit
      ->add_option("--plugin", options.plugin,
                   fmt::format("the output plugin to follow with ({}), several by\n"
                               "commas, or \"all\"",
                               model::OutputPluginNames()))
      ->check(PluginList())
      ->capture_default_str();
  audit->add_option("--schema", options.schemas,
                    "only tables of schemas of these names: patterns with * and ?,\n"
                    "several by commas; by default all but the system's");
  audit->add_option("--tables", options.tables, "only tables of these names: patterns, too");
  audit->add_option("--exclude", options.excluded,
                    "no tables of these names: patterns, of the name or of schema.name");
  audit->add_option("--publication", options.publication,
                    "audit what this publication of yours sends, and make none (pgoutput)");
  audit
      ->add_option("--checkpoint", options.checkpoint,
                   "seconds (10s) or commits (5000) between comparisons")
      ->check(CheckpointInterval())
      ->capture_default_str();
  audit->add_flag("--watch", options.watch, "run no command; until Ctrl-C");
  audit->add_flag("--install-triggers", options.install_triggers,
                  "make TRUNCATE visible on plugins that do not send it, and log schema changes: "
                  "tables and triggers");
  audit->add_flag("--strict", options.strict,
                  "converge only if no table was excluded, excused or read anew\n"
                  "(--exclude those that are not to be judged)");
  audit->add_flag("--require-command-success", options.require_command_success,
                  "converge only if the command exits with 0");
  audit->add_option("--report", options.report, "a file for the result as JSON");
  audit->add_option("--keep", options.keep, "a new directory that keeps logs and the cluster");
  audit
      ->add_option(
          "--sabotage", options.sabotage,
          WithSabotageKinds("falsify what arrives in this way, to see the comparison find it; "
                            "not\nswap-commits and reorder-changes, which leave the state "
                            "right"))
      ->check(SabotageKind());
  return audit;
}

model::Result<void> CheckAudit(const AuditOptions& options) {
  const auto usage = [](const char* text) {
    return Fail(ErrorKind::kUsage, fmt::format("{} (lockstep audit --help)", text));
  };
  if (options.database.empty() && !options.embedded)
    return usage("name the Postgres to audit: --database URI, or --embedded for a fresh one");
  if (!options.database.empty() && options.embedded)
    return usage("--database and --embedded exclude each other");
  if (!options.publication.empty()) {
    if (options.embedded) return usage("a fresh server has no --publication: name its --database");
    const auto plugins = options.Plugins();
    if (!std::ranges::all_of(plugins, [](const std::string& plugin) {
          return model::FindOutputPlugin(plugin)->sends_publications;
        }))
      return usage("--publication is for --plugin pgoutput and pgoutput-binary");
  }
  if (options.command.empty() && !options.watch)
    return usage("say what to run (-- COMMAND ARG...), or --watch");
  if (!options.command.empty() && options.watch)
    return usage("--watch runs no command: leave one of the two out");
  return {};
}

}  // namespace lockstep::launcher
