// Whether a script can be executed on a catalog: asked of every script that came from outside,
// before Execute, which takes it for granted.
#ifndef LOCKSTEP_MODEL_FITS_H_
#define LOCKSTEP_MODEL_FITS_H_

#include "model/catalog.h"
#include "model/operation.h"

namespace lockstep::model {

// True when the script's session is one of the catalog's and each operation
//   - names a table of the catalog, not the session table (that is written by every script itself)
//     nor another session's,
//   - (TRUNCATE) names a table of its own session,
//   - has rows of as many columns as the table, each with a value of the column's kind, null only
//     where the column may be null, and keys of as many values as the table's key,
//   - (upsert) updates columns that exist and are not of the key, ascending, at least one,
//   - (ROLLBACK TO, RELEASE) comes inside a savepoint.
bool Fits(const Script& script, const Catalog& catalog);

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_FITS_H_
