// Logical replication as libpq delivers it: frames in, status updates out, never blocking.
//
//   Start ──► Receive* / SendStatusUpdate* ──► Finish (or destruction: the server notices)
//
// A frame is one CopyData payload ('w' XLogData or 'k' keepalive); this class does not look inside.
// The loop calls Receive until it gives nullopt, and only then waits for fd(): libpq may hold what
// the socket no longer shows. A reader that has a backlog behind it does well to sleep some 200 µs
// once drained: the server then sends in larger gulps.
#ifndef LOCKSTEP_POSTGRES_REPLICATION_STREAM_H_
#define LOCKSTEP_POSTGRES_REPLICATION_STREAM_H_

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/error.h"
#include "model/lsn.h"
#include "postgres/connection.h"

namespace lockstep::postgres {

// One frame; owns libpq's buffer.
class CopyData {
 public:
  CopyData(char* buffer, std::size_t size) : buffer_(buffer), size_(size) {}
  std::string_view bytes() const { return {buffer_.get(), size_}; }

 private:
  struct Free {
    void operator()(char* buffer) const;
  };
  std::unique_ptr<char, Free> buffer_;
  std::size_t size_;
};

class ReplicationStream {
 public:
  // Plugin options by name, as the plugin reads them ("proto_version", "1").
  using Options = std::vector<std::pair<std::string, std::string>>;

  // START_REPLICATION; takes over an idle kReplication connection. `start` 0 means the slot's
  // confirmed_flush_lsn; the server silently moves a smaller one forward to it: compare, once
  // started (InspectSlot, on another connection). Errors as Connection::Execute, with a remedy
  // (remedy.h). Blocks until the server has answered.
  static model::Result<ReplicationStream> Start(Connection connection, const std::string& slot,
                                                model::Lsn start, const Options& options);

  int fd() const;
  // The next frame, or nullopt when none has arrived completely. Reads the socket only once all
  // that was read before has been given. kDisconnected, with the server's words where it said any,
  // at the end of the stream.
  model::Result<std::optional<CopyData>> Receive();

  // The server's warnings that came before the frame given last, or by now, each once.
  std::vector<std::string> TakeNotices() { return std::exchange(*notices_, {}); }
  bool has_notices() const { return !notices_->empty(); }

  // Queues one status update and writes what the socket takes. Of updates that cannot even be
  // queued only the last is kept: each says all that the ones before it said.
  model::Result<void> SendStatusUpdate(std::string_view bytes);
  // True while something is queued: wait for fd() to be writable as well, then Flush.
  bool WantsWrite() const { return wants_write_; }
  model::Result<void> Flush();

  // Blocks until a frame has come. kDisconnected also at the timeout.
  model::Result<CopyData> Wait(std::chrono::milliseconds timeout);

  // Ends the stream in order, so that the slot is free when this returns. What still arrives is
  // dropped. Blocks for `timeout` at most; at the timeout the connection is closed and
  // kDisconnected returned.
  model::Result<Connection> Finish(std::chrono::milliseconds timeout) &&;

  Connection& connection() { return connection_; }

 private:
  ReplicationStream(Connection connection, std::string slot)
      : connection_(std::move(connection)), slot_(std::move(slot)) {}
  model::Error Failure(std::string_view attempted) const;
  model::Error EndOfStream();

  std::unique_ptr<std::vector<std::string>> notices_ = std::make_unique<std::vector<std::string>>();
  Connection connection_;
  std::string slot_;
  std::string unsent_;  // a status update that libpq would not queue
  bool wants_write_ = false;
};

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_REPLICATION_STREAM_H_
