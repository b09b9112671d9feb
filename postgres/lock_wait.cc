#include "postgres/lock_wait.h"

#include <fmt/format.h>

#include <string_view>

#include "model/relation.h"

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

std::string BoundTableWaitSql(std::chrono::milliseconds limit,
                              const std::vector<TableName>& tables) {
  constexpr std::string_view kShort = "0.05";
  if (tables.empty()) return BoundSql(limit, kShort);
  std::string oids;
  for (const TableName& table : tables) {
    oids += fmt::format("{}{}::pg_catalog.regclass", oids.empty() ? "" : ", ",
                        model::SqlLiteral(model::SqlIdentifier(table.schema) + "." +
                                          model::SqlIdentifier(table.name)));
  }
  return BoundSql(limit, fmt::format("CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_locks l "
                                     "JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid "
                                     "WHERE a.backend_type = 'autovacuum worker' AND l.granted "
                                     "AND l.relation IN ({})) THEN 1.5 ELSE {} END",
                                     oids, kShort));
}

std::string BoundWaitWithTableSql(std::chrono::milliseconds limit) {
  return BoundSql(limit, "0.01");
}

std::string BoundPublicationWaitSql(std::chrono::milliseconds limit) {
  return BoundSql(limit, "1.5");
}

}  // namespace lockstep::postgres
