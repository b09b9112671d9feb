// The slot that a listener of the same name has left behind: it was killed and could not drop it.
#ifndef LOCKSTEP_LISTENER_LEFTOVER_SLOT_H_
#define LOCKSTEP_LISTENER_LEFTOVER_SLOT_H_

#include <string>

#include "model/error.h"

namespace lockstep::listener {

// Drops the slot, when there is one: its name is made of the run and of `listener`, so it can be
// nobody else's. Waits a moment for Postgres to notice that its reader is gone. kUsage when
// somebody goes on reading it: another listener of the same name.
model::Result<void> DropLeftoverSlot(const std::string& conninfo, const std::string& listener,
                                     const std::string& slot);

// Whether there is a slot of this name.
model::Result<bool> SlotExists(const std::string& conninfo, const std::string& slot);

}  // namespace lockstep::listener

#endif  // LOCKSTEP_LISTENER_LEFTOVER_SLOT_H_
