#include "consumer/attach_snapshot.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

#include "consumer/table_copy.h"
#include "model/database.h"
#include "model/output_plugin.h"
#include "model/projection.h"
#include "model/truncation_log.h"
#include "postgres/relation_reader.h"
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

// A replica of no tables would agree with everything, and one without keys cannot tell rows apart.
Result<void> CheckFollowable(const std::vector<RelationPtr>& relations, const std::string& schema) {
  if (relations.empty()) {
    return Fail(model::ErrorKind::kUsage,
                fmt::format("schema {} has no tables to follow, or does not exist", schema));
  }
  for (const RelationPtr& relation : relations) {
    if (!relation->key.empty()) continue;
    return Fail(model::ErrorKind::kUnsupported,
                fmt::format("table {} has no primary key: its rows cannot be followed; add one, or "
                            "set REPLICA IDENTITY USING INDEX",
                            relation->QualifiedName()));
  }
  return {};
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
                                                        const std::string& schema) {
  constexpr std::chrono::milliseconds kLockTimeout{1000};
  Connection& leader = prepared.copying.front();
  const std::vector<RelationPtr>& relations = prepared.relations;
  auto locked = postgres::BeginSnapshotAndLock(leader, snapshot_name, relations, kLockTimeout);
  if (!locked) {
    if (TellsOfChange(locked.error())) locked.error().kind = model::ErrorKind::kMisfit;
    return std::unexpected(std::move(locked.error()));
  }
  auto states = postgres::ReadTableStates(leader, relations);
  if (!states) return states;
  auto then = postgres::ReadSchema(leader, schema);
  if (!then) return std::unexpected(std::move(then.error()));
  auto now = postgres::ReadSchema(prepared.observer, schema);
  if (!now) return std::unexpected(std::move(now.error()));
  const auto holds = [](const std::vector<RelationPtr>& list, const RelationPtr& relation) {
    return std::ranges::any_of(list, [&](const RelationPtr& r) { return *r == *relation; });
  };
  for (std::size_t i = 0; i < relations.size(); ++i) {
    const bool same = holds(*then, relations[i]) && holds(*now, relations[i]);
    if (same && !(*states)[i].replaced) continue;
    return Fail(
        model::ErrorKind::kMisfit,
        fmt::format("table {} was {} while the slot was made", relations[i]->QualifiedName(),
                    same ? "truncated or rewritten" : "altered or dropped"));
  }
  if (then->size() != relations.size()) {
    return Fail(model::ErrorKind::kMisfit,
                fmt::format("schema {} got a new table while the slot was made", schema));
  }
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

Result<std::vector<std::string>> FindBlindTables(Connection& connection, const std::string& schema,
                                                 const std::vector<RelationPtr>& followed) {
  auto seen = postgres::ReadTruncationTriggers(connection, schema);
  if (!seen) return std::unexpected(std::move(seen.error()));
  std::vector<std::string> blind;
  for (const RelationPtr& relation : followed) {
    if (std::ranges::find(*seen, relation->name) == seen->end()) blind.push_back(relation->name);
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

}  // namespace

Result<AttachSnapshot> ReadAttachSnapshot(AttachPreparation prepared,
                                          const postgres::CreatedSlot& slot,
                                          const std::string& schema,
                                          const replication::PluginChoice& plugin) {
  const model::LossSet losses = model::LossesOf(plugin.name, plugin.version);
  Connection& leader = prepared.copying.front();
  auto states = LockUnchanged(prepared, slot.snapshot_name, schema);
  if (!states) return std::unexpected(std::move(states.error()));
  const std::vector<RelationPtr>& relations = prepared.relations;
  std::vector<RelationPtr> followed;
  std::vector<TableToCopy> to_copy;
  for (std::size_t i = 0; i < relations.size(); ++i) {
    if (relations[i]->name == model::kTruncationLog) continue;
    to_copy.push_back(
        {relations[i], static_cast<std::uint32_t>(followed.size()), (*states)[i].bytes});
    followed.push_back(relations[i]);
  }
  if (auto ok = CheckFollowable(followed, schema); !ok)
    return std::unexpected(std::move(ok.error()));
  AttachSnapshot snapshot{
      .relations = relations,
      .types = std::make_shared<const model::TypeCatalog>(),
      .replica = std::make_unique<replication::Replica>(followed, slot.consistent_point),
      .blind_tables = {}};
  if (replication::NeedsTypes(plugin)) {
    auto types = postgres::ReadTypes(leader);
    if (!types) return std::unexpected(std::move(types.error()));
    snapshot.types = std::move(*types);
  }
  if (losses.Has(model::Loss::kTruncate)) {
    auto blind = FindBlindTables(leader, schema, followed);
    if (!blind) return std::unexpected(std::move(blind.error()));
    snapshot.blind_tables = std::move(*blind);
  }
  auto timeout = ReadWalSenderTimeout(leader);
  if (!timeout) return std::unexpected(std::move(timeout.error()));
  snapshot.wal_sender_timeout = *timeout;

  auto readers = StartReaders(std::move(prepared.copying), slot.snapshot_name, snapshot.relations,
                              followed.size());
  if (!readers) return std::unexpected(std::move(readers.error()));
  const model::Projection projection(losses);
  model::Database& database = snapshot.replica->database();
  auto copied =
      CopyTables(std::move(*readers), std::move(to_copy),
                 [&](const TableToCopy& from, postgres::TableRow row) {
                   model::Row key = from.relation->KeyOf(row.row);
                   auto shown = projection.Project(*from.relation, row.row);
                   database.Write(from.table, std::move(key), std::move(shown ? *shown : row.row));
                 });
  if (!copied) return std::unexpected(std::move(copied.error()));
  return snapshot;
}

}  // namespace lockstep::consumer
