// Many statements in flight on one connection, without ever blocking: libpq's pipeline mode for an
// event loop.
//
// The loop waits for fd() to be readable, and for writable too while WantsWrite(); then it calls
// Flush() and calls Next() until it gives nullopt. Because both are done each time round, a
// pipeline of any length cannot deadlock against a server that waits for its results to be read.
//
// clang-format off
//   Send.../Sync ──► libpq's buffer ──Flush──► server ──Next──► one result per Send, Prepare
//                                                               and Sync, in order
// clang-format on
//
// An error aborts every statement up to the next Sync (kAborted each), ROLLBACK and COMMIT
// included. A Prepare that was aborted never happened. Results arrive at a Sync at the latest.
#ifndef LOCKSTEP_POSTGRES_PIPELINE_H_
#define LOCKSTEP_POSTGRES_PIPELINE_H_

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "model/error.h"
#include "postgres/connection.h"

namespace lockstep::postgres {

// The statement (or Prepare: no tag, no rows) succeeded. COMMIT of a failed transaction succeeds
// with the tag ROLLBACK.
struct CommandOk {
  QueryResult result;
  // The first column of the first row; nullopt when there is none or it is null.
  std::optional<std::string_view> FirstValue() const;
};
struct CommandFailed {
  model::Error error;  // kSql, with SQLSTATE
};
struct CommandAborted {};  // an earlier statement of the segment failed; this one was not run
struct SyncReached {};

using PipelineResult = std::variant<CommandOk, CommandFailed, CommandAborted, SyncReached>;

class Pipeline {
 public:
  // Takes over an idle kSql connection.
  static model::Result<Pipeline> Start(Connection connection);

  int fd() const;
  // True while something is queued that the socket has not taken.
  bool WantsWrite() const { return wants_write_; }
  // Results that Next() still owes: one per Prepare, Send and Sync.
  std::size_t pending() const { return pending_.size(); }

  // These only queue. An error means that the connection is lost, or a statement libpq cannot send.
  model::Result<void> Prepare(const std::string& name, const std::string& sql);
  model::Result<void> SendPrepared(const std::string& name,
                                   std::span<const std::optional<std::string_view>> parameters);
  model::Result<void> SendSql(const std::string& sql);
  // Ends a segment: an error before it does not reach beyond it.
  model::Result<void> Sync();

  // Writes what the socket takes.
  model::Result<void> Flush();
  // The next result in order, or nullopt when it has not arrived (or none is owed). kDisconnected
  // once the connection is lost and everything that had arrived was given.
  model::Result<std::optional<PipelineResult>> Next();

  // Blocks: flushes and waits until a result has come. kDisconnected also at the timeout. For tests
  // and for set-up; something must be owed.
  model::Result<PipelineResult> Wait(std::chrono::milliseconds timeout);

  // Ends the pipeline and gives the connection back, for COPY or blocking calls. Nothing may be
  // pending.
  model::Result<Connection> Leave() &&;

  Connection& connection() { return connection_; }

 private:
  explicit Pipeline(Connection connection) : connection_(std::move(connection)) {}
  model::Result<void> Queued(int sent, std::string attempted);
  model::Error Failure(std::string_view attempted) const;
  model::Result<std::optional<PipelineResult>> Read();

  Connection connection_;
  std::optional<model::Error> lost_;  // the end of the connection, told from then on
  std::deque<std::string>
      pending_;                   // what each owed result belongs to, for messages; empty: a Sync
  bool between_results_ = false;  // libpq owes the null that separates two statements
  bool wants_write_ = false;
};

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_PIPELINE_H_
