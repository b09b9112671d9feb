// Inside postgres/ only: libpq's own handle of a Connection, and its errors as model::Error.
#ifndef LOCKSTEP_POSTGRES_LIBPQ_ACCESS_H_
#define LOCKSTEP_POSTGRES_LIBPQ_ACCESS_H_

#include <postgresql/libpq-fe.h>

#include <memory>
#include <string>
#include <string_view>

#include "model/error.h"
#include "postgres/connection.h"

namespace lockstep::postgres {

class LibpqAccess {
 public:
  static PGconn* Handle(const Connection& connection) { return connection.connection_.get(); }
};

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultHandle = std::unique_ptr<PGresult, ClearResult>;

// The server's primary message, with its DETAIL and HINT, or the connection's.
std::string ServerMessage(const PGconn* connection, const PGresult* result);

// What went wrong with `attempted`. `result` may be null: then the connection's message counts.
// kDisconnected when the connection is lost or the server is shutting down, else kSql.
model::Error ErrorOf(const PGconn* connection, const PGresult* result, std::string_view attempted);

// The start of a statement for messages; statements that may hold a password are cut to their verb.
std::string Abbreviate(std::string_view sql);

// libpq calls it a secret: a password, a key's password.
bool IsSecret(const PQconninfoOption& option);
// The variable that has such an option for a process of ours: libpq's, or one of our own where it
// has none.
std::string VariableOfSecret(const PQconninfoOption& option);

enum class Readiness { kReadable, kWritable, kTimeout };
// Blocks until `fd` is readable (or writable, when asked for). `timeout_ms` -1: for ever.
Readiness WaitFor(int fd, bool or_writable, int timeout_ms);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_LIBPQ_ACCESS_H_
