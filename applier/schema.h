// The run's schema in the database: made before the first script, dropped at the end.
#ifndef LOCKSTEP_APPLIER_SCHEMA_H_
#define LOCKSTEP_APPLIER_SCHEMA_H_

#include "model/catalog.h"
#include "model/error.h"
#include "postgres/connection.h"

namespace lockstep::applier {

enum class TruncationTriggers { kMake, kLeaveOut };

// Creates the schema, its types and tables, a row per session with transaction 0, a publication of
// the schema's name for its tables, and outside of that the log to which their triggers write each
// TRUNCATE (postgres/truncation_trigger.h), unless they are left out. All or nothing.
model::Result<void> CreateSchema(postgres::Connection& connection, const model::Catalog& catalog,
                                 TruncationTriggers triggers = TruncationTriggers::kMake);

// Drops both, as far as they exist.
model::Result<void> DropSchema(postgres::Connection& connection, const model::Catalog& catalog);

}  // namespace lockstep::applier

#endif  // LOCKSTEP_APPLIER_SCHEMA_H_
