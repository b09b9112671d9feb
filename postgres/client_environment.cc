#include "postgres/client_environment.h"

#include <fmt/format.h>

#include <memory>
#include <string_view>

#include "postgres/libpq_access.h"

namespace lockstep::postgres {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

using Options = std::unique_ptr<PQconninfoOption, FreeOptions>;

model::Result<Options> Parse(const std::string& conninfo) {
  Options options(PQconninfoParse(conninfo.c_str(), nullptr));
  if (options) return options;
  return model::Fail(model::ErrorKind::kUsage, "the database's URI cannot be read once more");
}

// As a conninfo of keywords has a value.
std::string Quoted(std::string_view value) {
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

}  // namespace

model::Result<Variables> ClientEnvironment(const Connection& connection,
                                           const std::string& conninfo) {
  const auto options = Parse(conninfo);
  if (!options) return std::unexpected(options.error());
  const PGconn* handle = LibpqAccess::Handle(connection);
  Variables variables = {{"PGHOST", PQhost(handle)},
                         {"PGPORT", PQport(handle)},
                         {"PGUSER", PQuser(handle)},
                         {"PGDATABASE", PQdb(handle)}};
  for (const PQconninfoOption* option = options->get(); option->keyword != nullptr; ++option) {
    if (option->envvar == nullptr || option->val == nullptr) continue;
    const std::string_view name = option->envvar;
    if (name == "PGHOST" || name == "PGPORT" || name == "PGUSER" || name == "PGDATABASE") continue;
    variables.emplace_back(name, option->val);
  }
  return variables;
}

model::Result<OpenConninfo> WithoutPassword(const std::string& conninfo) {
  const auto options = Parse(conninfo);
  if (!options) return std::unexpected(options.error());
  OpenConninfo open;
  for (const PQconninfoOption* option = options->get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    if (IsSecret(*option)) {
      open.variables.emplace_back(VariableOfSecret(*option), option->val);
      continue;
    }
    open.conninfo += fmt::format("{}={} ", option->keyword, Quoted(option->val));
  }
  // As it was given it is easier to read.
  if (open.variables.empty()) open.conninfo = conninfo;
  return open;
}

}  // namespace lockstep::postgres
