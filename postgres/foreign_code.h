// Whether a query of a table could run somebody else's code with our rights.
//
// Before it reads a row, the server plans a query, and planning runs the constant parts of what the
// table's indexes and extended statistics compute. The functions in them are the owner's choice;
// with COPY (SELECT ...) they would run with the rights of whoever reads, and could even RESET
// ROLE. COPY table TO plans nothing.
#ifndef LOCKSTEP_POSTGRES_FOREIGN_CODE_H_
#define LOCKSTEP_POSTGRES_FOREIGN_CODE_H_

#include <vector>

#include "model/error.h"
#include "model/relation.h"
#include "postgres/connection.h"

namespace lockstep::postgres {

// Of each table, in their order: true where it, or a partition of it, belongs to somebody who has
// not all rights of this session's user (he may make such an index at any moment), or has an index
// or statistics with an expression on a function, operator or type of such a one. Also of a table
// that is not there. To be asked outside of a snapshot, while the tables are locked: an answer of
// false stays true then.
model::Result<std::vector<bool>> ReadForeignCode(Connection& connection,
                                                 const std::vector<model::RelationPtr>& tables);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_FOREIGN_CODE_H_
