// Makes a temporary logical slot with an exported snapshot while something else goes on.
//
//   Start ──► Poll* (when fd() is readable) ──► the slot, or why there is none
//
// The server answers when every transaction that has an xid has ended, or after lock_timeout. The
// snapshot is valid until the request is destroyed, which also drops the slot.
#ifndef LOCKSTEP_POSTGRES_SLOT_REQUEST_H_
#define LOCKSTEP_POSTGRES_SLOT_REQUEST_H_

#include <optional>

#include "model/error.h"
#include "postgres/connection.h"
#include "postgres/slot.h"

namespace lockstep::postgres {

class SlotRequest {
 public:
  // Takes over an idle kReplication connection and sends the command; `options.temporary` and
  // `export_snapshot` are taken as true. Blocks for the round trip of a SET.
  static model::Result<SlotRequest> Start(Connection connection, CreateSlotOptions options);

  // nullopt: not yet. Errors as CreateSlot: SQLSTATE 55P03 when transactions were open for longer
  // than lock_timeout. To be called no more once it has answered. Never blocks.
  model::Result<std::optional<CreatedSlot>> Poll();
  int fd() const;

 private:
  SlotRequest(Connection connection, CreateSlotOptions options)
      : connection_(std::move(connection)), options_(std::move(options)) {}

  Connection connection_;
  CreateSlotOptions options_;
};

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_SLOT_REQUEST_H_
