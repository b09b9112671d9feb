// Which server's history a position belongs to: an LSN means nothing on another server, or on
// another timeline of it.
#ifndef LOCKSTEP_POSTGRES_SYSTEM_IDENTITY_H_
#define LOCKSTEP_POSTGRES_SYSTEM_IDENTITY_H_

#include <string>

#include "model/error.h"
#include "postgres/connection.h"

namespace lockstep::postgres {

struct SystemIdentity {
  std::string system_identifier;  // made by initdb, kept for the life of the cluster
  std::string timeline;  // changes when a standby is promoted, or at a recovery to a point in time
  std::string database;
  friend bool operator==(const SystemIdentity&, const SystemIdentity&) = default;
};

// "system 7429..., timeline 1, database postgres"
std::string ToString(const SystemIdentity& identity);

// IDENTIFY_SYSTEM, on an idle kReplication connection. Ends a snapshot that the connection
// exported.
model::Result<SystemIdentity> IdentifySystem(Connection& replication);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_SYSTEM_IDENTITY_H_
