// A catalog query whose names come out the same whatever the session's search path is.
#ifndef LOCKSTEP_POSTGRES_QUALIFIED_QUERY_H_
#define LOCKSTEP_POSTGRES_QUALIFIED_QUERY_H_

#include <string>

#include "model/error.h"
#include "postgres/connection.h"

namespace lockstep::postgres {

// Runs `sql` with only pg_catalog in the search path, and puts the old path back. After an error
// inside a transaction that is the server's work.
model::Result<QueryResult> ExecuteQualified(Connection& connection, const std::string& sql);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_QUALIFIED_QUERY_H_
