// A log of what is done to the form of tables, written by event triggers, with the user's consent.
//
//   ALTER TABLE t ... ──► event trigger ──► INSERT (lsn, tag, 't', ...) into lockstep_ddl.log
//
// A row is there for whoever sees the statement's transaction, so a snapshot tells every statement
// that came before it: also a rewrite, which changes rows and is not decoded. Whoever alters a
// table fires the triggers; no statement fails for them.
#ifndef LOCKSTEP_POSTGRES_DDL_LOG_H_
#define LOCKSTEP_POSTGRES_DDL_LOG_H_

#include <optional>
#include <string>
#include <vector>

#include "model/error.h"
#include "model/lsn.h"
#include "postgres/connection.h"
#include "postgres/relation_reader.h"

namespace lockstep::postgres {

// One statement, of one table. Temporary tables are left out, and so is what Lockstep does itself.
struct DdlEntry {
  model::Lsn lsn;           // of the statement, before its commit
  std::string tag;          // "ALTER TABLE", "CREATE TABLE AS", ...
  TableName table;          // as it is called after the statement
  bool is_rewrite = false;  // its rows were written anew, or those of a partition below it
  bool is_drop = false;
  friend bool operator==(const DdlEntry&, const DdlEntry&) = default;
};

struct DdlLog {
  model::Lsn since;               // it has all that came later
  std::vector<DdlEntry> entries;  // in the order of their LSNs
};

// Whether there is something under the log's name, be it a log or not.
model::Result<bool> HasDdlLog(Connection& connection);
// Makes schema, table, functions and event triggers; the user must be a superuser (else kUsage).
// There must be none yet. Locks no other table. Nothing is left on an error.
model::Result<void> InstallDdlLog(Connection& connection);
// Drops all of that, as far as it is there. Waits 10 s at most for transactions that wrote to the
// log (SQLSTATE 55P03).
model::Result<void> RemoveDdlLog(Connection& connection);
// As of the connection's snapshot where it has one; else of the moment of the call. nullopt: there
// is none, its triggers are not enabled, or the user may not read it.
model::Result<std::optional<DdlLog>> ReadDdlLog(Connection& connection);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_DDL_LOG_H_
