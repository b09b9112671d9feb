#include "postgres/lock_wait.h"

#include <fmt/format.h>

namespace lockstep::postgres {

std::string BoundLockWaitSql(std::chrono::milliseconds limit) {
  constexpr int kMillisecondsPerSecond = 1000;
  // Half of it is for the other one's clock.
  constexpr double kShare = 1.5;
  return fmt::format(
      "pg_catalog.set_config('lock_timeout', LEAST({}, (EXTRACT(epoch FROM "
      "pg_catalog.current_setting('deadlock_timeout')::pg_catalog.interval) * "
      "{})::pg_catalog.int4)::pg_catalog.text, true)",
      limit.count(), kShare * kMillisecondsPerSecond);
}

}  // namespace lockstep::postgres
