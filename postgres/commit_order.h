// The order in which a server committed, from its write-ahead log: the xid and the end LSN of every
// commit.
//
// Uses the contrib extension pg_walinspect (servers 15 and later), which reads the log itself: no
// output plugin and no slot is believed. A commit's end_lsn is the one that the frame header of the
// commit carries in logical decoding. COMMIT and COMMIT PREPARED of all databases are included, and
// transactions that decoding does not show.
//
// clang-format off
//   Start(from) ──► Request ──► Next* until a batch ──► Request ──► ...
//                   (non-blocking, one query in flight)
// clang-format on
//
// Batches join exactly: each begins where the last complete record of the one before ended.
#ifndef LOCKSTEP_POSTGRES_COMMIT_ORDER_H_
#define LOCKSTEP_POSTGRES_COMMIT_ORDER_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/commit_record.h"
#include "model/error.h"
#include "model/lsn.h"
#include "postgres/connection.h"
#include "postgres/pipeline.h"

namespace lockstep::postgres {

struct CommitBatch {
  std::vector<model::CommitRecord> commits;  // by end_lsn; each once over all batches
  // Every commit with end_lsn at or below it has been given.
  model::Lsn read_to;
  // Nothing more had been flushed: wait a little before the next Request.
  bool at_end = false;
};

class CommitOrder {
 public:
  // Why it cannot be used on this server by this user; empty when it can. Creates the extension
  // when it is missing and may be created, so not inside a transaction, which a failure would end.
  // Errors only when the connection is lost.
  static model::Result<std::string> WhyUnavailable(Connection& connection);

  // Takes over an idle kSql connection of a user for whom WhyUnavailable is empty. `from`: the end
  // of a record (a slot's consistent point, an end_lsn, pg_current_wal_insert_lsn()); commits that
  // end above it are given. The server must keep the log from there (a slot does). `step_bytes`:
  // how much log one query reads at most.
  static model::Result<CommitOrder> Start(Connection connection, model::Lsn from,
                                          std::uint64_t step_bytes = std::uint64_t{16} << 20);

  // Sends the next query, unless one is in flight.
  model::Result<void> Request();
  // The answer, or nullopt when it has not arrived (or none was requested). kEnvironment with a
  // remedy when the server no longer has the log.
  model::Result<std::optional<CommitBatch>> Next();

  int fd() const { return pipeline_.fd(); }
  bool WantsWrite() const { return pipeline_.WantsWrite(); }
  model::Result<void> Flush() { return pipeline_.Flush(); }

  // Blocks: requests until everything up to `end` was read. kDisconnected at the timeout.
  model::Result<std::vector<model::CommitRecord>> ReadTo(model::Lsn end,
                                                         std::chrono::milliseconds timeout);

 private:
  CommitOrder(Pipeline pipeline, std::string schema, model::Lsn from, std::uint64_t step_bytes)
      : pipeline_(std::move(pipeline)),
        schema_(std::move(schema)),
        read_to_(from),
        step_bytes_(step_bytes),
        step_(step_bytes) {}
  model::Result<CommitBatch> ParseBatch(const QueryResult& result);

  Pipeline pipeline_;
  std::string schema_;  // the extension's
  model::Lsn read_to_;
  std::uint64_t step_bytes_;
  std::uint64_t step_;  // grows when one record is larger
  std::optional<CommitBatch> batch_;
};

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_COMMIT_ORDER_H_
