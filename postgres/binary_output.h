// Columns that the server cannot send in binary, found beforehand: its walsender fails at the first
// change of such a table (SQLSTATE 42883), and fails again whenever it comes there.
#ifndef LOCKSTEP_POSTGRES_BINARY_OUTPUT_H_
#define LOCKSTEP_POSTGRES_BINARY_OUTPUT_H_

#include "model/error.h"
#include "postgres/connection.h"
#include "postgres/table_scope.h"

namespace lockstep::postgres {

// Moves the tables with such a column to tables.excluded, with the column and its type, and names
// all of the database's in tables.unpublishable: those that lie in no scope would stop a
// publication of all tables as well. A type without binary output is no hindrance by itself, as
// pgoutput then sends text; what holds one is: an array, a composite, a range, a domain over such.
model::Result<void> ExcludeWithoutBinaryOutput(Connection& connection, ScopeTables& tables);

// Moves the tables with a column whose binary form the server sends and nobody here reads
// (model/binary_form.h) to tables.excluded, with the column and its type.
model::Result<void> ExcludeUnreadBinaryForms(Connection& connection, ScopeTables& tables);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_BINARY_OUTPUT_H_
