#include "launcher/settings_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

namespace lockstep::launcher {
namespace {

using model::ErrorKind;
using model::Fail;
using model::Result;

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string_view Unquote(std::string_view value) {
  const bool quoted = value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
                      value.front() == value.back();
  return quoted ? value.substr(1, value.size() - 2) : value;
}

}  // namespace

Result<std::vector<Setting>> ParseSettings(std::string_view text, const std::string& path) {
  std::vector<Setting> settings;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = Trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;

    const std::string where = fmt::format("{}:{}", path, number);
    const std::size_t equals = line.find('=');
    const std::string_view name = Trim(line.substr(0, std::min(equals, line.size())));
    if (equals == line.npos || name.empty()) {
      return Fail(ErrorKind::kUsage,
                  fmt::format("{}: \"{}\" is not of the form name = value", where, line));
    }
    const auto earlier = std::ranges::find(settings, name, &Setting::name);
    if (earlier != settings.end()) {
      return Fail(ErrorKind::kUsage,
                  fmt::format("{}: {} is already set in {}", where, name, earlier->where));
    }
    settings.push_back(
        {std::string(name), std::string(Unquote(Trim(line.substr(equals + 1)))), where});
  }
  return settings;
}

Result<std::vector<Setting>> ReadSettings(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  // A directory opens, but does not read.
  if (!file || (file.peek() != EOF && !(text << file.rdbuf())) || file.bad()) {
    return Fail(ErrorKind::kUsage,
                fmt::format("--config: cannot read {}: {}", path, std::strerror(errno)));
  }
  return ParseSettings(text.view(), path);
}

}  // namespace lockstep::launcher
