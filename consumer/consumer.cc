#include "consumer/consumer.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "consumer/patient_probe.h"
#include "consumer/patient_slot.h"
#include "model/output_plugin.h"
#include "model/relation.h"
#include "postgres/connection.h"
#include "postgres/slot.h"
#include "postgres/system_identity.h"
#include "postgres/table_reader.h"
#include "postgres/truncation_trigger.h"
#include "replication/frames.h"
#include "replication/make_decoder.h"
#include "replication/relation_map.h"
#include "replication/sql_name.h"

namespace lockstep::consumer {
namespace {

using model::Fail;
using model::Result;
using postgres::Connection;
using postgres::ConnectionKind;

// For the writers of one table that is always being written to.
constexpr std::chrono::milliseconds kLongestTriggerWait{1'500};

Result<Connection> Open(const ConsumerOptions& options, ConnectionKind kind) {
  return Connection::Open(options.conninfo, kind,
                          kind == ConnectionKind::kSql
                              ? postgres::OnlookerOptions(options.application_name)
                              : postgres::ConnectionOptions{options.application_name});
}

// A probe takes a slot of its own: only where the version matters.
Result<model::PluginVersion> PluginVersionOf(const ConsumerOptions& options,
                                             const model::OutputPlugin& plugin,
                                             const Connection& connection,
                                             AttachPatience& patience) {
  if (options.version.server != 0) return options.version;
  if (plugin.probed_option.empty())
    return model::PluginVersion{.server = connection.server_version()};
  return ProbePluginPatiently(options.conninfo, plugin.name, patience);
}

// Nobody else will read it, nor drop it. On the connection that is there, since the server may have
// no room for another walsender; where it is gone, on one that needs none.
Result<void> DropOwnSlot(const ConsumerOptions& options, Connection* there) {
  if (there) {
    auto dropped = postgres::DropSlot(*there, options.slot);
    if (dropped || there->IsAlive()) return dropped;
  }
  auto sql = Open(options, ConnectionKind::kSql);
  if (!sql) return std::unexpected(std::move(sql.error()));
  return postgres::DropSlot(*sql, options.slot);
}

// The error of an attach, whose slot could not be dropped for the other one.
model::Error WithSlotLeft(model::Error error, const ConsumerOptions& options,
                          const model::Error& left) {
  error.message += fmt::format(
      "; slot {0} is left on the server and keeps its WAL ({1}): drop it, SELECT "
      "pg_catalog.pg_drop_replication_slot('{0}')",
      options.slot, left.message);
  return error;
}

struct MadeSlot {
  model::Lsn consistent_point;
  AttachSnapshot snapshot;
};

// Again and again until the tables are left alone for the moment that it takes to lock them.
Result<MadeSlot> MakeSlotAndCopy(const ConsumerOptions& options, const std::string& library,
                                 const AttachScope& scope, Connection& replication,
                                 AttachPatience& patience) {
  while (true) {
    auto prepared =
        PrepareTables(options.conninfo, options.application_name, options.copy_connections, scope);
    if (!prepared) return std::unexpected(std::move(prepared.error()));
    auto slot = CreateSlotPatiently(replication, prepared->observer,
                                    {.name = options.slot, .plugin = library}, patience);
    if (!slot) return std::unexpected(std::move(slot.error()));
    auto snapshot = ReadAttachSnapshot(std::move(*prepared), *slot, scope);
    if (snapshot) return MadeSlot{slot->consistent_point, std::move(*snapshot)};
    model::Error error = std::move(snapshot.error());
    if (auto dropped = DropOwnSlot(options, &replication); !dropped)
      return std::unexpected(WithSlotLeft(std::move(error), options, dropped.error()));
    // Readers wait for locks a short while only.
    if (error.kind != model::ErrorKind::kMisfit && !postgres::TellsOfChange(error))
      return std::unexpected(std::move(error));
    AttachWait wait{.reason = "finding the tables unchanged: " + error.message};
    if (auto ok = patience.Pause(std::move(wait), std::move(error)); !ok)
      return std::unexpected(std::move(ok.error()));
  }
}

// The scope's tables but the excluded ones.
replication::RelationMap MakeRelationMap(const AttachScope& attach, const AttachSnapshot& snapshot,
                                         const ConsumerOptions& options) {
  std::set<std::pair<std::string, std::string>> excluded;
  for (const postgres::ExcludedTable& table : snapshot.excluded)
    excluded.emplace(table.schema, table.name);
  return {snapshot.relations,
          snapshot.types,
          [scope = attach.scope,
           excluded = std::move(excluded)](const replication::QualifiedName& table) {
            return scope.Covers(table.schema, table.name) &&
                   !excluded.contains({table.schema, table.name});
          },
          attach.policy,
          options.on_new_table,
          options.on_keyless_table};
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
  AttachPatience patience(options.attach_timeout, options.on_wait);
  // Before the slot, which holds back WAL while it waits.
  auto version = PluginVersionOf(options, *output_plugin, *connection, patience);
  if (!version) return std::unexpected(std::move(version.error()));
  AttachScope scope{options.scope,
                    options.policy,
                    {options.plugin, *version, options.publications},
                    options.unreadable,
                    options.ddl_log};
  Consumer consumer(options, std::move(scope), std::move(*identity));
  if (auto ok = consumer.InstallTriggersPatiently(patience); !ok)
    return std::unexpected(std::move(ok.error()));
  auto made = MakeSlotAndCopy(options, std::string(output_plugin->library), consumer.scope_,
                              *connection, patience);
  if (!made) return std::unexpected(std::move(made.error()));
  auto started = consumer.Take(std::move(made->snapshot), made->consistent_point);
  if (started) started = consumer.StartStream(std::move(*connection));
  if (started) return consumer;
  // The stream had the connection.
  if (auto dropped = DropOwnSlot(options, nullptr); !dropped)
    started = std::unexpected(WithSlotLeft(std::move(started.error()), options, dropped.error()));
  return std::unexpected(std::move(started.error()));
}

Result<void> Consumer::InstallTriggersPatiently(AttachPatience& patience) {
  while (true) {
    auto installed = InstallTriggers();
    if (installed || installed.error().kind != model::ErrorKind::kMisfit) return installed;
    AttachWait wait{.reason = installed.error().message};
    if (auto ok = patience.Pause(std::move(wait), std::move(installed.error())); !ok) return ok;
  }
}

// Has the triggers made that show truncations, on all tables that can be followed.
Result<void> Consumer::InstallTriggers() {
  const model::LossSet losses = model::LossesOf(scope_.plugin.name, scope_.plugin.version);
  if (!options_.install_triggers || !losses.Has(model::Loss::kTruncate)) return {};
  auto connection = Open(options_, ConnectionKind::kSql);
  if (!connection) return std::unexpected(std::move(connection.error()));
  auto tables = ReadTables(*connection, scope_);
  if (!tables) return std::unexpected(std::move(tables.error()));
  std::vector<postgres::TableName> names;
  for (const model::RelationPtr& relation : tables->followed)
    names.push_back({relation->schema, relation->name});
  auto installed = postgres::InstallTruncationTriggers(*connection, scope_.scope.truncation_log(),
                                                       names, trigger_lock_timeout_);
  trigger_lock_timeout_ =
      installed ? kShortestTriggerWait : std::min(trigger_lock_timeout_ * 2, kLongestTriggerWait);
  return installed;
}

std::uint32_t Consumer::Join(const replication::NewTable& table) {
  if (table.types) snapshot_.types = table.types;
  std::erase_if(snapshot_.relations, [&](const model::RelationPtr& known) {
    return known->schema == table.relation->schema && known->name == table.relation->name;
  });
  snapshot_.relations.push_back(table.relation);
  return replica().Join(table.relation);
}

Result<std::unique_ptr<replication::Decoder>> Consumer::MakeDecoder() const {
  return replication::MakeDecoder(scope_.plugin, MakeRelationMap(scope_, snapshot_, options_));
}

Result<void> Consumer::Take(AttachSnapshot snapshot, model::Lsn consistent_point) {
  // What was confirmed behind that point holds nothing that is followed: it would not be durable.
  const model::Lsn start = follower_ ? std::max(consistent_point, confirmed()) : consistent_point;
  snapshot_ = std::move(snapshot);
  consistent_point_ = consistent_point;
  auto decoder = MakeDecoder();
  if (!decoder) return std::unexpected(std::move(decoder.error()));
  follower_.emplace(replication::FollowerOptions{.start = start,
                                                 .status_interval = replication::StatusInterval(
                                                     snapshot_.wal_sender_timeout),
                                                 .policy = scope_.policy},
                    std::move(*decoder), std::chrono::steady_clock::now());
  return {};
}

// Where the slot was confirmed beyond what is durable here, the server skips without a word.
Result<void> Consumer::CheckSlot(Connection& connection) const {
  auto slot = postgres::InspectSlot(connection, options_.slot);
  if (!slot) return std::unexpected(std::move(slot.error()));
  if (!*slot) {
    return Fail(model::ErrorKind::kMisfit,
                fmt::format("slot {} is gone; its changes since {} are lost, attach again",
                            options_.slot, ToString(confirmed())),
                "42704");
  }
  if ((*slot)->confirmed_flush_lsn <= confirmed()) return {};
  return Fail(
      model::ErrorKind::kMisfit,
      fmt::format(
          "slot {} was confirmed up to {} by somebody else, beyond {} that is durable here; the "
          "transactions between are lost, attach again",
          options_.slot, ToString((*slot)->confirmed_flush_lsn), ToString(confirmed())));
}

// Behind what is confirmed. Looks at the slot once the stream has it: nobody else can confirm it
// from then on.
Result<void> Consumer::StartStream(Connection connection) {
  auto stream = postgres::ReplicationStream::Start(
      std::move(connection), options_.slot, confirmed(), replication::StreamOptions(scope_.plugin));
  if (!stream) return std::unexpected(std::move(stream.error()));
  auto observer = Open(options_, ConnectionKind::kSql);
  if (!observer) return std::unexpected(std::move(observer.error()));
  if (auto ok = CheckSlot(*observer); !ok) return ok;
  stream_ = std::move(*stream);
  liveness_.Begin();
  return {};
}

Result<FromStream> Consumer::Next() {
  while (stream_) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= NextStatusDue()) return StatusIsDue{};
    auto frame = stream_->Receive();
    if (!frame) {
      stream_.reset();
      return std::unexpected(std::move(frame.error()));
    }
    if (stream_->has_notices()) {
      for (const std::string& notice : stream_->TakeNotices()) {
        if (auto ok = follower_->OnNotice(notice); !ok)
          return std::unexpected(std::move(ok.error()));
      }
    }
    if (!*frame) return OnNothing(now);
    liveness_.OnFrame();
    if (options_.on_frame) {
      if (auto ok = options_.on_frame((*frame)->bytes()); !ok) return std::unexpected(ok.error());
    }
    auto transaction = follower_->OnCopyData((*frame)->bytes());
    if (!transaction) {
      return Fail(fmt::format("slot {} ({})", options_.slot, options_.plugin),
                  std::move(transaction.error()));
    }
    if (*transaction) return std::move(**transaction);
  }
  return Fail(model::ErrorKind::kDisconnected,
              fmt::format("slot {}: not connected", options_.slot));
}

// It may be that the server has nothing to say.
Result<FromStream> Consumer::OnNothing(TimePoint now) {
  const auto state = liveness_.OnNothing(now);
  asks_for_reply_ = state == replication::Liveness::State::kAsk;
  if (state != replication::Liveness::State::kGone) return NothingNow{};
  stream_.reset();
  return Fail(
      model::ErrorKind::kDisconnected,
      fmt::format("slot {}: the server sends nothing any more and does not reply", options_.slot));
}

Result<void> Consumer::SendStatus(TimePoint now) {
  if (!stream_) return {};
  auto update = follower_->TakeStatusUpdate(now);
  if (!update) return {};
  update->reply_requested = std::exchange(asks_for_reply_, false);
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
  if (auto ok = CheckSlot(*connection); !ok) return ok;
  auto decoder = MakeDecoder();
  if (!decoder) return std::unexpected(std::move(decoder.error()));
  if (auto ok = StartStream(std::move(*connection)); !ok) return ok;
  follower_->OnReconnect(std::move(*decoder), now);
  return {};
}

// Gives a connection on which something else can be done, of either kind.
Result<Connection> Consumer::EndStream() {
  constexpr std::chrono::seconds kPatience{5};
  if (stream_) {
    auto finished = std::move(*stream_).Finish(kPatience);
    stream_.reset();
    if (finished) return finished;
  }
  return Open(options_, ConnectionKind::kSql);
}

Result<void> Consumer::Restart(AttachSnapshot snapshot, model::Lsn consistent_point) {
  // The slot is free once that stream has ended. Postgres remembers the end: a second logical
  // stream on the same connection would be over at once.
  (void)EndStream();
  if (auto ok = Take(std::move(snapshot), consistent_point); !ok) return ok;
  auto connection = Open(options_, ConnectionKind::kReplication);
  if (!connection) return std::unexpected(std::move(connection.error()));
  return StartStream(std::move(*connection));
}

Result<void> Consumer::Detach() {
  auto connection = EndStream();
  if (!connection) return std::unexpected(std::move(connection.error()));
  return postgres::DropSlot(*connection, options_.slot);
}

}  // namespace lockstep::consumer
