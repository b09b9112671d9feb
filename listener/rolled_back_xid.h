// An xid for a saboteur that applies what was rolled back.
#ifndef LOCKSTEP_LISTENER_ROLLED_BACK_XID_H_
#define LOCKSTEP_LISTENER_ROLLED_BACK_XID_H_

#include <string>

#include "model/error.h"
#include "model/ids.h"

namespace lockstep::listener {

// Of a transaction that Postgres has rolled back just now.
model::Result<model::Xid> RollBackOne(const std::string& conninfo);

}  // namespace lockstep::listener

#endif  // LOCKSTEP_LISTENER_ROLLED_BACK_XID_H_
