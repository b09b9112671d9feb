// Schemas of Lockstep's own in a database that is audited: they hold logs that triggers write. They
// are nobody's data: never followed. None lies in a schema of the user's, which must go when its
// owner drops it.
#ifndef LOCKSTEP_MODEL_LOG_SCHEMAS_H_
#define LOCKSTEP_MODEL_LOG_SCHEMAS_H_

#include <optional>
#include <string>
#include <string_view>

namespace lockstep::model {

// A log of truncations (model/truncation_log.h) that stays, made with what `lockstep doctor` says.
inline constexpr std::string_view kLastingTruncationLog = "lockstep_truncation";

// Those that one audit makes and removes: `audit` is "lockstep_" and eight hex digits. Each audit
// has its own, so that none that ends takes another's.
std::string TruncationLogSchema(std::string_view audit);
std::string DdlLogSchema(std::string_view audit);

// The name is one of these.
bool IsLogSchema(std::string_view name);
// The same as a regular expression of the server's.
inline constexpr std::string_view kLogSchemaPattern =
    "^lockstep_(truncation|[0-9a-f]{8}_(truncation|ddl))$";

// The log of schema changes that the audit has that made this log of truncations, if it is one's.
std::optional<std::string> DdlLogBeside(std::string_view truncation_log);

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_LOG_SCHEMAS_H_
