// Makes TRUNCATE visible to a plugin that does not send it (decoderbufs), with the user's consent.
//
//   TRUNCATE t ──► trigger on t ──► INSERT (id, 't') into schema.lockstep_truncation, DELETE it
//
// Both changes stand in the stream where the TRUNCATE stands in its transaction; the log table
// itself is empty for everybody else. Whoever may truncate fires it: the function runs with the
// rights of the user who installed it.
#ifndef LOCKSTEP_POSTGRES_TRUNCATION_TRIGGER_H_
#define LOCKSTEP_POSTGRES_TRUNCATION_TRIGGER_H_

#include <string>
#include <vector>

#include "model/error.h"
#include "postgres/connection.h"

namespace lockstep::postgres {

// The log table and the trigger function of a schema: statements, each ended by ";\n". May be run
// again. `schema` is plain, here and below.
std::string TruncationLogSql(const std::string& schema);
// The trigger on one table of the schema. TruncationLogSql comes first. `server_version` as
// Connection::server_version: before 14 an old trigger is dropped, which locks out readers.
std::string TruncationTriggerSql(const std::string& schema, const std::string& table,
                                 int server_version);
// Both, for these tables: in one transaction it is all or nothing. The log table is left out where
// it is among them.
std::string TruncationTriggerSql(const std::string& schema, const std::vector<std::string>& tables,
                                 int server_version);

// Runs it. The user must own the tables and may create in the schema. Waits 10 s at most for each
// table's writers (SQLSTATE 55P03). Nothing is installed on an error.
model::Result<void> InstallTruncationTriggers(Connection& connection, const std::string& schema,
                                              const std::vector<std::string>& tables);
// Drops triggers, function and log table of the schema, as far as they are there.
model::Result<void> RemoveTruncationTriggers(Connection& connection, const std::string& schema);
// The tables of the schema that have the trigger, enabled for ordinary sessions; in byte order.
model::Result<std::vector<std::string>> ReadTruncationTriggers(Connection& connection,
                                                               const std::string& schema);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_TRUNCATION_TRIGGER_H_
