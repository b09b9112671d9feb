#include "model/log_schemas.h"

#include <cstddef>

namespace lockstep::model {
namespace {

constexpr std::string_view kPrefix = "lockstep_";
constexpr std::size_t kDigits = 8;
constexpr std::string_view kTruncation = "_truncation";
constexpr std::string_view kDdl = "_ddl";

// "lockstep_" and eight hex digits, where the name begins so; else empty.
std::string_view AuditOf(std::string_view name) {
  if (!name.starts_with(kPrefix)) return {};
  const std::string_view digits = name.substr(kPrefix.size(), kDigits);
  const bool is_audit = digits.size() == kDigits &&
                        digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  return is_audit ? name.substr(0, kPrefix.size() + kDigits) : std::string_view();
}

}  // namespace

std::string TruncationLogSchema(std::string_view audit) {
  return std::string(audit) + std::string(kTruncation);
}

std::string DdlLogSchema(std::string_view audit) { return std::string(audit) + std::string(kDdl); }

bool IsLogSchema(std::string_view name) {
  if (name == kLastingTruncationLog) return true;
  const std::string_view audit = AuditOf(name);
  if (audit.empty()) return false;
  const std::string_view rest = name.substr(audit.size());
  return rest == kTruncation || rest == kDdl;
}

std::optional<std::string> DdlLogBeside(std::string_view truncation_log) {
  const std::string_view audit = AuditOf(truncation_log);
  if (audit.empty() || truncation_log.substr(audit.size()) != kTruncation) return std::nullopt;
  return DdlLogSchema(audit);
}

}  // namespace lockstep::model
