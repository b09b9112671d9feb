#include "launcher/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "launcher/audit_options.h"
#include "launcher/options_checks.h"
#include "launcher/settings_file.h"
#include "model/output_plugin.h"

namespace lockstep::launcher {
namespace {

using model::ErrorKind;
using model::Fail;
using model::Result;

// Each listener and session is a connection with a server process of its own; more than this on one
// machine is a mistake in the command line.
constexpr std::uint32_t kListenersMax = 100;
constexpr std::uint32_t kSessionsMax = 500;

constexpr const char* kRunExplanation =
    R"(Runs a generator, an applier, listeners and a verifier against a Postgres server and
says whether what logical replication delivered is what Postgres committed.)";

constexpr const char* kRunFooter = R"(
Each option can also come from the environment (LOCKSTEP_SEED, LOCKSTEP_STALL_TIMEOUT, ...) or,
weaker than that, from the file that --config names (lines like: seed = 7).

Examples:
  lockstep run
  lockstep run --seed 7 --transactions 20000 --listeners 3 --report report.json
  lockstep run --database postgresql://admin@db.example.com/test --plugin decoderbufs
  lockstep run --sabotage corrupt-value --keep /tmp/kept; echo $?

Exit codes:
  0  converged: every commit arrived, once, in order, and all rows agree
  1  an option, a setting of the server or a right is missing or wrong
  2  diverged: the first bad commit and its rows are printed
  3  missing: a listener reported a later commit, or everything beyond it, without one that
     Postgres made
  4  the environment failed (server unreachable, disk full)
  5  inconclusive: interrupted, a process died, nothing moved for --stall-timeout, or a table was
     truncated unseen

Ctrl-C ends the run cleanly: what it created is removed, also on --database.)";

constexpr const char* kDoctorExplanation =
    R"(Looks at a Postgres server and its tables and says whether they can be followed, what
would be lost on the way, and what to do about it. Changes nothing.)";

constexpr const char* kDoctorFooter = R"(
A finding has a severity, a subject (server, schema.table or schema.table.column), what was looked
at, and below it what to do, as SQL where that does it:

  ok       nothing to do
  note     good to know: what idle slots keep, tables with long values, costly settings
  warning  works, but less well
  loss     data would be lost, or a table not be followed
  error    does not work: a setting, a right, a table without a key

A finding names the plugins that it is about; the others do not have it. The last lines say for each
plugin whether it follows everything.

Each option can also come from the environment (LOCKSTEP_DATABASE, LOCKSTEP_PLUGIN, ...) or, weaker
than that, from the file that --config names; what only `run` knows is skipped there.

Examples:
  lockstep doctor --database postgresql://admin@db.example.com/shop
  lockstep doctor --database postgresql:///shop --plugin decoderbufs --schema public
  lockstep doctor --database postgresql:///shop --json | jq .plugins

Exit codes:
  0  the plugin (without --plugin: one of them) follows everything
  1  data would be lost or something does not work; or an option is wrong
  4  the database cannot be reached)";

constexpr const char* kSlotsExplanation =
    R"(Lists the replication slots of a Postgres server: Lockstep's, with the run and listener
that they were made for, and the others'. Changes nothing; `lockstep slots prune` does.)";

constexpr const char* kSlotsFooter = R"(
A slot that nobody reads keeps WAL until the disk is full, or max_slot_wal_keep_size is reached.
Columns: what the reader has not confirmed (lag), what the server keeps for it (WAL held), whether
that is still there (WAL: reserved, extended, unreserved, lost) and who reads it, or since when
nobody does (PostgreSQL 17 and later tell that).

A slot is Lockstep's by its name, lockstep_<run id>_<listener>, or by the session that reads it,
"lockstep <listener>". Below the slots: schemas and publications of runs that have no slot, with the
SQL that removes them.

Examples:
  lockstep slots --database postgresql://admin@db.example.com/shop
  lockstep slots --database postgresql:///shop --json | jq '.slots[] | select(.active | not)'
  lockstep slots prune --help

Exit codes:
  0  the slots are printed
  1  an option is wrong
  4  the database cannot be reached)";

constexpr const char* kPruneExplanation =
    R"(Drops slots of Lockstep that nobody will read again, and says of each slot of
Lockstep what becomes of it and why. Slots of others are never touched.)";

