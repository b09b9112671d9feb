#include "consumer/locked_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>

#include "model/output_plugin.h"
#include "postgres/one_snapshot.h"
#include "postgres/parallel_reader.h"
#include "postgres/publication.h"
#include "postgres/truncation_trigger.h"
#include "postgres/type_reader.h"

namespace lockstep::consumer {
namespace {

using model::Fail;
using model::RelationPtr;
using model::Result;
using postgres::Connection;
using postgres::ConnectionKind;
using postgres::ScopeTables;
using postgres::TableName;
using replication::FollowPolicy;

// How long a lock is waited for: shorter than the shortest wait after which Postgres looks for a
// deadlock, of which the user's statement may be the victim.
constexpr std::chrono::milliseconds kLockTimeout{300};

// Followed tables first.
std::vector<RelationPtr> AllOf(const ScopeTables& tables) {
  std::vector<RelationPtr> all = tables.followed;
  all.insert(all.end(), tables.truncation_logs.begin(), tables.truncation_logs.end());
  return all;
}

using Known = std::map<std::pair<std::string, std::string>, RelationPtr>;

Known ByName(const ScopeTables& tables) {
  Known known;
  for (RelationPtr& relation : AllOf(tables)) {
    auto name = std::pair(relation->schema, relation->name);
    known.emplace(std::move(name), std::move(relation));
  }
  return known;
}

bool Holds(const Known& known, const model::Relation& relation) {
  const auto it = known.find({relation.schema, relation.name});
  return it != known.end() && *it->second == relation;
}

// Whether the tables that were prepared are those of the snapshot and those of today, in form and
// file.
Result<void> CheckUnchanged(const std::vector<RelationPtr>& prepared,
                            const std::vector<postgres::TableState>& states,
                            const ScopeTables& then, const ScopeTables& now,
                            const AttachScope& scope) {
  const Known known_then = ByName(then);
  const Known known_now = ByName(now);
  for (std::size_t i = 0; i < prepared.size(); ++i) {
    const bool same = Holds(known_then, *prepared[i]) && Holds(known_now, *prepared[i]);
    if (same && !states[i].replaced) continue;
    return Fail(model::ErrorKind::kMisfit,
                fmt::format("table {} was {} while the slot was made", prepared[i]->QualifiedName(),
                            same ? "truncated or rewritten" : "altered or dropped"));
  }
  if (known_then.size() == prepared.size()) return {};
  return Fail(model::ErrorKind::kMisfit,
              fmt::format("{} got a new table while the slot was made", scope.scope.Describe()));
}

// TRUNCATE keeps no rows for older snapshots, so an emptied table would look like one that was
// empty at the consistent point. Locks come after the slot, not before: making it waits for every
// transaction with an xid, and a TRUNCATE that waits for our lock has one.
Result<LockedTables> LockUnchanged(TablePreparation& prepared, const std::string& snapshot_name,
                                   const AttachScope& scope) {
  Connection& leader = prepared.reading.front();
  const std::vector<RelationPtr> relations = AllOf(prepared.tables);
  auto locked = postgres::BeginSnapshotAndLock(leader, snapshot_name, relations, kLockTimeout);
  if (!locked) {
    if (postgres::TellsOfChange(locked.error())) locked.error().kind = model::ErrorKind::kMisfit;
    return std::unexpected(std::move(locked.error()));
  }
  auto states = postgres::ReadTableStates(leader, relations);
  if (!states) return std::unexpected(std::move(states.error()));
  auto then = ReadTables(leader, scope);
  if (!then) return std::unexpected(std::move(then.error()));
  auto now = ReadTables(prepared.observer, scope);
  if (!now) return std::unexpected(std::move(now.error()));
  if (auto ok = CheckUnchanged(relations, *states, *then, *now, scope); !ok)
    return std::unexpected(std::move(ok.error()));
  // These relations, whose addresses the caller may know, with what the snapshot says of the rest.
  LockedTables tables{.tables = std::move(*then)};
  tables.tables.followed = std::move(prepared.tables.followed);
  tables.tables.truncation_logs = std::move(prepared.tables.truncation_logs);
  states->resize(tables.tables.followed.size());
  tables.states = std::move(*states);
  return tables;
}

Result<std::vector<TableName>> FindBlindTables(Connection& connection, const AttachScope& scope,
                                               const ScopeTables& tables) {
  auto triggered = postgres::ReadTruncationTriggers(connection, scope.scope.truncation_log());
  if (!triggered) return std::unexpected(std::move(triggered.error()));
  if (tables.truncation_logs.empty()) triggered->clear();
  std::vector<TableName> blind;
  for (const RelationPtr& relation : tables.followed) {
    TableName table{relation->schema, relation->name};
    if (!std::ranges::binary_search(*triggered, table)) blind.push_back(std::move(table));
  }
  return blind;
}

Result<std::chrono::milliseconds> ReadWalSenderTimeout(Connection& connection) {
  auto timeout = connection.Scalar(
      "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout'");
  if (!timeout) return std::unexpected(std::move(timeout.error()));
  std::int64_t milliseconds = 0;
  std::from_chars(timeout->data(), timeout->data() + timeout->size(), milliseconds);
  return std::chrono::milliseconds(milliseconds);
}

// What else the snapshot tells of the database.
Result<void> ReadFacts(Connection& leader, const AttachScope& scope, LockedTables& tables) {
  if (replication::NeedsTypes(scope.plugin)) {
    auto types = postgres::ReadTypes(leader);
    if (!types) return std::unexpected(std::move(types.error()));
    tables.types = std::move(*types);
  }
  if (model::LossesOf(scope.plugin.name, scope.plugin.version).Has(model::Loss::kTruncate)) {
    auto blind = FindBlindTables(leader, scope, tables.tables);
    if (!blind) return std::unexpected(std::move(blind.error()));
    tables.blind_tables = std::move(*blind);
  }
  auto log = postgres::ReadDdlLog(leader, scope.ddl_log);
  if (!log) {
    // Somebody removed it just now.
    if (postgres::TellsOfChange(log.error())) log.error().kind = model::ErrorKind::kMisfit;
    return std::unexpected(std::move(log.error()));
  }
  tables.ddl_log = std::move(*log);
  auto timeout = ReadWalSenderTimeout(leader);
  if (!timeout) return std::unexpected(std::move(timeout.error()));
  tables.wal_sender_timeout = *timeout;
  return {};
}

}  // namespace

std::vector<RelationPtr> LockedTables::Relations() const { return AllOf(tables); }

Result<ScopeTables> ReadTables(Connection& connection, const AttachScope& scope) {
  return postgres::InOneSnapshot(connection, [&]() -> Result<ScopeTables> {
    auto tables = postgres::ReadScope(connection, scope.scope);
    if (!tables || scope.policy == FollowPolicy::kStrict) return tables;
    if (replication::SendsPublications(scope.plugin) && !scope.plugin.publications.empty()) {
      auto ok = postgres::ExcludeUnpublished(connection, scope.plugin.publications, *tables);
      if (!ok) return std::unexpected(std::move(ok.error()));
    }
    return tables;
  });
}

Result<TablePreparation> PrepareTables(const std::string& conninfo,
                                       const std::string& application_name, int connections,
                                       const AttachScope& scope) {
  const auto open = [&] {
    return Connection::Open(conninfo, ConnectionKind::kSql, {.application_name = application_name});
  };
  auto observer = open();
  if (!observer) return std::unexpected(std::move(observer.error()));
  auto tables = ReadTables(*observer, scope);
  if (!tables) return std::unexpected(std::move(tables.error()));
  TablePreparation prepared{std::move(*observer), {}, std::move(*tables)};
  for (int i = 0; i < std::max(connections, 1); ++i) {
    auto connection = open();
    if (!connection && i == 0) return std::unexpected(std::move(connection.error()));
    if (!connection) break;
    prepared.reading.push_back(std::move(*connection));
  }
  return prepared;
}

Result<LockedTables> LockTables(TablePreparation& prepared, const std::string& snapshot_name,
                                const AttachScope& scope) {
  auto tables = LockUnchanged(prepared, snapshot_name, scope);
  if (!tables) return tables;
  if (auto ok = ReadFacts(prepared.reading.front(), scope, *tables); !ok)
    return std::unexpected(std::move(ok.error()));
  auto readers = postgres::StartReaders(std::move(prepared.reading), snapshot_name,
                                        tables->Relations(), tables->tables.followed.size());
  if (!readers) return std::unexpected(std::move(readers.error()));
  tables->readers = std::move(*readers);
  return tables;
}

}  // namespace lockstep::consumer
