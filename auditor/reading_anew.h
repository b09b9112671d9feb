// Which tables have to be read anew at a comparison: what the stream did not tell, or not exactly.
#ifndef LOCKSTEP_AUDITOR_READING_ANEW_H_
#define LOCKSTEP_AUDITOR_READING_ANEW_H_

#include "auditor/following.h"
#include "auditor/ledger.h"
#include "consumer/locked_tables.h"
#include "model/lsn.h"

namespace lockstep::auditor {

// `locked`: the tables as they are at `point`, which the replica has reached. Those that were
// rewritten, as the log of schema changes has it, and those in another form than the replica's are
// to be read anew from then on, at the LSN of the statement where it is logged; but not for another
// key alone. Returns whether there are tables in another form, or gone.
bool FindTablesToReadAnew(const consumer::LockedTables& locked, model::Lsn point,
                          Following& following, Ledger& ledger);

}  // namespace lockstep::auditor

#endif  // LOCKSTEP_AUDITOR_READING_ANEW_H_
