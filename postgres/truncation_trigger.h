// Makes TRUNCATE visible to a plugin that does not send it (decoderbufs), with the user's consent.
//
//   TRUNCATE t ──► trigger on t ──► INSERT (id, 's', 't') into log.lockstep_truncation, DELETE it
//
// Both changes stand in the stream where the TRUNCATE stands in its transaction; the log itself is
// empty for everybody else. It lies in a schema of its own, or in that of a run. Whoever may
// truncate fires it: the function runs with the rights of the user who installed it, or of the
// log's schema's owner where that was a superuser. No TRUNCATE fails for it.
//
// A publication FOR ALL TABLES would send the log to subscribers, which stop for a table that they
// do not have. So while there is one, nothing is written to a log outside of a run: the truncation
// is not shown, and stands as a rewrite in the audit's log of schema changes, where it has one.
#ifndef LOCKSTEP_POSTGRES_TRUNCATION_TRIGGER_H_
#define LOCKSTEP_POSTGRES_TRUNCATION_TRIGGER_H_

#include <chrono>
#include <string>
#include <vector>

#include "model/error.h"
#include "postgres/connection.h"
#include "postgres/relation_reader.h"

namespace lockstep::postgres {

// The log table and the trigger function, with the schema where it is not there: a statement, ended
// by ";\n". May be run again. SQLSTATE 55000 where one of the names belongs to somebody who could
// use it against those who truncate. `log_schema` is plain, here and below.
std::string TruncationLogSql(const std::string& log_schema);
// The trigger on one table, which writes to that log. TruncationLogSql comes first.
// `server_version` as Connection::server_version: before 14 an old trigger is dropped, which locks
// out readers.
std::string TruncationTriggerSql(const std::string& log_schema, const TableName& table,
                                 int server_version);

// The log, and the triggers that are missing, each table's in a transaction of its own: no other
// lock is held while its writers are waited for. The user must own the tables, may create the
// schema or in it, and a log that is there must not be somebody else's (kUsage). kMisfit when a
// table was changed or dropped meanwhile, or was written to for all of `lock_timeout`, which is
// bounded (postgres/lock_wait.h; SQLSTATE 55P03): the others have theirs, if that takes no longer
// than a second, and the next call goes on there.
model::Result<void> InstallTruncationTriggers(Connection& connection, const std::string& log_schema,
                                              const std::vector<TableName>& tables,
                                              std::chrono::milliseconds lock_timeout);
// Drops triggers, function and log table of the schema, and a schema of its own, as far as they are
// there. Waits 10 s or so for whoever uses a table, a little at a time (postgres/lock_wait.h;
// 55P03).
model::Result<void> RemoveTruncationTriggers(Connection& connection, const std::string& log_schema);
// The tables that have the trigger, enabled for ordinary sessions; sorted.
model::Result<std::vector<TableName>> ReadTruncationTriggers(Connection& connection,
                                                             const std::string& log_schema);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_TRUNCATION_TRIGGER_H_
