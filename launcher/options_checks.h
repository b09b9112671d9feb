// Checks that several commands' options share. Each says what is wrong with a value.
#ifndef LOCKSTEP_LAUNCHER_OPTIONS_CHECKS_H_
#define LOCKSTEP_LAUNCHER_OPTIONS_CHECKS_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace lockstep::launcher {

// Digits only: CLI11 itself takes -1 for an unsigned number.
CLI::Validator WholeNumber(std::uint64_t min, std::uint64_t max);

// A kind of --sabotage: what a listener says of a wrong one comes late and from its log.
CLI::Validator SabotageKind();
// `text`, and below it the kinds.
std::string WithSabotageKinds(const std::string& text);

// Names of output plugins, several by commas, or "all".
CLI::Validator PluginList();
std::vector<std::string> SplitPlugins(const std::string& list);

// One name of an output plugin, before the server is asked for it.
CLI::Validator KnownPlugin();

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_OPTIONS_CHECKS_H_
