// How long we may wait for a lock. Whoever we wait for may come to wait for us, and then the server
// ends one of the two: each looks for such a cycle once, `deadlock_timeout` after it began to wait.
// So no wait of ours may last as long as others have to wait before they look: then it is hardly
// ever there when they do, and it is not their statement that fails.
#ifndef LOCKSTEP_POSTGRES_LOCK_WAIT_H_
#define LOCKSTEP_POSTGRES_LOCK_WAIT_H_

#include <chrono>
#include <string>
#include <vector>

#include "postgres/relation_reader.h"

namespace lockstep::postgres {

// Expressions that set lock_timeout for the rest of the transaction, to `limit` or less, by the
// server's deadlock_timeout.

// For the locks of these tables: a twentieth of it. Only where autovacuum has one it is half as
// much again, for autovacuum gives its lock up to whoever has waited so long. SQLSTATE 42P01 where
// one is gone.
std::string BoundTableWaitSql(std::chrono::milliseconds limit,
                              const std::vector<TableName>& tables);
// With the lock of a table that others may want: a hundredth.
std::string BoundWaitWithTableSql(std::chrono::milliseconds limit);
// For a publication that somebody's transaction has altered, without which a statement of the
// user's would fail: half as much again.
std::string BoundPublicationWaitSql(std::chrono::milliseconds limit);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_LOCK_WAIT_H_
