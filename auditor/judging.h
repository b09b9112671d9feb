// What a comparison found, judged by what is known of each table: equal, a difference, or nothing
// that the stream could have shown.
#ifndef LOCKSTEP_AUDITOR_JUDGING_H_
#define LOCKSTEP_AUDITOR_JUDGING_H_

#include <cstdint>
#include <vector>

#include "auditor/checkpoint.h"
#include "auditor/explanation.h"
#include "auditor/following.h"
#include "auditor/ledger.h"
#include "postgres/table_activity.h"

namespace lockstep::auditor {

// `checkpoint` has read all of its tables, whose activity is `activity` (of all, in their order),
// by statistics worth `statistics`. A table that the stream did not show is left out, or is to be
// read anew from then on; the ledger has the rest. Returns how many tables it is too early for.
std::uint64_t JudgeTables(Checkpoint& checkpoint,
                          const std::vector<postgres::TableActivity>& activity,
                          Statistics statistics, Following& following, Ledger& ledger);

}  // namespace lockstep::auditor

#endif  // LOCKSTEP_AUDITOR_JUDGING_H_
