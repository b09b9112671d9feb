#include "verifier/wal_reader.h"

#include <utility>

#include "postgres/connection.h"

namespace lockstep::verifier {
namespace {

using model::Result;
using postgres::CommitBatch;
using postgres::CommitOrder;
using postgres::Connection;

// Between two reads that reach the end: a judgement comes so much later at most, and each read
// costs the server a millisecond or so.
constexpr std::chrono::milliseconds kPause{50};
constexpr std::chrono::milliseconds kReconnectPause{200};
constexpr std::chrono::seconds kReconnectLimit{60};

Result<Connection> Open(const std::string& conninfo) {
  return Connection::Open(conninfo, postgres::ConnectionKind::kSql,
                          {.application_name = "lockstep verifier"});
}

}  // namespace

Result<std::variant<WalReader, WalReader::Unavailable>> WalReader::Open(
    const std::string& conninfo) {
  auto connection = verifier::Open(conninfo);
  if (!connection) return std::unexpected(std::move(connection.error()));
  auto reason = CommitOrder::WhyUnavailable(*connection);
  if (!reason) return std::unexpected(std::move(reason.error()));
  if (!reason->empty()) return Unavailable{std::move(*reason)};
  auto from = connection->ScalarLsn("SELECT pg_catalog.pg_current_wal_insert_lsn()");
  if (!from) return std::unexpected(std::move(from.error()));
  auto order = CommitOrder::Start(std::move(*connection), *from);
  if (!order) return std::unexpected(std::move(order.error()));
  return WalReader(conninfo, std::move(*order), *from);
}

Result<std::optional<CommitBatch>> WalReader::Read(Time now) {
  auto batch = TryRead(now);
  if (batch || !model::IsWorthRetry(batch.error())) return batch;
  order_.reset();
  requested_ = false;
  next_request_ = now + kReconnectPause;
  if (!lost_since_) lost_since_ = now;
  if (now - *lost_since_ > kReconnectLimit) return batch;
  return std::nullopt;
}

Result<std::optional<CommitBatch>> WalReader::TryRead(Time now) {
  if (!requested_) {
    if (now < next_request_) return std::nullopt;
    if (!order_) {
      if (auto ok = Reopen(); !ok) return std::unexpected(std::move(ok.error()));
    }
    if (auto ok = order_->Request(); !ok) return std::unexpected(std::move(ok.error()));
    requested_ = true;
  }
  if (auto ok = order_->Flush(); !ok) return std::unexpected(std::move(ok.error()));
  auto batch = order_->Next();
  if (!batch || !*batch) return batch;
  requested_ = false;
  read_to_ = (*batch)->read_to;
  next_request_ = (*batch)->at_end ? now + kPause : now;
  lost_since_.reset();
  return batch;
}

Result<void> WalReader::Reopen() {
  auto connection = verifier::Open(conninfo_);
  if (!connection) return std::unexpected(std::move(connection.error()));
  auto order = CommitOrder::Start(std::move(*connection), read_to_);
  if (!order) return std::unexpected(std::move(order.error()));
  order_ = std::move(*order);
  return {};
}

}  // namespace lockstep::verifier
