// One slot consumed for real: attach by snapshot, follow the stream, confirm, reconnect, detach.
//
// clang-format off
//   Attach: slot with exported snapshot ─► relations and rows under it
//                                       ─► stream from its consistent point
//   then:   Next* ─► transactions    OnDurable ─► progress    SendStatus when NextStatusDue
// clang-format on
//
// Attach waits for open transactions, and begins again when a table was truncated or altered just
// then; for five minutes, unless told otherwise.
//
// Attach, Reconnect, Restart, InstallTriggers and Detach block; the rest never does, unless
// on_frame does. One thread.
#ifndef LOCKSTEP_CONSUMER_CONSUMER_H_
#define LOCKSTEP_CONSUMER_CONSUMER_H_

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "consumer/attach_patience.h"
#include "consumer/attach_snapshot.h"
#include "consumer/locked_tables.h"
#include "model/change.h"
#include "model/error.h"
#include "model/lsn.h"
#include "postgres/connection.h"
#include "postgres/relation_reader.h"
#include "postgres/replication_stream.h"
#include "postgres/system_identity.h"
#include "postgres/table_scope.h"
#include "replication/decoder.h"
#include "replication/follow_policy.h"
#include "replication/follower.h"
#include "replication/liveness.h"
#include "replication/relation_map.h"
#include "replication/replica.h"

namespace lockstep::consumer {

using replication::TimePoint;

struct ConsumerOptions {
  std::string conninfo;
  std::string application_name = "lockstep listener";
  std::string slot;            // made by Attach, dropped by Detach
  std::string plugin;          // one of model::OutputPlugins()
  postgres::TableScope scope;  // the tables that are followed
  // Which tables pgoutput sends; no other plugin knows them.
  std::vector<std::string> publications = {};
  model::PluginVersion version = {};  // of the plugin on this server (postgres/plugin_probe.h)
  // Those found so far; see AttachScope.
  std::shared_ptr<UnreadableTables> unreadable = std::make_shared<UnreadableTables>();
  // What is done about a table that cannot be followed: Attach fails, or excluded() has it.
  replication::FollowPolicy policy = replication::FollowPolicy::kStrict;
  // Where the plugin does not send TRUNCATE: make it visible with triggers on all followed tables.
  // The user has consented. They write to scope.truncation_log().
  bool install_triggers = false;
  std::string ddl_log = {};  // see AttachScope
  // Of tables that were made behind the consistent point; with what it returns, Join is to be
  // called before that transaction is applied.
  replication::RelationMap::OnNew on_new_table = {};
  // Of tables without a key that got one since, which the plugin does not tell.
  replication::RelationMap::OnKeyless on_keyless_table = {};
  // Given each CopyData message before it is decoded, to record the stream. An error ends the
  // following.
  std::function<model::Result<void>(std::string_view)> on_frame = {};
  // Connections that copy tables at once; fewer where the server or a lock does not let them.
  int copy_connections = 4;
  // How long Attach tries to make the slot and find the tables unchanged, on a server at work.
  std::chrono::milliseconds attach_timeout = std::chrono::minutes(5);
  // How long the stream may bring nothing (replication/liveness.h).
  std::chrono::milliseconds silence_limit = replication::Liveness::kLimit;
  // Told what Attach waits for. An error ends it.
  OnAttachWait on_wait = {};
};

// All that has arrived was read: wait for fd().
struct NothingNow {};
// There may be more to read at once, with or without a transaction under way, but SendStatus comes
// first: a huge transaction takes longer to come than the server waits for a sign of life.
struct StatusIsDue {};
using FromStream = std::variant<model::Transaction, NothingNow, StatusIsDue>;

class Consumer {
 public:
  // Makes the slot, copies the rows under its snapshot and starts the stream. After an error
  // nothing is left behind, or it says what. SQLSTATE 55P03 when transactions were open for all of
  // attach_timeout, kMisfit when the tables were changed all the time.
  static model::Result<Consumer> Attach(const ConsumerOptions& options);

