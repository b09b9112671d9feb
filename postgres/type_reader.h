// Reads from the catalog what types there are. Under the attach snapshot's transaction, so that
// they fit the first change of the stream.
#ifndef LOCKSTEP_POSTGRES_TYPE_READER_H_
#define LOCKSTEP_POSTGRES_TYPE_READER_H_

#include "model/error.h"
#include "model/type_catalog.h"
#include "postgres/connection.h"

namespace lockstep::postgres {

// All types a column can have, with their names as format_type() prints them with only pg_catalog
// in the search path. About 4 µs a type; a table has two (its row and an array of it).
model::Result<model::TypeCatalogPtr> ReadTypes(Connection& connection);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_TYPE_READER_H_