constexpr const char* kPruneFooter = R"(
Dropped is a slot that is named lockstep_<run id>_<listener>, belongs to the database of --database,
is not read by anybody, and
  - whose run's schema lockstep_<run id> is gone, or
  - which the server has invalidated (its WAL is lost), or
  - which was inactive for --older-than, or
  - which holds more WAL than --wal-above.
The first two need no option: such a slot is of no use to anybody. A listener that is stopped for a
while looks like one that is gone, so choose the bounds above the longest pause.

Examples:
  lockstep slots prune --database postgresql:///shop --dry-run
  lockstep slots prune --database postgresql:///shop --older-than 2d
  lockstep slots prune --database postgresql:///shop --wal-above 20GB --json

Exit codes:
  0  what was to be dropped is dropped, or there was nothing
  1  a slot could not be dropped (the line says why), or an option is wrong
  4  the database cannot be reached)";

// LOCKSTEP_STALL_TIMEOUT for stall-timeout.
std::string VariableOf(const std::string& option) {
  std::string name = "LOCKSTEP_" + option;
  std::ranges::transform(name, name.begin(), [](unsigned char c) {
    return c == '-' ? '_' : static_cast<char>(std::toupper(c));
  });
  return name;
}

CLI::App* AddRun(CLI::App& app, RunOptions& options) {
  constexpr std::uint64_t kAnyNumber = std::numeric_limits<std::uint64_t>::max();
  constexpr std::uint64_t kNoLimit = 1'000'000'000'000;
  CLI::App* run = app.add_subcommand("run", kRunExplanation);
  run->footer(kRunFooter);
  run->add_option("--seed", options.seed, "fixes tables, rows and transactions")
      ->check(WholeNumber(0, kAnyNumber))
      ->capture_default_str();
  run->add_option("--transactions", options.transactions,
                  "how many to generate; 0: until Ctrl-C, which\nends the run with a verdict")
      ->check(WholeNumber(0, kNoLimit))
      ->capture_default_str();
  run->add_option("--sessions", options.sessions, "connections that execute them side by side")
      ->check(WholeNumber(1, kSessionsMax))
      ->capture_default_str();
  run->add_option("--listeners", options.listeners, "on each plugin, each with a slot of its own")
      ->check(WholeNumber(1, kListenersMax))
      ->capture_default_str();
  run->add_option("--plugin", options.plugin,
                  fmt::format("the output plugin that listeners read ({}), several\n"
                              "by commas, or \"all\": their commits are compared with each other",
                              model::OutputPluginNames()))
      ->check(PluginList())
      ->capture_default_str();
  run->add_option("--database", options.database,
                  "URI of the Postgres to use (wal_level=logical; a user that may replicate and\n"
                  "create schemas); by default one is made for the run and removed");
  run->add_option("--keep", options.keep,
                  "a new directory that keeps logs, the cluster and traces of the streams");
  run->add_option("--report", options.report, "a file for the result as JSON");
  run->add_option("--sabotage", options.sabotage,
                  WithSabotageKinds("listener-1 falsifies what it received in this way, to see the "
                                    "verifier find it"))
      ->check(SabotageKind());
  run->add_flag(
      "--no-truncation-triggers", options.no_truncation_triggers,
      "leave TRUNCATE unseen on plugins that do not send it: the tables that it hits are\n"
      "then not compared any further, and the run does not converge");
  run->add_option("--checkpoint", options.checkpoint,
                  "transactions between comparisons of all rows with Postgres")
      ->check(WholeNumber(1, kNoLimit))
      ->capture_default_str();
  run->add_option("--stall-timeout", options.stall_timeout_s,
                  "seconds without any progress that make the run inconclusive")
      ->check(WholeNumber(1, 1'000'000))
      ->capture_default_str();
  run->add_option("--listener-timeout", options.listener_timeout_s,
                  "seconds of silence after which a listener that owes reports is lost")
      ->check(WholeNumber(1, 86'400))
      ->capture_default_str();
  return run;
}

CLI::App* AddDoctor(CLI::App& app, DoctorOptions& options) {
  CLI::App* doctor = app.add_subcommand("doctor", kDoctorExplanation);
  doctor->footer(kDoctorFooter);
  doctor->add_option("--database", options.database, "URI of the Postgres to look at; required");
  doctor
      ->add_option("--plugin", options.plugin,
                   "the output plugin that is meant to be used; by default every one that the\n"
                   "server has")
      ->check(KnownPlugin());
  doctor
      ->add_option("--schema", options.schemas,
                   "only the tables of this schema; can be repeated. By default all but the\n"
                   "system's")
      ->allow_extra_args(false);
  doctor->add_flag("--json", options.json, "print one JSON object");
  return doctor;
}

struct Unit {
  std::string_view name;
  std::int64_t factor;
};
constexpr Unit kDurations[] = {{"s", 1}, {"min", 60}, {"m", 60}, {"h", 3600}, {"d", 86400}};
constexpr Unit kSizes[] = {
    {"B", 1}, {"kB", 1000}, {"MB", 1'000'000}, {"GB", 1'000'000'000}, {"TB", 1'000'000'000'000}};

// "2d", "20GB"; nullopt when it is not a number with one of the units.
std::optional<std::int64_t> ParseAmount(const std::string& text, std::span<const Unit> units) {
  constexpr std::int64_t kMax = 1'000'000;  // times the largest unit fits
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0 || number > kMax) return std::nullopt;
  const std::string_view name(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const Unit& unit : units) {
    if (unit.name == name) return number * unit.factor;
  }
  return std::nullopt;
}

// An option whose value is an amount with a unit.
void AddAmount(CLI::App& app, const char* name, std::optional<std::int64_t>& amount,
               std::span<const Unit> units, const char* example, const char* explanation) {
  app.add_option_function<std::string>(
         name,
         [&amount, units, name, example](const std::string& text) {
           amount = ParseAmount(text, units);
           if (amount) return;
           throw CLI::ValidationError(
               name, fmt::format("\"{}\" is not a number with a unit, like {}", text, example));
         },
         explanation)
      ->type_name(example);
}

// Both, the command and its subcommand.
CLI::App* AddSlots(CLI::App& app, SlotsOptions& options, PruneOptions& prune_options) {
  CLI::App* slots = app.add_subcommand("slots", kSlotsExplanation);
  slots->footer(kSlotsFooter);
  slots->add_option("--database", options.database, "URI of the Postgres to look at; required");
  slots->add_flag("--json", options.json, "print one JSON object");

  CLI::App* prune = slots->add_subcommand("prune", kPruneExplanation);
  prune->footer(kPruneFooter);
  prune->add_option("--database", prune_options.database,
                    "URI of the database whose slots are looked at; required");
  AddAmount(*prune, "--older-than", prune_options.rule.older_than_s, kDurations, "2d",
            "also slots that were inactive for so long (s, min, h, d);\n"
            "PostgreSQL 17 and later");
  AddAmount(*prune, "--wal-above", prune_options.rule.wal_above_bytes, kSizes, "20GB",
            "also inactive slots that hold more WAL than this (kB, MB, GB, TB)");
  prune->add_flag("--dry-run", prune_options.dry_run, "only say what would be dropped");
  prune->add_flag("--json", prune_options.json, "print one JSON object");
  return slots;
}

bool IsSet(const std::string& value) { return !value.empty(); }

// Gives an option that the command line left out the value of a weaker source.
Result<void> Supply(CLI::Option& option, const std::string& value, const std::string& where) {
  if (option.count() > 0) return {};
  try {
    option.add_result(value);
    option.run_callback();
  } catch (const CLI::Error& error) {
    return Fail(ErrorKind::kUsage, fmt::format("{}: {}", where, error.what()));
  }
  return {};
}

Result<void> SupplyFromEnvironment(CLI::App& command, const Environment& environment) {
  for (CLI::Option* option : command.get_options()) {
    const std::string variable = VariableOf(option->get_single_name());
    const std::optional<std::string> value = environment(variable);
    if (!value || !IsSet(*value) || option == command.get_help_ptr()) continue;
    if (Result<void> done = Supply(*option, *value, variable); !done) return done;
  }
  return {};
}

// A file may serve several commands: what only `others` know is skipped.
Result<void> SupplyFromFile(CLI::App& command, const std::vector<CLI::App*>& others,
                            const std::string& path) {
  Result<std::vector<Setting>> settings = ReadSettings(path);
  if (!settings) return std::unexpected(settings.error());
  for (const Setting& setting : *settings) {
    const std::string name = "--" + setting.name;
    CLI::Option* option = command.get_option_no_throw(name);
    const bool never = setting.name == "help" || setting.name == "config";
    const bool skipped = std::ranges::any_of(
        others, [&](CLI::App* other) { return other->get_option_no_throw(name) != nullptr; });
    if (never || (option == nullptr && !skipped)) {
      return Fail(ErrorKind::kUsage,
                  fmt::format("{}: there is no option \"{}\" (lockstep {} --help names them)",
                              setting.where, setting.name, command.get_name()));
    }
    if (option == nullptr) continue;
    if (Result<void> done = Supply(*option, setting.value, setting.where); !done) return done;
  }
  return {};
}

// "" stays "".
std::string Resolve(const std::string& path, const Environment& environment) {
  if (path.empty()) return path;
  const std::optional<std::string> caller = environment("BUILD_WORKING_DIRECTORY");
  const std::filesystem::path base =
      caller && IsSet(*caller) ? std::filesystem::path(*caller) : std::filesystem::current_path();
  return (base / path).lexically_normal().string();
}

}  // namespace

std::vector<std::string> RunOptions::Plugins() const { return SplitPlugins(plugin); }

std::uint32_t RunOptions::TotalListeners() const {
  return listeners * static_cast<std::uint32_t>(Plugins().size());
}

std::string RunOptions::PluginOf(std::uint32_t listener) const {
  const std::vector<std::string> plugins = Plugins();
  return plugins[(listener - 1) % plugins.size()];
}

Result<Command> ParseCommandLine(std::vector<std::string> arguments,
                                 const Environment& environment) {
  CLI::App app("Proves that PostgreSQL logical replication delivers what was committed.",
               "lockstep");
  app.require_subcommand(1);
  app.footer("\nlockstep COMMAND --help tells more, with examples and the exit codes.");
  RunOptions options;
  DoctorOptions doctor_options;
  SlotsOptions slots_options;
  PruneOptions prune_options;
  AuditOptions audit_options;
  audit_options.command = TakeAuditedCommand(arguments);
  std::string config;
  CLI::App* run = AddRun(app, options);
  CLI::App* doctor = AddDoctor(app, doctor_options);
  CLI::App* slots = AddSlots(app, slots_options, prune_options);
  CLI::App* prune = slots->get_subcommand("prune");
  CLI::App* audit = AddAudit(app, audit_options);
  const std::vector<CLI::App*> commands = {run, doctor, slots, prune, audit};
  for (CLI::App* command : commands) {
    command->add_option("--config", config, "a file with options, one `name = value` a line");
  }
  const auto given = [&] {
    // The innermost one.
    CLI::App* found = run;
    for (CLI::App* command : commands) {
      if (command->parsed()) found = command;
    }
    return found;
  };
  const auto name_of = [&](const CLI::App* command) {
    return command == prune ? std::string("slots prune") : command->get_name();
  };
  try {
    std::ranges::reverse(arguments);  // as CLI11 wants them
    app.parse(std::move(arguments));
  } catch (const CLI::Success& success) {
    std::ostringstream text;
    app.exit(success, text, text);
    return HelpText{text.str()};
  } catch (const CLI::Error& error) {
    return Fail(ErrorKind::kUsage,
                fmt::format("{} (lockstep {} --help)", error.what(), name_of(given())));
  }
  CLI::App* command = given();
  if (Result<void> done = SupplyFromEnvironment(*command, environment); !done) {
    return std::unexpected(done.error());
  }
  if (!config.empty()) {
    if (auto done = SupplyFromFile(*command, commands, Resolve(config, environment)); !done) {
      return std::unexpected(done.error());
    }
  }
  if (command == run) {
    options.keep = Resolve(options.keep, environment);
    options.report = Resolve(options.report, environment);
    return options;
  }
  if (command == audit) {
    audit_options.keep = Resolve(audit_options.keep, environment);
    audit_options.report = Resolve(audit_options.report, environment);
    if (auto done = CheckAudit(audit_options); !done) return std::unexpected(done.error());
    return audit_options;
  }
  const auto checked = [&](auto given_options) -> Result<Command> {
    if (!given_options.database.empty()) return given_options;
    return Fail(ErrorKind::kUsage, fmt::format("--database is required: name the Postgres to look "
                                               "at (lockstep {} --help)",
                                               name_of(command)));
  };
  if (command == doctor) return checked(std::move(doctor_options));
  // `lockstep slots --database URI prune` means the same.
  if (command == prune && prune_options.database.empty())
    prune_options.database = slots_options.database;
  prune_options.json |= slots_options.json;
  return command == prune ? checked(std::move(prune_options)) : checked(std::move(slots_options));
}

}  // namespace lockstep::launcher
