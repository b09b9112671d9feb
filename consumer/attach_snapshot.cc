#include "consumer/attach_snapshot.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

#include "model/output_plugin.h"
#include "model/projection.h"
#include "model/truncation_log.h"
#include "postgres/relation_reader.h"
#include "postgres/table_reader.h"
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

Result<void> CopyRows(Connection& connection, const std::vector<RelationPtr>& followed,
                      const model::Projection& projection, replication::Replica& replica) {
  for (std::uint32_t table = 0; table < followed.size(); ++table) {
    const model::Relation& relation = *followed[table];
    auto read = postgres::ReadTable(connection, relation,
                                    [&](const postgres::TableRow& row) -> Result<void> {
                                      auto shown = projection.Project(relation, row.row);
                                      replica.database().Write(table, relation.KeyOf(row.row),
                                                               shown ? std::move(*shown) : row.row);
                                      return {};
                                    });
    if (!read)
      return Fail(fmt::format("copying {}", relation.QualifiedName()), std::move(read.error()));
  }
  return {};
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

Result<AttachSnapshot> ReadAttachSnapshot(Connection& connection, const postgres::CreatedSlot& slot,
                                          const std::string& schema,
                                          const replication::PluginChoice& plugin) {
  const model::LossSet losses = model::LossesOf(plugin.name, plugin.version);
  if (auto ok = postgres::BeginSnapshot(connection, slot.snapshot_name); !ok)
    return std::unexpected(std::move(ok.error()));
  auto relations = postgres::ReadSchema(connection, schema);
  if (!relations) return std::unexpected(std::move(relations.error()));
  std::vector<RelationPtr> followed = *relations;
  std::erase_if(followed, [](const RelationPtr& r) { return r->name == model::kTruncationLog; });
  if (auto ok = CheckFollowable(followed, schema); !ok)
    return std::unexpected(std::move(ok.error()));
  AttachSnapshot snapshot{
      .relations = std::move(*relations),
      .types = std::make_shared<const model::TypeCatalog>(),
      .replica = std::make_unique<replication::Replica>(followed, slot.consistent_point),
      .blind_tables = {}};
  if (replication::NeedsTypes(plugin)) {
    auto types = postgres::ReadTypes(connection);
    if (!types) return std::unexpected(std::move(types.error()));
    snapshot.types = std::move(*types);
  }
  auto copied = CopyRows(connection, followed, model::Projection(losses), *snapshot.replica);
  if (!copied) return std::unexpected(std::move(copied.error()));
  if (losses.Has(model::Loss::kTruncate)) {
    auto blind = FindBlindTables(connection, schema, followed);
    if (!blind) return std::unexpected(std::move(blind.error()));
    snapshot.blind_tables = std::move(*blind);
  }
  auto timeout = ReadWalSenderTimeout(connection);
  if (!timeout) return std::unexpected(std::move(timeout.error()));
  snapshot.wal_sender_timeout = *timeout;
  return snapshot;
}

}  // namespace lockstep::consumer