  // The tables as of replica().valid_at(), at first the consistent point. The caller applies what
  // Next gives.
  replication::Replica& replica() { return *snapshot_.replica; }
  model::Lsn consistent_point() const { return consistent_point_; }
  // Followed tables whose truncation cannot be seen.
  const std::vector<postgres::TableName>& blind_tables() const { return snapshot_.blind_tables; }
  // Followed tables whose UPDATE and DELETE are not in the stream: they have no replica identity.
  const std::vector<postgres::TableName>& insert_only() const { return snapshot_.insert_only; }
  // The tables of the scope that are not followed, as of the consistent point.
  const std::vector<postgres::ExcludedTable>& excluded() const { return snapshot_.excluded; }

  // The next transaction, or why none comes now. After kDisconnected: Reconnect; that is also a
  // server that sends nothing any more (replication/liveness.h). After any other error the stream
  // is not read on.
  model::Result<FromStream> Next();
  // Everything with end_lsn <= `lsn` is durable with the caller and will never be asked for again.
  void OnDurable(model::Lsn lsn) { follower_->OnDurable(lsn); }
  model::Result<void> SendStatus(TimePoint now);
  TimePoint NextStatusDue() const { return follower_->NextStatusDue(); }

  // One attempt to go on where the stream broke off. kMisfit when it is another server, or the slot
  // was confirmed beyond what is durable here: those transactions are lost.
  model::Result<void> Reconnect(TimePoint now);

  // Goes on, on the same slot, with the tables and rows of `snapshot`, as they are at
  // `consistent_point`: every transaction behind it comes out of Next, again where it came before,
  // those up to it do not. Nothing behind it is durable. Blocks until the stream that was read has
  // ended. After kDisconnected: Reconnect. kMisfit as there.
  model::Result<void> Restart(AttachSnapshot snapshot, model::Lsn consistent_point);
  // Makes the triggers of install_triggers, for tables that came into being since. kMisfit when one
  // was changed or is being written to: call again.
  model::Result<void> InstallTriggers();
  // Follows a table that on_new_table told. Returns its number in the replica.
  std::uint32_t Join(const replication::NewTable& table);

  // To be polled: for reading while WantsToRead(), for writing while WantsWrite(). -1 while there
  // is no connection.
  int fd() const { return stream_ ? stream_->fd() : -1; }
  bool WantsToRead() const { return stream_ && follower_->WantsToRead(); }
  bool WantsWrite() const { return stream_ && stream_->WantsWrite(); }
  model::Result<void> Flush();

  // Every transaction with end_lsn <= received() has come out of Next.
  model::Lsn received() const { return follower_->received(); }
  // What the server may forget.
  model::Lsn confirmed() const { return follower_->progress().position(); }
  const std::string& slot() const { return options_.slot; }

  // Ends the stream and drops the slot. The replica stays readable.
  model::Result<void> Detach();

 private:
  Consumer(const ConsumerOptions& options, AttachScope scope, postgres::SystemIdentity identity)
      : options_(options),
        scope_(std::move(scope)),
        identity_(std::move(identity)),
        liveness_(options.silence_limit) {}
  model::Result<void> InstallTriggersPatiently(AttachPatience& patience);
  model::Result<std::unique_ptr<replication::Decoder>> MakeDecoder() const;
  model::Result<void> Take(AttachSnapshot snapshot, model::Lsn consistent_point);
  model::Result<void> CheckSlot(postgres::Connection& connection) const;
  model::Result<void> StartStream(postgres::Connection connection);
  model::Result<postgres::Connection> EndStream();
  model::Result<FromStream> OnNothing(TimePoint now);

  ConsumerOptions options_;
  AttachScope scope_;
  postgres::SystemIdentity identity_;
  model::Lsn consistent_point_;
  AttachSnapshot snapshot_;
  // For the writers of one table: doubled each time that it was too short.
  static constexpr std::chrono::milliseconds kShortestTriggerWait{1'000};
  std::chrono::milliseconds trigger_lock_timeout_ = kShortestTriggerWait;
  std::optional<replication::Follower> follower_;  // always, once attached
  std::optional<postgres::ReplicationStream> stream_;
  replication::Liveness liveness_;
  bool asks_for_reply_ = false;
};

}  // namespace lockstep::consumer

#endif  // LOCKSTEP_CONSUMER_CONSUMER_H_
