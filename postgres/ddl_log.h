// A log of what is done to the form of tables, written by event triggers, with the user's consent.
//
//   ALTER TABLE t ... ──► event trigger ──► INSERT (lsn, tag, 't', ...) into its log
//
// A row is there for whoever sees the statement's transaction, so a snapshot tells every statement
// that came before it: also a rewrite, which changes rows and is not decoded. Whoever alters a
// table fires the triggers; no statement fails for them. The log is unlogged: nobody's publication
// sends it. A crash of the server empties it, and then there is none.
//
// The triggers also take a table that loses its replica identity out of the audit's publication of
// all changes, in the very transaction, so that no UPDATE fails for that.
//
// An audit has its own, in a schema of its own (model/log_schemas.h), named `schema` here.
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

// Makes schema, table, functions and event triggers; the user must be a superuser (else kUsage).
// There must be no such schema yet. Publications whose names begin with `publications` are the
// audit's. Locks no other table. Nothing is left on an error.
model::Result<void> InstallDdlLog(Connection& connection, const std::string& schema,
                                  const std::string& publications);
// Drops all of that, as far as it is there. Waits 10 s at most for transactions that wrote to the
// log (SQLSTATE 55P03), and 5 s for statements that may be firing the triggers.
model::Result<void> RemoveDdlLog(Connection& connection, const std::string& schema);
// As of the connection's snapshot where it has one; else of the moment of the call. nullopt: there
// is none (`schema` may be empty), its triggers are not enabled, a crash emptied it, or the user
// may not read it.
model::Result<std::optional<DdlLog>> ReadDdlLog(Connection& connection, const std::string& schema);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_DDL_LOG_H_
