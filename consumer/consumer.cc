#include "consumer/consumer.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "model/output_plugin.h"
#include "postgres/connection.h"
#include "postgres/relation_reader.h"
#include "postgres/slot.h"
#include "postgres/system_identity.h"
#include "postgres/table_reader.h"
#include "postgres/type_reader.h"
#include "replication/frames.h"
#include "replication/make_decoder.h"

namespace lockstep::consumer {
namespace {

using model::Fail;
using model::Result;
using postgres::Connection;
using postgres::ConnectionKind;
using replication::Replica;

Result<Connection> Open(const ConsumerOptions& options, ConnectionKind kind) {
  return Connection::Open(options.conninfo, kind, {.application_name = options.application_name});
}

// A replica of no tables would agree with everything, and one without keys cannot tell rows apart.
Result<void> CheckFollowable(const std::vector<model::RelationPtr>& relations,
                             const std::string& schema) {
  if (relations.empty()) {
    return Fail(model::ErrorKind::kUsage,
                fmt::format("schema {} has no tables to follow, or does not exist", schema));
  }
  for (const model::RelationPtr& relation : relations) {
    if (!relation->key.empty()) continue;
    return Fail(model::ErrorKind::kUnsupported,
                fmt::format("table {} has no primary key: its rows cannot be followed; add one, or "
                            "set REPLICA IDENTITY USING INDEX",
                            relation->QualifiedName()));
  }
  return {};
}

// What the attach snapshot shows.
struct Snapshot {
  std::vector<model::RelationPtr> relations;
  model::TypeCatalogPtr types = std::make_shared<const model::TypeCatalog>();
  std::unique_ptr<Replica> replica;
  std::chrono::milliseconds wal_sender_timeout{0};
};

Result<Snapshot> ReadSnapshot(const ConsumerOptions& options,
                              const replication::PluginChoice& plugin,
                              const postgres::CreatedSlot& slot) {
  auto connection = Open(options, ConnectionKind::kSql);
  if (!connection) return std::unexpected(std::move(connection.error()));
  if (auto ok = postgres::BeginSnapshot(*connection, slot.snapshot_name); !ok)
    return std::unexpected(ok.error());
  auto relations = postgres::ReadSchema(*connection, options.schema);
  if (!relations) return std::unexpected(std::move(relations.error()));
  if (auto ok = CheckFollowable(*relations, options.schema); !ok)
    return std::unexpected(std::move(ok.error()));

  Snapshot snapshot{.relations = *relations,
                    .replica = std::make_unique<Replica>(*relations, slot.consistent_point)};
  if (replication::NeedsTypes(plugin)) {
    auto types = postgres::ReadTypes(*connection);
    if (!types) return std::unexpected(std::move(types.error()));
    snapshot.types = std::move(*types);
  }
  for (std::uint32_t table = 0; table < relations->size(); ++table) {
    const model::Relation& relation = *(*relations)[table];
    auto read = postgres::ReadTable(
        *connection, relation, [&](const postgres::TableRow& row) -> Result<void> {
          snapshot.replica->database().Write(table, relation.KeyOf(row.row), row.row);
          return {};
        });
    if (!read)
      return Fail(fmt::format("copying {}", relation.QualifiedName()), std::move(read.error()));
  }
  auto timeout =
      connection->Scalar("SELECT setting FROM pg_settings WHERE name = 'wal_sender_timeout'");
  if (!timeout) return std::unexpected(std::move(timeout.error()));
  std::int64_t milliseconds = 0;
  std::from_chars(timeout->data(), timeout->data() + timeout->size(), milliseconds);
  snapshot.wal_sender_timeout = std::chrono::milliseconds(milliseconds);
  return snapshot;
}

// Microseconds since 2000-01-01 UTC, by our clock: the server only shows it in pg_stat_replication.
std::int64_t WallClockMicros() {
  constexpr std::int64_t kEpochMicros = 946'684'800'000'000;
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count() - kEpochMicros;
}

}  // namespace

Result<Consumer> Consumer::Attach(const ConsumerOptions& options) {
  // Before anything is made for a plugin that cannot be followed.
  const model::OutputPlugin* output_plugin = model::FindOutputPlugin(options.plugin);
  if (!output_plugin) {
    return Fail(model::ErrorKind::kUsage,
                fmt::format("there is no decoder for the output plugin \"{}\"; there is one for "
                            "each of {}",
                            options.plugin, model::OutputPluginNames()));
  }
  auto connection = Open(options, ConnectionKind::kReplication);
  if (!connection) return std::unexpected(std::move(connection.error()));
  auto identity = postgres::IdentifySystem(*connection);
  if (!identity) return std::unexpected(std::move(identity.error()));
  auto slot = postgres::CreateSlot(
      *connection, {.name = options.slot, .plugin = std::string(output_plugin->library)});
  if (!slot) return std::unexpected(std::move(slot.error()));

  const auto attach = [&]() -> Result<Consumer> {
    replication::PluginChoice plugin{
        options.plugin, {.server = connection->server_version()}, options.publication};
    auto snapshot = ReadSnapshot(options, plugin, *slot);
    if (!snapshot) return std::unexpected(std::move(snapshot.error()));
    auto decoder = replication::MakeDecoder(
        plugin, replication::RelationMap(snapshot->relations, snapshot->types));
    if (!decoder) return std::unexpected(std::move(decoder.error()));
    replication::Follower follower(
        {.start = slot->consistent_point,
         .status_interval = replication::StatusInterval(snapshot->wal_sender_timeout)},
        std::move(*decoder), std::chrono::steady_clock::now());
    auto stream = postgres::ReplicationStream::Start(std::move(*connection), options.slot,
                                                     slot->consistent_point,
                                                     replication::StreamOptions(plugin));
    if (!stream) return std::unexpected(std::move(stream.error()));
    return Consumer(options, std::move(plugin), std::move(*identity), slot->consistent_point,
                    std::move(snapshot->relations), std::move(snapshot->types),
                    std::move(snapshot->replica), std::move(follower), std::move(*stream));
  };
  auto consumer = attach();
  if (!consumer) {
    // The slot is ours and nobody will read it.
    if (auto again = Open(options, ConnectionKind::kReplication))
      (void)postgres::DropSlot(*again, options.slot);
  }
  return consumer;
}

Result<std::optional<model::Transaction>> Consumer::Next() {
  while (stream_) {
    auto frame = stream_->Receive();
    if (!frame) {
      stream_.reset();
      return std::unexpected(std::move(frame.error()));
    }
    if (!*frame) return std::nullopt;
    if (options_.on_frame) {
      if (auto ok = options_.on_frame((*frame)->bytes()); !ok) return std::unexpected(ok.error());
    }
    auto transaction = follower_.OnCopyData((*frame)->bytes());
    if (!transaction) {
      return Fail(fmt::format("slot {} ({})", options_.slot, options_.plugin),
                  std::move(transaction.error()));
    }
    if (*transaction) return transaction;
  }
  return Fail(model::ErrorKind::kDisconnected,
              fmt::format("slot {}: not connected", options_.slot));
}

Result<void> Consumer::SendStatus(TimePoint now) {
  if (!stream_) return {};
  auto update = follower_.TakeStatusUpdate(now);
  if (!update) return {};
  auto sent =
      stream_->SendStatusUpdate(replication::EncodeStatusUpdate(*update, WallClockMicros()));
  if (!sent) stream_.reset();
  return sent;
}

Result<void> Consumer::Flush() {
  if (!stream_) return {};
  auto flushed = stream_->Flush();
  if (!flushed) stream_.reset();
  return flushed;
}

Result<void> Consumer::Reconnect(TimePoint now) {
  stream_.reset();
  auto connection = Open(options_, ConnectionKind::kReplication);
  if (!connection) return std::unexpected(std::move(connection.error()));
  auto identity = postgres::IdentifySystem(*connection);
  if (!identity) return std::unexpected(std::move(identity.error()));
  if (*identity != identity_) {
    return Fail(model::ErrorKind::kMisfit,
                fmt::format("slot {}: this is {}, the replica was made on {}; attach again",
                            options_.slot, ToString(*identity), ToString(identity_)));
  }
  auto slot = postgres::InspectSlot(*connection, options_.slot);
  if (!slot) return std::unexpected(std::move(slot.error()));
  if (!*slot) {
    return Fail(model::ErrorKind::kMisfit,
                fmt::format("slot {} is gone; its changes since {} are lost, attach again",
                            options_.slot, ToString(confirmed())));
  }
  if ((*slot)->confirmed_flush_lsn > confirmed()) {
    return Fail(
        model::ErrorKind::kMisfit,
        fmt::format(
            "slot {} was confirmed up to {} by somebody else, beyond {} that is durable here; the "
            "transactions between are lost, attach again",
            options_.slot, ToString((*slot)->confirmed_flush_lsn), ToString(confirmed())));
  }
  auto decoder = replication::MakeDecoder(plugin_, replication::RelationMap(relations_, types_));
  if (!decoder) return std::unexpected(std::move(decoder.error()));
  auto stream = postgres::ReplicationStream::Start(
      std::move(*connection), options_.slot, confirmed(), replication::StreamOptions(plugin_));
  if (!stream) return std::unexpected(std::move(stream.error()));
  stream_ = std::move(*stream);
  follower_.OnReconnect(std::move(*decoder), now);
  return {};
}

Result<void> Consumer::Detach() {
  constexpr std::chrono::seconds kPatience{5};
  std::optional<Connection> connection;
  if (stream_) {
    auto finished = std::move(*stream_).Finish(kPatience);
    stream_.reset();
    if (finished) connection = std::move(*finished);
  }
  if (!connection) {
    auto opened = Open(options_, ConnectionKind::kReplication);
    if (!opened) return std::unexpected(std::move(opened.error()));
    connection = std::move(*opened);
  }
  return postgres::DropSlot(*connection, options_.slot);
}

}  // namespace lockstep::consumer
