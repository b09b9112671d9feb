// Transactions that have an xid and have not ended: what making a slot waits for.
#ifndef LOCKSTEP_POSTGRES_OPEN_TRANSACTIONS_H_
#define LOCKSTEP_POSTGRES_OPEN_TRANSACTIONS_H_

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "model/error.h"
#include "model/ids.h"
#include "postgres/connection.h"

namespace lockstep::postgres {

struct OpenTransaction {
  model::Xid xid;
  int pid = 0;              // 0: prepared
  std::string gid;          // of a prepared one
  std::string database;     // empty where the user may not see it
  std::string application;  // the same
  std::string state;        // pg_stat_activity's: "active", "idle in transaction"; the same
  std::string since;        // when it began, or was prepared; the same
};

// "transaction 775 (pid 4711, psql, idle in transaction, open since 2026-11-22 16:40:28+00) of
// database shop", "prepared transaction 776 ('gid', since ...) of database shop".
std::string ToString(const OpenTransaction& transaction);

// Of the whole server, the oldest first; without the connection's own. Needs no right: whose
// session the user may not look into is there with its xid and pid.
model::Result<std::vector<OpenTransaction>> ReadOpenTransactions(Connection& connection);

// Blocks until the transaction has ended for everybody, or `limit` is over: false. A commit is in
// the stream before others can see it; with a synchronous standby, for as long as that takes to
// answer. `before_waiting` is called where it has not ended yet.
model::Result<bool> AwaitEnd(Connection& connection, model::Xid xid,
                             std::chrono::milliseconds limit,
                             const std::function<void()>& before_waiting = {});

// An xid that is rolled back.
model::Result<model::Xid> RollBackOne(Connection& connection);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_OPEN_TRANSACTIONS_H_
