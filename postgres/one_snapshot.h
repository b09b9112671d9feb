// Several questions to one connection, answered as of one moment.
#ifndef LOCKSTEP_POSTGRES_ONE_SNAPSHOT_H_
#define LOCKSTEP_POSTGRES_ONE_SNAPSHOT_H_

#include <expected>
#include <utility>

#include "model/error.h"
#include "postgres/connection.h"

namespace lockstep::postgres {

// Whether a transaction is open, which has or gets its snapshot.
bool InTransaction(const Connection& connection);

// What `read` returns, a model::Result. In a transaction that only reads, unless one is open
// already: then as of that one.
template <typename Read>
auto InOneSnapshot(Connection& connection, const Read& read) -> decltype(read()) {
  if (InTransaction(connection)) return read();
  auto begun = connection.Execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");
  if (!begun) return std::unexpected(std::move(begun.error()));
  auto result = read();
  auto ended = connection.Execute(result ? "COMMIT" : "ROLLBACK");
  if (result && !ended) return std::unexpected(std::move(ended.error()));
  return result;
}

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_ONE_SNAPSHOT_H_
