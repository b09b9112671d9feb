#include "consumer/attach_snapshot.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "consumer/table_copy.h"
#include "model/database.h"
#include "model/output_plugin.h"
#include "model/projection.h"
#include "postgres/publication.h"
#include "postgres/table_reader.h"
#include "postgres/table_state.h"
#include "postgres/truncation_trigger.h"
#include "postgres/type_reader.h"

namespace lockstep::consumer {
namespace {

using model::Fail;
using model::RelationPtr;
using model::Result;
using postgres::Connection;
using postgres::ScopeTables;
using postgres::TableName;
using replication::FollowPolicy;

// " (s.t: foreign: ...)": why there are none to follow.
std::string DescribeFirst(const std::vector<postgres::ExcludedTable>& excluded) {
  if (excluded.empty()) return {};
  const postgres::ExcludedTable& first = excluded.front();
  return fmt::format(" ({}: {})", TableName{first.schema, first.name}.QualifiedName(),
                     first.reason);
}

// A replica of no tables would agree with everything; an audit knows that, and waits for the first
// one. A run's tables have keys, by which it tells what a transaction did to a row.
Result<void> CheckFollowable(const ScopeTables& tables, const AttachScope& scope) {
  if (scope.policy == FollowPolicy::kSetAside) return {};
  if (tables.followed.empty()) {
    return Fail(model::ErrorKind::kUsage,
                fmt::format("{} has no tables to follow, or does not exist{}",
                            scope.scope.Describe(), DescribeFirst(tables.excluded)));
  }
  for (const RelationPtr& relation : tables.followed) {
    if (!relation->key.empty()) continue;
    return Fail(model::ErrorKind::kUnsupported,
                fmt::format("table {} has no primary key: its rows cannot be followed; add one, or "
                            "set REPLICA IDENTITY USING INDEX",
                            relation->QualifiedName()));
  }
  for (const postgres::ExcludedTable& table : tables.excluded) {
    if (!table.is_ordinary) continue;
    return Fail(model::ErrorKind::kUnsupported,
                fmt::format("table {} cannot be followed: {}",
                            TableName{table.schema, table.name}.QualifiedName(), table.reason));
  }
  return {};
}

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

// What a lock that cannot be had, or not in time, means here: somebody is changing the table.
bool TellsOfChange(const model::Error& error) {
  return error.sqlstate == "55P03" || error.sqlstate == "40P01" || error.sqlstate == "42P01" ||
         error.sqlstate == "3F000";
}

// TRUNCATE keeps no rows for older snapshots, so an emptied table would look like one that was
// empty at the consistent point. Locks come after the slot, not before: making it waits for every
// transaction with an xid, and a TRUNCATE that waits for our lock has one.
Result<std::vector<postgres::TableState>> LockUnchanged(AttachPreparation& prepared,
                                                        const std::string& snapshot_name,
                                                        const AttachScope& scope) {
  constexpr std::chrono::milliseconds kLockTimeout{1000};
  Connection& leader = prepared.copying.front();
  const std::vector<RelationPtr> relations = AllOf(prepared.tables);
  auto locked = postgres::BeginSnapshotAndLock(leader, snapshot_name, relations, kLockTimeout);
  if (!locked) {
    if (TellsOfChange(locked.error())) locked.error().kind = model::ErrorKind::kMisfit;
    return std::unexpected(std::move(locked.error()));
  }
  auto states = postgres::ReadTableStates(leader, relations);
  if (!states) return states;
  auto then = ReadTables(leader, scope);
  if (!then) return std::unexpected(std::move(then.error()));
  auto now = ReadTables(prepared.observer, scope);
  if (!now) return std::unexpected(std::move(now.error()));
  const Known known_then = ByName(*then);
  const Known known_now = ByName(*now);
  for (std::size_t i = 0; i < relations.size(); ++i) {
    const bool same = Holds(known_then, *relations[i]) && Holds(known_now, *relations[i]);
    if (same && !(*states)[i].replaced) continue;
    return Fail(
        model::ErrorKind::kMisfit,
        fmt::format("table {} was {} while the slot was made", relations[i]->QualifiedName(),
                    same ? "truncated or rewritten" : "altered or dropped"));
  }
  if (known_then.size() != relations.size()) {
    return Fail(model::ErrorKind::kMisfit,
                fmt::format("{} got a new table while the slot was made", scope.scope.Describe()));
  }
  prepared.tables.excluded = std::move(then->excluded);
  prepared.tables.insert_only = std::move(then->insert_only);
  return states;
}

// The leader, which has locked the tables, and as many more as get the same locks at once: one that
// waited for them behind a TRUNCATE that waits for the leader's would wait for ever.
Result<std::vector<postgres::TableReader>> StartReaders(std::vector<Connection> connections,
                                                        const std::string& snapshot_name,
                                                        const std::vector<RelationPtr>& relations,
                                                        std::size_t wanted) {
  std::vector<postgres::TableReader> readers;
  auto leader = postgres::TableReader::Adopt(std::move(connections.front()));
  if (!leader) return std::unexpected(std::move(leader.error()));
  readers.push_back(std::move(*leader));
  for (std::size_t i = 1; i < connections.size() && readers.size() < wanted; ++i) {
    if (auto ok = connections[i].Execute("SET lock_timeout = '100ms'"); !ok)
      return std::unexpected(std::move(ok.error()));
    auto reader = postgres::TableReader::Start(std::move(connections[i]), snapshot_name, relations);
    if (reader) {
      readers.push_back(std::move(*reader));
    } else if (!TellsOfChange(reader.error())) {
      return std::unexpected(std::move(reader.error()));
    } else {
      break;
    }
  }
  return readers;
}

Result<std::vector<TableName>> FindBlindTables(Connection& connection,
                                               const std::vector<RelationPtr>& followed) {
  std::map<std::string, std::vector<std::string>> seen;  // by schema
  std::vector<TableName> blind;
  for (const RelationPtr& relation : followed) {
    auto [schema, is_new] = seen.try_emplace(relation->schema);
    if (is_new) {
      auto tables = postgres::ReadTruncationTriggers(connection, relation->schema);
      if (!tables) return std::unexpected(std::move(tables.error()));
      schema->second = std::move(*tables);
    }
    if (!std::ranges::binary_search(schema->second, relation->name))
      blind.push_back({relation->schema, relation->name});
  }
  return blind;
}

Result<std::chrono::milliseconds> ReadWalSenderTimeout(Connection& connection) {
  auto timeout =
      connection.Scalar("SELECT setting FROM pg_settings WHERE name = 'wal_sender_timeout'");
  if (!timeout) return std::unexpected(std::move(timeout.error()));
  std::int64_t milliseconds = 0;
  std::from_chars(timeout->data(), timeout->data() + timeout->size(), milliseconds);
  return std::chrono::milliseconds(milliseconds);
}

// Copies the followed tables into the replica, which has them in the same order.
Result<void> CopyRows(std::vector<postgres::TableReader> readers,
                      const std::vector<RelationPtr>& followed,
                      const std::vector<postgres::TableState>& states,
                      const model::Projection& projection, model::Database& database) {
  std::vector<TableToCopy> to_copy;
  for (std::uint32_t i = 0; i < followed.size(); ++i)
    to_copy.push_back({followed[i], i, states[i].bytes});
  return CopyTables(std::move(readers), std::move(to_copy),
                    [&](const TableToCopy& from, postgres::TableRow row) {
                      auto shown = projection.Project(*from.relation, row.row);
                      model::Row copied = std::move(shown ? *shown : row.row);
                      model::Row key = database.table(from.table).KeyToInsert(copied);
                      database.Write(from.table, std::move(key), std::move(copied));
                    });
}

}  // namespace

Result<ScopeTables> ReadTables(Connection& connection, const AttachScope& scope) {
  auto tables = postgres::ReadScope(connection, scope.scope);
  if (!tables || scope.policy == FollowPolicy::kStrict) return tables;
  if (replication::SendsPublications(scope.plugin) && !scope.plugin.publications.empty()) {
    auto ok = postgres::ExcludeUnpublished(connection, scope.plugin.publications, *tables);
    if (!ok) return std::unexpected(std::move(ok.error()));
  }
  return tables;
}

Result<AttachSnapshot> ReadAttachSnapshot(AttachPreparation prepared,
                                          const postgres::CreatedSlot& slot,
                                          const AttachScope& scope) {
  const model::LossSet losses = model::LossesOf(scope.plugin.name, scope.plugin.version);
  Connection& leader = prepared.copying.front();
  auto states = LockUnchanged(prepared, slot.snapshot_name, scope);
  if (!states) return std::unexpected(std::move(states.error()));
  if (auto ok = CheckFollowable(prepared.tables, scope); !ok)
    return std::unexpected(std::move(ok.error()));
  const std::vector<RelationPtr>& followed = prepared.tables.followed;
  AttachSnapshot snapshot{.relations = AllOf(prepared.tables),
                          .excluded = std::move(prepared.tables.excluded),
                          .types = std::make_shared<const model::TypeCatalog>(),
                          .replica = std::make_unique<replication::Replica>(
                              followed, slot.consistent_point, scope.policy),
                          .insert_only = std::move(prepared.tables.insert_only)};
  if (replication::NeedsTypes(scope.plugin)) {
    auto types = postgres::ReadTypes(leader);
    if (!types) return std::unexpected(std::move(types.error()));
    snapshot.types = std::move(*types);
  }
  if (losses.Has(model::Loss::kTruncate)) {
    auto blind = FindBlindTables(leader, followed);
    if (!blind) return std::unexpected(std::move(blind.error()));
    snapshot.blind_tables = std::move(*blind);
  }
  auto timeout = ReadWalSenderTimeout(leader);
  if (!timeout) return std::unexpected(std::move(timeout.error()));
  snapshot.wal_sender_timeout = *timeout;

  auto readers = StartReaders(std::move(prepared.copying), slot.snapshot_name, snapshot.relations,
                              followed.size());
  if (!readers) return std::unexpected(std::move(readers.error()));
  auto copied = CopyRows(std::move(*readers), followed, *states, model::Projection(losses),
                         snapshot.replica->database());
  if (!copied) return std::unexpected(std::move(copied.error()));
  return snapshot;
}

}  // namespace lockstep::consumer
