#include "postgres/client_environment.h"

#include <memory>
#include <string_view>

#include "postgres/libpq_access.h"

namespace lockstep::postgres {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

}  // namespace

model::Result<std::vector<std::pair<std::string, std::string>>> ClientEnvironment(
    const Connection& connection, const std::string& conninfo) {
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(
      PQconninfoParse(conninfo.c_str(), nullptr));
  if (!options) {
    return model::Fail(model::ErrorKind::kUsage, "the database's URI cannot be read once more");
  }
  const PGconn* handle = LibpqAccess::Handle(connection);
  std::vector<std::pair<std::string, std::string>> variables = {{"PGHOST", PQhost(handle)},
                                                                {"PGPORT", PQport(handle)},
                                                                {"PGUSER", PQuser(handle)},
                                                                {"PGDATABASE", PQdb(handle)}};
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->envvar == nullptr || option->val == nullptr) continue;
    const std::string_view name = option->envvar;
    if (name == "PGHOST" || name == "PGPORT" || name == "PGUSER" || name == "PGDATABASE") continue;
    variables.emplace_back(name, option->val);
  }
  return variables;
}

}  // namespace lockstep::postgres
