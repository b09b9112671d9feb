// Logical replication slots: made with an exported snapshot, looked at, dropped.
#ifndef LOCKSTEP_POSTGRES_SLOT_H_
#define LOCKSTEP_POSTGRES_SLOT_H_

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "model/error.h"
#include "model/lsn.h"
#include "postgres/connection.h"

namespace lockstep::postgres {

struct CreateSlotOptions {
  std::string name = {};
  std::string plugin = {};
  bool temporary = false;  // dropped with the connection
  bool export_snapshot = true;
  // The server waits for every transaction that has an xid, in any database, and for prepared ones;
  // this ends the wait (SQLSTATE 55P03). It stays set on the connection. 0: no limit.
  std::chrono::milliseconds lock_timeout{30'000};
};

struct CreatedSlot {
  std::string name;
  // Commits with end_lsn at or below it are in the snapshot, the others come from the stream.
  model::Lsn consistent_point;
  // For SET TRANSACTION SNAPSHOT on other connections. Valid only until `replication` runs another
  // command or is closed. Empty when none was asked for.
  std::string snapshot_name;
};

// CREATE_REPLICATION_SLOT on an idle kReplication connection. Errors carry a remedy (remedy.h).
model::Result<CreatedSlot> CreateSlot(Connection& replication, const CreateSlotOptions& options);

// The command alone, as this server reads it, and what it answers: for those who send it themselves
// (slot_request.h). kMalformed when it is no such answer.
std::string CreateSlotCommand(const CreateSlotOptions& options, int server_version);
model::Result<CreatedSlot> ReadCreatedSlot(const QueryResult& result, const std::string& name);

struct SlotInfo {
  std::string plugin;
  std::string database;
  bool active = false;
  int active_pid = 0;
  model::Lsn restart_lsn;          // 0: none
  model::Lsn confirmed_flush_lsn;  // 0: none
  std::string wal_status;          // reserved, extended, unreserved, lost
};

// What the server knows of a slot; nullopt when there is none of this name. On either kind of
// connection.
model::Result<std::optional<SlotInfo>> InspectSlot(Connection& connection, const std::string& name);

// Drops a slot, waiting up to `timeout` for a reader that is leaving. A slot that is not there is
// not an error. On either kind of connection. SQLSTATE 55006 when it is still in use then.
model::Result<void> DropSlot(Connection& connection, const std::string& name,
                             std::chrono::milliseconds timeout = std::chrono::seconds(10));

// Drops the slots of this database whose names begin with `prefix` and that nobody reads, and gives
// their names.
model::Result<std::vector<std::string>> DropIdleSlots(Connection& connection,
                                                      const std::string& prefix);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_SLOT_H_
