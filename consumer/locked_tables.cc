#include "consumer/locked_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "model/exclusion.h"
#include "model/output_plugin.h"
#include "model/projection.h"
#include "model/truncation_log.h"
#include "postgres/binary_output.h"
#include "postgres/foreign_code.h"
#include "postgres/one_snapshot.h"
#include "postgres/parallel_reader.h"
#include "postgres/publication.h"
#include "postgres/truncation_trigger.h"
#include "postgres/type_reader.h"

namespace lockstep::consumer {
namespace {

using model::Exclusion;
using model::ExclusionKind;
using model::Fail;
using model::RelationPtr;
using model::Result;
using postgres::Connection;
using postgres::ConnectionKind;
using postgres::ScopeTables;
using postgres::TableName;
using replication::FollowPolicy;

// How long a lock is waited for: shorter than the shortest wait after which Postgres looks for a
// deadlock, of which the user's statement may be the victim. It holds for all of the reading: a
// reader that waits for a lock on the catalog lets go of the tables, for which the one who has that
// lock may wait in turn.
constexpr std::chrono::milliseconds kLockTimeout{300};

constexpr const char* kForeignCode =
    "its generated columns can only be read by a query, in which code of its owner, or of others "
    "in "
    "its indexes, would run with the user's rights";

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

// What was done to a prepared table, by the tables of the snapshot and those of today, in form and
// file; empty: nothing.
std::string_view WhatWasDone(const model::Relation& prepared, const postgres::TableState& state,
                             const Known& then, const Known& now) {
  if (!Holds(then, prepared) || !Holds(now, prepared)) return "altered or dropped";
  return state.replaced ? "truncated or rewritten" : "";
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
Result<void> ReadFacts(Connection& catalog, const AttachScope& scope, LockedTables& tables) {
  if (replication::NeedsTypes(scope.plugin)) {
    auto types = postgres::ReadTypes(catalog);
    if (!types) return std::unexpected(std::move(types.error()));
    tables.types = std::move(*types);
  }
  if (model::LossesOf(scope.plugin.name, scope.plugin.version).Has(model::Loss::kTruncate)) {
    auto blind = FindBlindTables(catalog, scope, tables.tables);
    if (!blind) return std::unexpected(std::move(blind.error()));
    tables.blind_tables = std::move(*blind);
  }
  auto log = postgres::ReadDdlLog(catalog, scope.ddl_log);
  if (!log) return std::unexpected(std::move(log.error()));
  tables.ddl_log = std::move(*log);
  auto timeout = ReadWalSenderTimeout(catalog);
  if (!timeout) return std::unexpected(std::move(timeout.error()));
  tables.wal_sender_timeout = *timeout;
  return {};
}

// What the catalog says under the snapshot, in a transaction of `catalog` that ends here: reading
// the catalog locks it to the end of the transaction, and new sessions cannot start behind a VACUUM
// FULL or REINDEX of it that waits.
Result<LockedTables> ReadCatalog(Connection& catalog, const std::string& snapshot_name,
                                 const std::vector<RelationPtr>& relations,
                                 const AttachScope& scope) {
  if (auto ok = postgres::BeginSnapshot(catalog, snapshot_name); !ok)
    return std::unexpected(std::move(ok.error()));
  auto states = postgres::ReadTableStates(catalog, relations);
  if (!states) return std::unexpected(std::move(states.error()));
  auto then = ReadTables(catalog, scope);
  if (!then) return std::unexpected(std::move(then.error()));
  LockedTables tables{.tables = std::move(*then), .states = std::move(*states)};
  if (auto ok = ReadFacts(catalog, scope, tables); !ok)
    return std::unexpected(std::move(ok.error()));
  if (auto ended = catalog.Execute("COMMIT"); !ended)
    return std::unexpected(std::move(ended.error()));
  return tables;
}

// Of the prepared tables, those that are locked now.
Result<std::vector<RelationPtr>> Lock(TablePreparation& prepared, const std::string& snapshot_name,
                                      Wanted wanted) {
  Connection& connection = prepared.reading.front();
  std::vector<RelationPtr> all = AllOf(prepared.tables);
  if (wanted == Wanted::kAll) {
    auto locked = postgres::BeginSnapshotAndLock(connection, snapshot_name, all, kLockTimeout);
    if (!locked) return std::unexpected(std::move(locked.error()));
    return all;
  }
  if (auto ok = postgres::BeginSnapshot(connection, snapshot_name); !ok)
    return std::unexpected(std::move(ok.error()));
  auto is_locked = postgres::LockThoseFree(connection, all);
  if (!is_locked) return std::unexpected(std::move(is_locked.error()));
  std::vector<RelationPtr> locked;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if ((*is_locked)[i]) locked.push_back(std::move(all[i]));
  }
  return locked;
}

// Puts those that can be read to the front: of `locked`, whose states `tables` has, the unchanged
// ones. Their addresses stay, which the caller may know. kMisfit where one that is wanted, or a log
// of truncations, is not among them.
Result<void> SortOut(const std::vector<RelationPtr>& locked, const ScopeTables& now,
                     const AttachScope& scope, Wanted wanted, LockedTables& tables) {
  const Known known_then = ByName(tables.tables);
  const Known known_now = ByName(now);
  std::set<TableName> readable;
  std::vector<RelationPtr> followed;
  std::vector<RelationPtr> logs;
  std::vector<postgres::TableState> states;
  for (std::size_t i = 0; i < locked.size(); ++i) {
    const bool is_log = locked[i]->name == model::kTruncationLog;
    const std::string_view done = WhatWasDone(*locked[i], tables.states[i], known_then, known_now);
    if (!done.empty() && (is_log || wanted == Wanted::kAll)) {
      return Fail(model::ErrorKind::kMisfit, fmt::format("table {} was {} while the slot was made",
                                                         locked[i]->QualifiedName(), done));
    }
    if (!done.empty()) continue;
    if (is_log) {
      logs.push_back(locked[i]);
      continue;
    }
    readable.insert({locked[i]->schema, locked[i]->name});
    followed.push_back(locked[i]);
    states.push_back(tables.states[i]);
  }
  if (logs.size() != tables.tables.truncation_logs.size())
    return Fail(model::ErrorKind::kMisfit, "somebody holds the log of truncations, or made it");
  tables.readable = followed.size();
  for (const RelationPtr& relation : tables.tables.followed) {
    if (!readable.contains({relation->schema, relation->name})) followed.push_back(relation);
  }
  if (wanted == Wanted::kAll && followed.size() > tables.readable) {
    return Fail(model::ErrorKind::kMisfit,
                fmt::format("{} got a new table while the slot was made", scope.scope.Describe()));
  }
  tables.tables.followed = std::move(followed);
  tables.tables.truncation_logs = std::move(logs);
  tables.states = std::move(states);
  return {};
}

// TRUNCATE keeps no rows for older snapshots, so an emptied table would look like one that was
// empty at the consistent point. Locks come after the slot, not before: making it waits for every
// transaction with an xid, and a TRUNCATE that waits for our lock has one.
//
//   reading.front()  BEGIN, snapshot, LOCK TABLE ────────── holds the tables, and nothing else
//   observer                                      └─ BEGIN, snapshot, the catalog then, COMMIT ─
//   now
Result<LockedTables> LockUnchanged(TablePreparation& prepared, const std::string& snapshot_name,
                                   const AttachScope& scope, Wanted wanted) {
  auto locked = Lock(prepared, snapshot_name, wanted);
  if (!locked) return std::unexpected(std::move(locked.error()));
  auto tables = ReadCatalog(prepared.observer, snapshot_name, *locked, scope);
  if (!tables) return tables;
  auto now = ReadTables(prepared.observer, scope);
  if (!now) return std::unexpected(std::move(now.error()));
  auto foreign = postgres::ReadForeignCode(prepared.observer, *locked);
  if (!foreign) return std::unexpected(std::move(foreign.error()));
  for (std::size_t i = 0; i < tables->states.size(); ++i)
    tables->states[i].has_foreign_code = (*foreign)[i];
  if (auto ok = SortOut(*locked, *now, scope, wanted, *tables); !ok)
    return std::unexpected(std::move(ok.error()));
  return tables;
}

}  // namespace

std::vector<RelationPtr> LockedTables::Relations() const { return AllOf(tables); }

void LockedTables::LeaveAlone(const std::vector<TableName>& names) {
  for (const TableName& name : names) {
    const auto end = tables.followed.begin() + static_cast<std::ptrdiff_t>(readable);
    const auto found = std::find_if(tables.followed.begin(), end, [&](const RelationPtr& relation) {
      return relation->schema == name.schema && relation->name == name.name;
    });
    if (found == end) continue;
    states.erase(states.begin() + (found - tables.followed.begin()));
    std::rotate(found, found + 1, end);
    --readable;
  }
}

namespace {

// Generated columns that the plugin sends are read by a query, or not at all. Those of a run are
// its own.
Result<void> ExcludeForeignCode(Connection& connection, const AttachScope& scope,
                                ScopeTables& tables) {
  if (RowFormFor(scope) == postgres::RowForm::kStored) return {};
  std::vector<RelationPtr> queried;
  for (const RelationPtr& relation : tables.followed) {
    if (std::ranges::any_of(relation->columns,
                            [](const model::Column& column) { return !column.generated.empty(); }))
      queried.push_back(relation);
  }
  auto foreign = postgres::ReadForeignCode(connection, queried);
  if (!foreign) return std::unexpected(std::move(foreign.error()));
  for (std::size_t i = 0; i < queried.size(); ++i) {
    if (!(*foreign)[i]) continue;
    const TableName name{queried[i]->schema, queried[i]->name};
    std::erase(tables.followed, queried[i]);
    std::erase(tables.insert_only, name);
    tables.excluded.push_back(
        {name.schema, name.name, kForeignCode, ExclusionKind::kForeignCode, true});
  }
  std::ranges::sort(tables.excluded, {}, [](const postgres::ExcludedTable& table) {
    return std::tie(table.schema, table.name);
  });
  return {};
}

}  // namespace

postgres::RowForm RowFormFor(const AttachScope& scope) {
  const model::LossSet losses = model::LossesOf(scope.plugin.name, scope.plugin.version);
  return losses.Has(model::Loss::kGeneratedColumn) ? postgres::RowForm::kStored
                                                   : postgres::RowForm::kComplete;
}

namespace {

Result<ScopeTables> ReadTablesNow(Connection& connection, const AttachScope& scope) {
  auto tables = postgres::ReadScope(connection, scope.scope);
  if (!tables) return tables;
  const model::LossSet losses = model::LossesOf(scope.plugin.name, scope.plugin.version);
  const model::Projection shown(losses);
  postgres::Exclude(*tables, [&](const model::Relation& relation) -> std::optional<Exclusion> {
    const auto unsent = shown.UnsentInKey(relation);
    if (!unsent) return std::nullopt;
    return Exclusion{ExclusionKind::kUnshownKey, model::Describe(relation, *unsent)};
  });
  if (scope.policy == FollowPolicy::kStrict) return tables;
  postgres::Exclude(*tables, [&](const model::Relation& relation) -> std::optional<Exclusion> {
    const auto found = scope.unreadable->find({relation.schema, relation.name});
    if (found == scope.unreadable->end()) return std::nullopt;
    return Exclusion{ExclusionKind::kReadFails, found->second};
  });
  if (losses.Has(model::Loss::kBinaryForm)) {
    if (auto ok = postgres::ExcludeWithoutBinaryOutput(connection, *tables); !ok)
      return std::unexpected(std::move(ok.error()));
    if (auto ok = postgres::ExcludeUnreadBinaryForms(connection, *tables); !ok)
      return std::unexpected(std::move(ok.error()));
  }
  if (replication::SendsPublications(scope.plugin) && !scope.plugin.publications.empty()) {
    auto ok = postgres::ExcludeUnpublished(connection, scope.plugin.publications, *tables);
    if (!ok) return std::unexpected(std::move(ok.error()));
  }
  if (auto ok = ExcludeForeignCode(connection, scope, *tables); !ok)
    return std::unexpected(std::move(ok.error()));
  return tables;
}

}  // namespace

Result<ScopeTables> ReadTables(Connection& connection, const AttachScope& scope) {
  return postgres::InOneSnapshot(connection, [&] { return ReadTablesNow(connection, scope); });
}

model::Error OnUnreadable(const AttachScope& scope, const RelationPtr& unreadable,
                          model::Error error) {
  if (!unreadable || scope.policy == FollowPolicy::kStrict) return error;
  scope.unreadable->emplace(TableName{unreadable->schema, unreadable->name},
                            "its rows cannot be read: " + error.message);
  error.kind = model::ErrorKind::kMisfit;
  return error;
}

Result<TablePreparation> PrepareTables(const std::string& conninfo,
                                       const std::string& application_name, int connections,
                                       const AttachScope& scope) {
  const auto open = [&](postgres::ConnectionOptions options) {
    return Connection::Open(conninfo, ConnectionKind::kSql, options);
  };
  auto observer = open(postgres::OnlookerOptions(application_name));
  if (!observer) return std::unexpected(std::move(observer.error()));
  auto tables = ReadTables(*observer, scope);
  if (!tables) return std::unexpected(std::move(tables.error()));
  TablePreparation prepared{std::move(*observer), {}, std::move(*tables)};
  for (int i = 0; i < std::max(connections, 1); ++i) {
    auto connection = open({.application_name = application_name, .lock_timeout = kLockTimeout});
    if (!connection && i == 0) return std::unexpected(std::move(connection.error()));
    if (!connection) break;
    prepared.reading.push_back(std::move(*connection));
  }
  return prepared;
}

Result<LockedTables> LockTables(TablePreparation& prepared, const std::string& snapshot_name,
                                const AttachScope& scope, Wanted wanted) {
  auto tables = LockUnchanged(prepared, snapshot_name, scope, wanted);
  if (!tables) {
    if (postgres::TellsOfChange(tables.error())) tables.error().kind = model::ErrorKind::kMisfit;
    return tables;
  }
  std::vector<RelationPtr> read = tables->tables.truncation_logs;
  read.insert(read.end(), tables->tables.followed.begin(),
              tables->tables.followed.begin() + static_cast<std::ptrdiff_t>(tables->readable));
  auto readers =
      postgres::StartReaders(std::move(prepared.reading), snapshot_name, read, tables->readable);
  if (!readers) return std::unexpected(std::move(readers.error()));
  tables->readers = std::move(*readers);
  return tables;
}

}  // namespace lockstep::consumer
