#include "tools/plugins_page.h"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "model/output_plugin.h"

namespace lockstep::tools {
namespace {

using model::Fail;
using model::Loss;
using model::LossesOf;
using model::OutputPlugin;
using model::PluginVersion;
using model::Result;

// The oldest major that can be followed and the newest that is known (model/output_plugin).
constexpr int kOldest = 13;
constexpr int kNewest = 18;

bool Loses(const OutputPlugin& plugin, Loss loss, int major, bool numbers_as_strings) {
  return LossesOf(plugin.name, {major * 10'000, numbers_as_strings}).Has(loss);
}

// The majors that lose it, as text; "": none, "yes": all.
std::string Majors(const OutputPlugin& plugin, Loss loss, bool numbers_as_strings) {
  std::vector<int> losing;
  for (int major = kOldest; major <= kNewest; ++major) {
    if (Loses(plugin, loss, major, numbers_as_strings)) losing.push_back(major);
  }
  if (losing.empty()) return "";
  if (losing.size() == kNewest - kOldest + 1) return "yes";
  if (losing.size() == 1) return fmt::format("PostgreSQL {}", losing.front());
  return fmt::format("PostgreSQL {} to {}", losing.front(), losing.back());
}

// When a plugin has the loss. "no", "yes", or the versions.
std::string Cell(const OutputPlugin& plugin, Loss loss) {
  const std::string old_one = Majors(plugin, loss, false);
  if (plugin.probed_option.empty()) return old_one.empty() ? "no" : old_one;
  const std::string new_one = Majors(plugin, loss, true);
  if (old_one == new_one) return old_one.empty() ? "no" : old_one;
  return fmt::format("{}, unless it knows `{}`", old_one, plugin.probed_option);
}

// From the first byte to the one after the last.
struct Place {
  std::size_t begin = 0;
  std::size_t end = 0;
};
Result<Place> FindLine(std::string_view page, std::string_view marker, std::size_t from) {
  const std::string line = fmt::format("{}\n", marker);
  const std::size_t at = page.find(line, from);
  if (at == page.npos || (at > 0 && page[at - 1] != '\n')) {
    return Fail(model::ErrorKind::kMalformed,
                fmt::format("{} has no line \"{}\" after byte {}", kPluginsPage, marker, from));
  }
  return Place{at, at + line.size()};
}

// What lies between the two marker lines.
Result<Place> FindTables(std::string_view page) {
  auto begin = FindLine(page, kTablesBegin, 0);
  if (!begin) return std::unexpected(std::move(begin.error()));
  auto end = FindLine(page, kTablesEnd, begin->end);
  if (!end) return std::unexpected(std::move(end.error()));
  return Place{begin->end, end->begin};
}

}  // namespace

std::string LossTables() {
  std::string text = "| loss |";
  std::string line = "|---|";
  for (const OutputPlugin& plugin : model::OutputPlugins()) {
    text += fmt::format(" {} |", plugin.name);
    line += "---|";
  }
  text += "\n" + line + "\n";
  for (std::uint8_t number = 0; number < model::kLossCount; ++number) {
    const auto loss = static_cast<Loss>(number);
    text += fmt::format("| `{}` |", ToString(loss));
    for (const OutputPlugin& plugin : model::OutputPlugins())
      text += fmt::format(" {} |", Cell(plugin, loss));
    text += "\n";
  }
  text += "\n| loss | what it means |\n|---|---|\n";
  for (std::uint8_t number = 0; number < model::kLossCount; ++number) {
    const auto loss = static_cast<Loss>(number);
    text += fmt::format("| `{}` | {} |\n", ToString(loss), Explain(loss));
  }
  return text;
}

Result<std::string> TablesOf(std::string_view page) {
  auto place = FindTables(page);
  if (!place) return std::unexpected(std::move(place.error()));
  return std::string(page.substr(place->begin, place->end - place->begin));
}

Result<std::string> WithTables(std::string_view page, std::string_view tables) {
  auto place = FindTables(page);
  if (!place) return std::unexpected(std::move(place.error()));
  return fmt::format("{}{}{}", page.substr(0, place->begin), tables, page.substr(place->end));
}

}  // namespace lockstep::tools
