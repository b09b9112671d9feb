// Makes a slot on a server that is at work.
#ifndef LOCKSTEP_CONSUMER_PATIENT_SLOT_H_
#define LOCKSTEP_CONSUMER_PATIENT_SLOT_H_

#include "consumer/attach_patience.h"
#include "model/error.h"
#include "postgres/connection.h"
#include "postgres/slot.h"

namespace lockstep::consumer {

// As postgres::CreateSlot, whose lock_timeout is ours: 1 s, then twice as long each time, so that
// whom it waits for is soon told, and a server with long transactions one after the other gets its
// slot all the same. Tried again while transactions are open for longer than that, or have too many
// savepoints. `observer`, an idle kSql connection, looks at them.
model::Result<postgres::CreatedSlot> CreateSlotPatiently(postgres::Connection& replication,
                                                         postgres::Connection& observer,
                                                         postgres::CreateSlotOptions options,
                                                         AttachPatience& patience);

}  // namespace lockstep::consumer

#endif  // LOCKSTEP_CONSUMER_PATIENT_SLOT_H_
