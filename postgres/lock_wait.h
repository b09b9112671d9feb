// How long we may wait for a lock while we hold another one. Whoever we wait for may come to wait
// for us, and then the server ends one of the two: each looks for such a cycle once,
// `deadlock_timeout` after it began to wait. A wait of ours that is shorter than twice that is over
// before the other one looks, so that it is never the other one's statement that fails.
#ifndef LOCKSTEP_POSTGRES_LOCK_WAIT_H_
#define LOCKSTEP_POSTGRES_LOCK_WAIT_H_

#include <chrono>
#include <string>

namespace lockstep::postgres {

// An expression that sets lock_timeout for the rest of the transaction: to `limit`, or less where
// the server's deadlock_timeout is short.
std::string BoundLockWaitSql(std::chrono::milliseconds limit);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_LOCK_WAIT_H_
