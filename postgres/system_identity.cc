#include "postgres/system_identity.h"

#include <fmt/format.h>

#include <utility>

namespace lockstep::postgres {

std::string ToString(const SystemIdentity& identity) {
  return fmt::format("system {}, timeline {}, database {}", identity.system_identifier,
                     identity.timeline, identity.database);
}

model::Result<SystemIdentity> IdentifySystem(Connection& replication) {
  auto result = replication.Execute("IDENTIFY_SYSTEM");
  if (!result) return std::unexpected(std::move(result.error()));
  // systemid, timeline, xlogpos, dbname
  if (result->rows() != 1 || result->columns() < 4) {
    return model::Fail(
        model::ErrorKind::kMalformed,
        fmt::format("IDENTIFY_SYSTEM answered {} rows of {} columns, not one of four",
                    result->rows(), result->columns()));
  }
  return SystemIdentity{std::string(result->Text(0, 0)), std::string(result->Text(0, 1)),
                        std::string(result->Text(0, 3))};
}

}  // namespace lockstep::postgres
