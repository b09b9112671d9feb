// Whether a column still is of the type it had when the listener attached, for plugins that say the
// type with every value.
#ifndef LOCKSTEP_REPLICATION_COLUMN_TYPE_H_
#define LOCKSTEP_REPLICATION_COLUMN_TYPE_H_

#include <cstdint>

#include "model/error.h"
#include "model/ids.h"
#include "model/relation.h"

namespace lockstep::replication {

// kMisfit when `sent`, the type's OID, cannot be the column's. A domain is sent by its own OID,
// which the relation does not hold (it holds the base type): of a domain's column the OID of any
// user type fits.
model::Result<void> CheckColumnType(const model::Column& column, std::int64_t sent);

// False for a built-in type of fixed length: its values never lie out of line (TOAST).
bool MayLieOutOfLine(model::Oid type);

}  // namespace lockstep::replication

#endif  // LOCKSTEP_REPLICATION_COLUMN_TYPE_H_
