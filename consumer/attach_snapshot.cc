#include "consumer/attach_snapshot.h"

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "consumer/table_copy.h"
#include "model/database.h"
#include "model/output_plugin.h"
#include "model/projection.h"
#include "postgres/copy_row.h"
#include "postgres/parallel_reader.h"
#include "replication/follow_policy.h"

namespace lockstep::consumer {
namespace {

using model::Fail;
using model::RelationPtr;
using model::Result;
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

std::unexpected<model::Error> CannotBeFollowed(const std::string& table, std::string_view why) {
  return Fail(model::ErrorKind::kUnsupported,
              fmt::format("table {} cannot be followed: {}", table, why));
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
                fmt::format("table {} has no primary key, or a deferrable one: its rows cannot be "
                            "followed; add one, or set REPLICA IDENTITY USING INDEX",
                            relation->QualifiedName()));
  }
  for (const postgres::ExcludedTable& table : tables.excluded) {
    if (!table.is_ordinary) continue;
    return CannotBeFollowed(TableName{table.schema, table.name}.QualifiedName(), table.reason);
  }
  return {};
}

// Copies the followed tables into the replica, which has them in the same order.
Result<void> CopyRows(LockedTables& locked, const AttachScope& scope,
                      replication::Replica& replica) {
  std::vector<postgres::TableToRead> to_read;
  for (std::uint32_t i = 0; i < locked.tables.followed.size(); ++i)
    to_read.push_back({locked.tables.followed[i], i, locked.states[i].bytes, RowFormFor(scope)});
  const model::Projection projection(model::LossesOf(scope.plugin.name, scope.plugin.version));
  TableCopy copy(replica.database(), projection);
  postgres::ParallelReader reader(std::move(locked.readers), std::move(to_read));
  if (auto ok = reader.Run(copy); !ok)
    return std::unexpected(OnUnreadable(scope, reader.unreadable(), std::move(ok.error())));
  for (const auto& [table, reason] : copy.unshown_keys()) {
    const model::Relation& relation = *replica.database().table(table).relation();
    if (scope.policy == FollowPolicy::kStrict)
      return CannotBeFollowed(relation.QualifiedName(), reason);
    replica.SetAside({.schema = relation.schema,
                      .name = relation.name,
                      .reason = reason,
                      .end_lsn = replica.valid_at(),
                      .unshown_key = true});
  }
  return {};
}

}  // namespace

AttachSnapshot MakeAttachSnapshot(LockedTables& locked, model::Lsn consistent_point,
                                  const AttachScope& scope) {
  return {.relations = locked.Relations(),
          .excluded = std::move(locked.tables.excluded),
          .types = std::move(locked.types),
          .replica = std::make_unique<replication::Replica>(
              locked.tables.followed, consistent_point, scope.policy,
              model::LossesOf(scope.plugin.name, scope.plugin.version)),
          .blind_tables = std::move(locked.blind_tables),
          .insert_only = std::move(locked.tables.insert_only),
          .wal_sender_timeout = locked.wal_sender_timeout};
}

Result<AttachSnapshot> ReadAttachSnapshot(TablePreparation prepared,
                                          const postgres::CreatedSlot& slot,
                                          const AttachScope& scope) {
  auto locked = LockTables(prepared, slot.snapshot_name, scope);
  if (!locked) return std::unexpected(std::move(locked.error()));
  if (auto ok = CheckFollowable(locked->tables, scope); !ok)
    return std::unexpected(std::move(ok.error()));
  AttachSnapshot snapshot = MakeAttachSnapshot(*locked, slot.consistent_point, scope);
  if (auto ok = CopyRows(*locked, scope, *snapshot.replica); !ok)
    return std::unexpected(std::move(ok.error()));
  return snapshot;
}

}  // namespace lockstep::consumer
