#include "launcher/options_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <system_error>

#include "model/output_plugin.h"
#include "model/sabotage_kind.h"

namespace lockstep::launcher {
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

CLI::Validator SabotageKind() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        auto kind = model::ParseSabotageKind(text);
        return kind ? "" : kind.error().message;
      },
      "");
}

std::string WithSabotageKinds(const std::string& text) {
  constexpr std::size_t kInLine = 4;
  std::string lines = text + ":";
  const auto kinds = model::SabotageKinds();
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    lines += fmt::format("{}{}{}", i % kInLine == 0 ? '\n' : ' ', model::NameOf(kinds[i]),
                         i + 1 < kinds.size() ? "," : "");
  }
  return lines;
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

// Before the server is asked for it.
CLI::Validator KnownPlugin() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        if (model::FindOutputPlugin(text) != nullptr) return {};
        return fmt::format("\"{}\" is none of {}", text, model::OutputPluginNames());
      },
      "");
}

}  // namespace lockstep::launcher
