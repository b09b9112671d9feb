// Inside postgres/ only: statements as PQexec runs them, but whoever waits for the answer can be
// interrupted (postgres/server_waits.h), and does not wait for ever.
#ifndef LOCKSTEP_POSTGRES_ANSWER_H_
#define LOCKSTEP_POSTGRES_ANSWER_H_

#include <postgresql/libpq-fe.h>

#include <chrono>
#include <string>

#include "model/error.h"
#include "postgres/libpq_access.h"

namespace lockstep::postgres {

// How long one may be silent, and who is asked: for messages.
struct AnswerTerms {
  std::string server;
  std::chrono::seconds timeout;
};

// For a statement that was sent with PQsendQuery or a sibling: its last result (which may be an
// error of the server's; null where sending failed), or the start of a COPY. kDisconnected when no
// byte came for the timeout, kEnvironment when the wait was interrupted. The statement is
// cancelled then, and the connection closed where that does not help within two seconds.
model::Result<ResultHandle> AwaitAnswer(PGconn* connection, const std::string& statement,
                                        const AnswerTerms& terms);

// The same from the sending on.
model::Result<ResultHandle> Ask(PGconn* connection, const std::string& statement,
                                const AnswerTerms& terms);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_ANSWER_H_
