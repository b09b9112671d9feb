// Which tables are followed: the one place that asks the database for them.
#ifndef LOCKSTEP_AUDITOR_FOLLOWED_TABLES_H_
#define LOCKSTEP_AUDITOR_FOLLOWED_TABLES_H_

#include <string>
#include <vector>

#include "model/database.h"
#include "model/error.h"
#include "model/relation.h"
#include "postgres/connection.h"

namespace lockstep::auditor {

// As the connection sees them, without the log of truncations.
model::Result<std::vector<model::RelationPtr>> ReadFollowedTables(postgres::Connection& connection,
                                                                  const std::string& schema);

// What of the tables is not as the replica has it: "table s.t was altered" and the like, by name.
std::vector<std::string> FormChanges(const model::Database& replica,
                                     const std::vector<model::RelationPtr>& tables);

}  // namespace lockstep::auditor

#endif  // LOCKSTEP_AUDITOR_FOLLOWED_TABLES_H_
