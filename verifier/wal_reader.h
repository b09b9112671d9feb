// The commit order read all the time, over lost connections.
#ifndef LOCKSTEP_VERIFIER_WAL_READER_H_
#define LOCKSTEP_VERIFIER_WAL_READER_H_

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "model/error.h"
#include "model/lsn.h"
#include "postgres/commit_order.h"

namespace lockstep::verifier {

class WalReader {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Why the WAL cannot be read on this server by this user.
  struct Unavailable {
    std::string reason;
  };
  // Reads commits that end above the WAL's present end. Blocks.
  static model::Result<std::variant<WalReader, Unavailable>> Open(const std::string& conninfo);

  // What has been read, if anything; asks for more when it is time. Tries again by itself while the
  // server is away, for a minute.
  model::Result<std::optional<postgres::CommitBatch>> Read(Time now);
  // When Read has something to do without the socket.
  std::optional<Time> NextRead() const {
    return requested_ ? std::nullopt : std::optional(next_request_);
  }

  // -1 while there is no connection.
  int fd() const { return order_ ? order_->fd() : -1; }
  bool WantsWrite() const { return order_ && order_->WantsWrite(); }

 private:
  WalReader(std::string conninfo, postgres::CommitOrder order, model::Lsn from)
      : conninfo_(std::move(conninfo)), order_(std::move(order)), read_to_(from) {}
  model::Result<std::optional<postgres::CommitBatch>> TryRead(Time now);
  model::Result<void> Reopen();

  std::string conninfo_;
  std::optional<postgres::CommitOrder> order_;
  model::Lsn read_to_;
  bool requested_ = false;
  Time next_request_ = Time::min();
  std::optional<Time> lost_since_;
};

}  // namespace lockstep::verifier

#endif  // LOCKSTEP_VERIFIER_WAL_READER_H_
