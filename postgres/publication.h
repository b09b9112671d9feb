// Publications: which tables pgoutput sends.
#ifndef LOCKSTEP_POSTGRES_PUBLICATION_H_
#define LOCKSTEP_POSTGRES_PUBLICATION_H_

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "model/error.h"
#include "postgres/connection.h"
#include "postgres/relation_reader.h"
#include "postgres/table_scope.h"

namespace lockstep::postgres {

// CREATE PUBLICATION ... FOR TABLE: inserts, updates, deletes and truncations of these tables,
// which must not be none. From then on an UPDATE or DELETE of a table without replica identity
// fails on the server. SQLSTATE 42710 when there is one of this name. It must exist before the
// slot's consistent point, or decoding fails.
model::Result<void> CreatePublication(Connection& connection, const std::string& name,
                                      const std::vector<TableName>& tables);

// Publications for whatever lies in a scope and is the user's to publish, which must not be nothing
// (kUsage) unless the user is a superuser: `name`, of the tables with a replica identity, and
// `name` + "_inserts", of inserts and truncations alone, so that no UPDATE or DELETE of a table
// without identity fails for it, nor of one whose identity holds a virtual generated column. Stored
// ones are published from 18 on. Where the user is a superuser and nothing is unpublishable, the
// second is FOR ALL TABLES, so that tables created later show themselves as well; else it is of the
// tables without identity. Either may have no tables.
//
// All or nothing. Whether a table has its identity is asked again when it is locked: where it has
// lost it since, SQLSTATE 55P03. `lock_timeout` is for each lock on a table or publication (55P03),
// and bounded so that no statement of others ends for it (postgres/lock_wait.h): CREATE INDEX
// CONCURRENTLY has such a lock and waits for the snapshot of whoever publishes. One that is longer
// than deadlock_timeout ends an autovacuum.
model::Result<void> CreateScopePublications(Connection& connection, const std::string& name,
                                            const ScopeTables& tables,
                                            std::chrono::milliseconds lock_timeout);
// Their names.
std::vector<std::string> ScopePublicationNames(const std::string& name);
// The tables that the first of them is to have.
std::vector<TableName> WhollyPublished(const ScopeTables& tables);
struct ScopeUpdate {
  // Added to the first of them: until then their UPDATE and DELETE were not sent.
  std::vector<TableName> without_changes;
  // Added to one, and in none before: until then nothing of them was sent.
  std::vector<TableName> without_any = {};
  // Why others were not altered: somebody was at work on them. Errors as above; kMisfit where one
  // was renamed just then.
  std::optional<model::Error> left = {};
};
// Brings them up to date with the tables: adds those that came, takes out of the first those that
// have lost their identity, and out of both what is unpublishable; those that somebody is at work
// on are left as they are. Nothing is locked where nothing is to be done. SQLSTATE 42704 where they
// were dropped (IsOfWhatIsGone).
model::Result<ScopeUpdate> UpdateScopePublications(Connection& connection, const std::string& name,
                                                   const ScopeTables& tables,
                                                   std::chrono::milliseconds lock_timeout);
// Adds those of `tables`, which need not be all of the scope, that are not in them yet: all or
// nothing, errors as above.
model::Result<void> AddToScopePublications(Connection& connection, const std::string& name,
                                           const ScopeTables& tables,
                                           std::chrono::milliseconds lock_timeout);
// Whether the second is of all tables, those to come included.
model::Result<bool> ShowsAllInserts(Connection& connection, const std::string& name);
// Both, as far as they are there.
model::Result<void> DropScopePublications(Connection& connection, const std::string& name);

// Those FOR ALL TABLES that send rows and are no audit's: a table that is made is sent to their
// subscribers, which stop when they do not have it. By name.
model::Result<std::vector<std::string>> PublicationsOfAllTables(Connection& connection);

// Whether there is one of this name.
model::Result<bool> HasPublication(Connection& connection, const std::string& name);

// Moves the tables that the publications do not send, or not all of, to tables.excluded, with a
// reason; those whose inserts and truncations alone they send are insert_only. Partitioned tables
// that they send as one are followed in place of their partitions. As of the connection's snapshot
// where it has one.
model::Result<void> ExcludeUnpublished(Connection& connection,
                                       const std::vector<std::string>& publications,
                                       ScopeTables& tables);

// A publication that is not there is not an error.
model::Result<void> DropPublication(Connection& connection, const std::string& name);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_PUBLICATION_H_
