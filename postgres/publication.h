// Publications: which tables pgoutput sends.
#ifndef LOCKSTEP_POSTGRES_PUBLICATION_H_
#define LOCKSTEP_POSTGRES_PUBLICATION_H_

#include <string>
#include <vector>

#include "model/error.h"
#include "postgres/connection.h"
#include "postgres/relation_reader.h"

namespace lockstep::postgres {

// CREATE PUBLICATION ... FOR TABLE: inserts, updates, deletes and truncations of these tables,
// which must not be none. From then on an UPDATE or DELETE of a table without replica identity
// fails on the server. SQLSTATE 42710 when there is one of this name. It must exist before the
// slot's consistent point, or decoding fails.
model::Result<void> CreatePublication(Connection& connection, const std::string& name,
                                      const std::vector<TableName>& tables);

// A publication that is not there is not an error.
model::Result<void> DropPublication(Connection& connection, const std::string& name);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_PUBLICATION_H_
