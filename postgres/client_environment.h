// What another program needs in its environment to reach the same database.
#ifndef LOCKSTEP_POSTGRES_CLIENT_ENVIRONMENT_H_
#define LOCKSTEP_POSTGRES_CLIENT_ENVIRONMENT_H_

#include <string>
#include <utility>
#include <vector>

#include "model/error.h"
#include "postgres/connection.h"

namespace lockstep::postgres {

// Names and values.
using Variables = std::vector<std::pair<std::string, std::string>>;

// For a program of the user's: PGHOST, PGPORT, PGUSER and PGDATABASE as `connection` has them, and
// everything else that `conninfo`, with which it was made, says and that has a variable
// (PGPASSWORD, PGSSLMODE, ...). What the conninfo leaves open is left to the environment that is
// there.
model::Result<Variables> ClientEnvironment(const Connection& connection,
                                           const std::string& conninfo);

// For a program of ours, whose arguments every user of the machine can read.
struct OpenConninfo {
  std::string conninfo;  // the given one, without what libpq calls a secret (password, sslpassword)
  Variables variables;   // the secrets, as Connection::Open finds them; none: there was none
};
// kUsage where the conninfo cannot be read.
model::Result<OpenConninfo> WithoutPassword(const std::string& conninfo);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_CLIENT_ENVIRONMENT_H_
