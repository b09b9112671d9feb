// Makes TRUNCATE visible to a plugin that does not send it (decoderbufs), with the user's consent.
//
//   TRUNCATE t ──► trigger on t ──► INSERT (id, 't') into schema.lockstep_truncation, DELETE it
//
// Both changes stand in the stream where the TRUNCATE stands in its transaction; the log table
// itself is empty for everybody else. Whoever may truncate fires it: the function runs with the
// rights of the user who installed it, or of the schema's owner where that was a superuser.
#ifndef LOCKSTEP_POSTGRES_TRUNCATION_TRIGGER_H_
#define LOCKSTEP_POSTGRES_TRUNCATION_TRIGGER_H_

#include <chrono>
#include <string>
#include <vector>

#include "model/error.h"
#include "postgres/connection.h"

namespace lockstep::postgres {

// The log table and the trigger function of a schema: a statement, ended by ";\n". May be run
// again. SQLSTATE 55000 where one of the name is there that belongs neither to the user nor to whom
// it would be given. `schema` is plain, here and below.
std::string TruncationLogSql(const std::string& schema);
// The trigger on one table of the schema. TruncationLogSql comes first. `server_version` as
// Connection::server_version: before 14 an old trigger is dropped, which locks out readers.
std::string TruncationTriggerSql(const std::string& schema, const std::string& table,
                                 int server_version);
// Both, for these tables: in one transaction it is all or nothing. The log table is left out where
// it is among them.
std::string TruncationTriggerSql(const std::string& schema, const std::vector<std::string>& tables,
                                 int server_version);

// The log, and the triggers that are missing, each table's in a transaction of its own: no other
// lock is held while its writers are waited for. The user must own the tables and may create in the
// schema, and a log that is there must not be somebody else's (kUsage). kMisfit when a table was
// changed or dropped meanwhile, or was written to for all of `lock_timeout` (SQLSTATE 55P03): what
// was made until then stays, and the next call goes on there.
model::Result<void> InstallTruncationTriggers(Connection& connection, const std::string& schema,
                                              const std::vector<std::string>& tables,
                                              std::chrono::milliseconds lock_timeout);
// Drops triggers, function and log table of the schema, as far as they are there. Waits 10 s at
// most for whoever uses a table, a second at a time (SQLSTATE 55P03).
model::Result<void> RemoveTruncationTriggers(Connection& connection, const std::string& schema);
// The tables of the schema that have the trigger, enabled for ordinary sessions; in byte order.
model::Result<std::vector<std::string>> ReadTruncationTriggers(Connection& connection,
                                                               const std::string& schema);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_TRUNCATION_TRIGGER_H_
