// One slot followed, as a state machine without I/O: frames, acknowledgements and the time go in;
// transactions and status updates come out. The same code runs in the listener, in tests on
// captured bytes and under simulation.
//
// clang-format off
//   CopyData ──► frame ─┬─ XLogData ──► Decoder ──► TransactionAssembler ──► Transaction
//                       │                                                    (when its commit came)
//                       └─ keepalive ──► Progress ◄── OnDurable
//                                           └──► StandbyStatusUpdate (when one is due)
// clang-format on
//
// It never confirms what is not durable, and never blocks: status updates are due by the clock also
// in the middle of a huge transaction and while reading is paused.
#ifndef LOCKSTEP_REPLICATION_FOLLOWER_H_
#define LOCKSTEP_REPLICATION_FOLLOWER_H_

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>

#include "model/change.h"
#include "model/error.h"
#include "model/lsn.h"
#include "replication/decoder.h"
#include "replication/follow_policy.h"
#include "replication/frames.h"
#include "replication/progress.h"
#include "replication/transaction_assembler.h"

namespace lockstep::replication {

using TimePoint = std::chrono::steady_clock::time_point;

struct FollowerOptions {
  // P at the start: everything with end_lsn <= start is durable with the caller.
  model::Lsn start;
  // A status update at least this often: StatusInterval(wal_sender_timeout).
  std::chrono::milliseconds status_interval{10'000};
  // New progress is confirmed at most this often; each confirmation costs the server a write of the
  // slot.
  std::chrono::milliseconds confirm_interval{1'000};
  // Reading pauses while this many transactions wait to become durable.
  std::size_t max_pending_transactions = 65'536;
  // A transaction whose rows take more memory is refused by name, before it can exhaust the
  // machine; under kSetAside its tables are set aside.
  std::size_t max_transaction_bytes = std::size_t{1} << 30;
  FollowPolicy policy = FollowPolicy::kStrict;
};

// min(10 s, wal_sender_timeout / 3); 10 s where the timeout is 0 (off).
std::chrono::milliseconds StatusInterval(std::chrono::milliseconds wal_sender_timeout);

class Follower {
 public:
  Follower(const FollowerOptions& options, std::unique_ptr<Decoder> decoder, TimePoint now);

  // One CopyData message. A transaction when it completed a new one: the caller applies it and,
  // when it and all before are durable, says so by OnDurable. After an error the connection must be
  // given up: every further call returns the same error, and nothing is confirmed past it.
  model::Result<std::optional<model::Transaction>> OnCopyData(std::string_view bytes);

  // A warning of the server's that came before the next message.
  model::Result<void> OnNotice(std::string_view notice);

  // The stream starts again at progress().position(), on a new connection with a decoder of its
  // own. Transactions that came out before do not come out again.
  void OnReconnect(std::unique_ptr<Decoder> decoder, TimePoint now);

  // Every sink has made durable everything with end_lsn <= `lsn`.
  void OnDurable(model::Lsn lsn);

  // What must be sent now, if anything.
  std::optional<StandbyStatusUpdate> TakeStatusUpdate(TimePoint now);
  // When TakeStatusUpdate next has something to send if nothing else happens.
  TimePoint NextStatusDue() const;

  // False while too much waits to become durable: do not read on, keep sending status updates.
  bool WantsToRead() const { return pending_.size() < options_.max_pending_transactions; }

  const Progress& progress() const { return progress_; }
  // Every transaction with end_lsn <= received() has come out already.
  model::Lsn received() const { return received_; }

 private:
  model::Result<std::optional<model::Transaction>> OnFrame(std::string_view bytes);
  model::Result<std::optional<model::Transaction>> OnXLogData(const XLogData& frame);
  void OnKeepalive(const PrimaryKeepalive& keepalive);

  FollowerOptions options_;
  std::unique_ptr<Decoder> decoder_;
  TransactionAssembler assembler_;
  Progress progress_;
  model::Lsn received_;
  model::Lsn last_commit_;              // of this connection, repeated ones included
  std::deque<model::Lsn> pending_;      // end LSNs of what came out and is not durable
  std::optional<model::Lsn> reply_to_;  // the keepalive that asks for a reply
  std::optional<model::Error> failure_;
  model::Lsn confirmed_;  // the flush position sent last
  TimePoint last_sent_;
};

}  // namespace lockstep::replication

#endif  // LOCKSTEP_REPLICATION_FOLLOWER_H_
