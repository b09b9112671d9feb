#include "postgres/lock_wait.h"

#include <fmt/format.h>

#include <string_view>

namespace lockstep::postgres {
namespace {

// `share`: of deadlock_timeout, an SQL expression. Never 0, which would be for ever.
std::string BoundSql(std::chrono::milliseconds limit, std::string_view share) {
  return fmt::format(
      "pg_catalog.set_config('lock_timeout', GREATEST(LEAST({}, (EXTRACT(epoch FROM "
      "pg_catalog.current_setting('deadlock_timeout')::pg_catalog.interval) * 1000 * "
      "{})::pg_catalog.int4), 1)::pg_catalog.text, true)",
      limit.count(), share);
}

}  // namespace

std::string BoundTableWaitSql(std::chrono::milliseconds limit) {
  return BoundSql(limit,
                  "CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE "
                  "a.backend_type = 'autovacuum worker' AND a.datname = "
                  "pg_catalog.current_database()) THEN 1.5 ELSE 0.2 END");
}

std::string BoundWaitWithTableSql(std::chrono::milliseconds limit) {
  return BoundSql(limit, "0.01");
}

std::string BoundPublicationWaitSql(std::chrono::milliseconds limit) {
  return BoundSql(limit, "1.5");
}

}  // namespace lockstep::postgres
