#include "launcher/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <limits>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

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

// As the footer lists them.
constexpr std::string_view kSabotageKinds[] = {
    "drop-change",   "duplicate-transaction", "swap-commits", "null-for-unchanged",
    "corrupt-value", "apply-rolled-back",     "stale-key"};

constexpr const char* kRunExplanation =
    R"(Runs a generator, an applier, listeners and a verifier against a Postgres server and
says whether what logical replication delivered is what Postgres committed.)";

constexpr const char* kRunFooter = R"(
Each option can also come from the environment (LOCKSTEP_SEED, LOCKSTEP_STALL_TIMEOUT, ...) or,
weaker than that, from the file that --config names (lines like: seed = 7).

Kinds of --sabotage: drop-change, duplicate-transaction, swap-commits, null-for-unchanged,
corrupt-value, apply-rolled-back, stale-key.

Examples:
  lockstep run
  lockstep run --seed 7 --transactions 20000 --listeners 3 --report report.json
  lockstep run --database postgresql://admin@db.example.com/test --plugin decoderbufs
  lockstep run --sabotage corrupt-value --keep /tmp/kept; echo $?

Exit codes:
  0  converged: every commit arrived, once, in order, and all rows agree
  1  an option, a setting of the server or a right is missing or wrong
  2  diverged: the first bad commit and its rows are printed
  3  missing: a listener confirmed past a commit that it never delivered
  4  the environment failed (server unreachable, disk full)
  5  inconclusive: interrupted, a process died, or nothing moved for --stall-timeout

Ctrl-C ends the run cleanly: what it created is removed, also on --database.)";

// LOCKSTEP_STALL_TIMEOUT for stall-timeout.
std::string VariableOf(const std::string& option) {
  std::string name = "LOCKSTEP_" + option;
  std::ranges::transform(name, name.begin(), [](unsigned char c) {
    return c == '-' ? '_' : static_cast<char>(std::toupper(c));
  });
  return name;
}

// CLI11 itself takes -1 for an unsigned number.
CLI::Validator WholeNumber(std::uint64_t min, std::uint64_t max) {
  return CLI::Validator(
      [=](std::string& text) -> std::string {
        std::uint64_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        const bool ok = error == std::errc() && end == text.data() + text.size();
        if (ok && number >= min && number <= max) return {};
        return fmt::format("\"{}\" is not a whole number from {} to {}", text, min, max);
      },
      "");
}

// The listener knows them too, but what it says of a wrong one comes late and from its log.
CLI::Validator SabotageKind() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        const bool known = std::ranges::find(kSabotageKinds, text) != std::end(kSabotageKinds);
        return known ? "" : fmt::format("there is no kind \"{}\"", text);
      },
      "");
}

std::vector<std::string> SplitPlugins(const std::string& list) {
  std::vector<std::string> plugins;
  if (list == "all") {
    for (const model::OutputPlugin& plugin : model::OutputPlugins())
      plugins.emplace_back(plugin.name);
    return plugins;
  }
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t comma = std::min(list.find(',', at), list.size());
    plugins.push_back(list.substr(at, comma - at));
    at = comma + 1;
  }
  return plugins;
}

CLI::Validator PluginList() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        for (const std::string& plugin : SplitPlugins(text)) {
          if (model::FindOutputPlugin(plugin)) continue;
          return fmt::format("there is no decoder for \"{}\"; there is one for each of {}", plugin,
                             model::OutputPluginNames());
        }
        return "";
      },
      "");
}

CLI::App* AddRun(CLI::App& app, RunOptions& options) {
  constexpr std::uint64_t kAnyNumber = std::numeric_limits<std::uint64_t>::max();
  constexpr std::uint64_t kNoLimit = 1'000'000'000'000;
  CLI::App* run = app.add_subcommand("run", kRunExplanation);
  run->footer(kRunFooter);
  run->add_option("--seed", options.seed, "fixes tables, rows and transactions")
      ->check(WholeNumber(0, kAnyNumber))
      ->capture_default_str();
  run->add_option("--transactions", options.transactions, "how many to generate")
      ->check(WholeNumber(1, kNoLimit))
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
                  "listener-1 falsifies what it received in this way; the verifier must find it")
      ->check(SabotageKind());
  run->add_option("--checkpoint", options.checkpoint,
                  "transactions between comparisons of all rows with Postgres")
      ->check(WholeNumber(1, kNoLimit))
      ->capture_default_str();
  run->add_option("--stall-timeout", options.stall_timeout_s,
                  "seconds without any progress that make the run inconclusive")
      ->check(WholeNumber(1, 1'000'000))
      ->capture_default_str();
  return run;
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

Result<void> SupplyFromEnvironment(CLI::App& run, const Environment& environment) {
  for (CLI::Option* option : run.get_options()) {
    const std::string variable = VariableOf(option->get_single_name());
    const std::optional<std::string> value = environment(variable);
    if (!value || !IsSet(*value) || option == run.get_help_ptr()) continue;
    if (Result<void> done = Supply(*option, *value, variable); !done) return done;
  }
  return {};
}

Result<void> SupplyFromFile(CLI::App& run, const std::string& path) {
  Result<std::vector<Setting>> settings = ReadSettings(path);
  if (!settings) return std::unexpected(settings.error());
  for (const Setting& setting : *settings) {
    CLI::Option* option = run.get_option_no_throw("--" + setting.name);
    if (option == nullptr || setting.name == "help" || setting.name == "config") {
      return Fail(ErrorKind::kUsage,
                  fmt::format("{}: there is no option \"{}\" (lockstep run --help names them)",
                              setting.where, setting.name));
    }
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
  app.footer("\nlockstep run --help tells more, with examples and the exit codes.");
  RunOptions options;
  std::string config;
  CLI::App* run = AddRun(app, options);
  run->add_option("--config", config, "a file with options, one `name = value` a line");
  try {
    std::ranges::reverse(arguments);  // as CLI11 wants them
    app.parse(std::move(arguments));
  } catch (const CLI::Success& success) {
    std::ostringstream text;
    app.exit(success, text, text);
    return HelpText{text.str()};
  } catch (const CLI::Error& error) {
    return Fail(ErrorKind::kUsage, fmt::format("{} (lockstep run --help)", error.what()));
  }
  if (Result<void> done = SupplyFromEnvironment(*run, environment); !done) {
    return std::unexpected(done.error());
  }
  if (!config.empty()) {
    if (Result<void> done = SupplyFromFile(*run, Resolve(config, environment)); !done) {
      return std::unexpected(done.error());
    }
  }
  options.keep = Resolve(options.keep, environment);
  options.report = Resolve(options.report, environment);
  return options;
}

}  // namespace lockstep::launcher
