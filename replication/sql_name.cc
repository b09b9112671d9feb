#include "replication/sql_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace lockstep::replication {
namespace {

using model::ErrorKind;
using model::Fail;

// Takes one identifier from the front of `rest`; nullopt when there is none or its quotes do not
// close.
std::optional<std::string> TakeIdentifier(std::string_view& rest) {
  std::string name;
  if (!rest.starts_with('"')) {
    const auto end = std::min(rest.find_first_of(".\""), rest.size());
    name = rest.substr(0, end);
    rest.remove_prefix(end);
  } else {
    rest.remove_prefix(1);
    while (true) {
      const auto quote = rest.find('"');
      if (quote == std::string_view::npos) return std::nullopt;
      name += rest.substr(0, quote);
      rest.remove_prefix(quote + 1);
      if (!rest.starts_with('"')) break;
      name.push_back('"');
      rest.remove_prefix(1);
    }
  }
  if (name.empty()) return std::nullopt;
  return name;
}

}  // namespace

model::Result<std::string> ParseIdentifier(std::string_view sql) {
  std::string_view rest = sql;
  auto name = TakeIdentifier(rest);
  if (name && rest.empty()) return std::move(*name);
  return Fail(ErrorKind::kMalformed, fmt::format("\"{}\" is not an identifier", sql));
}

model::Result<QualifiedName> ParseQualifiedName(std::string_view sql) {
  std::string_view rest = sql;
  auto schema = TakeIdentifier(rest);
  if (schema && rest.starts_with('.')) {
    rest.remove_prefix(1);
    auto name = TakeIdentifier(rest);
    if (name && rest.empty()) return QualifiedName{std::move(*schema), std::move(*name)};
  }
  return Fail(ErrorKind::kMalformed, fmt::format("\"{}\" is not a qualified table name", sql));
}

}  // namespace lockstep::replication
