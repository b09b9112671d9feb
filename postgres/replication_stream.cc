#include "postgres/replication_stream.h"

#include <fmt/format.h>

#include <cassert>
#include <utility>

#include "model/relation.h"
#include "postgres/libpq_access.h"
#include "postgres/remedy.h"

namespace lockstep::postgres {

using model::Error;
using model::ErrorKind;
using model::Fail;
using model::Result;

namespace {

void AddNotice(void* notices, const PGresult* result) {
  if (const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY))
    static_cast<std::vector<std::string>*>(notices)->emplace_back(message);
}

void IgnoreNotice(void*, const PGresult*) {}

}  // namespace

void CopyData::Free::operator()(char* buffer) const { PQfreemem(buffer); }

Result<ReplicationStream> ReplicationStream::Start(Connection connection, const std::string& slot,
                                                   model::Lsn start, const Options& options) {
  assert(connection.kind() == ConnectionKind::kReplication);
  std::string command = fmt::format("START_REPLICATION SLOT {} LOGICAL {}",
                                    model::SqlIdentifier(slot), model::ToString(start));
  for (std::size_t i = 0; i < options.size(); ++i) {
    command += fmt::format("{}{} {}", i == 0 ? " (" : ", ", model::SqlIdentifier(options[i].first),
                           model::SqlLiteral(options[i].second));
  }
  if (!options.empty()) command += ")";

  PGconn* handle = LibpqAccess::Handle(connection);
  ResultHandle result(PQexec(handle, command.c_str()));
  if (PQresultStatus(result.get()) != PGRES_COPY_BOTH) {
    return std::unexpected(
        WithRemedy(ErrorOf(handle, result.get(), Abbreviate(command)), {.slot = slot}));
  }
  if (PQsetnonblocking(handle, 1) != 0) {
    return std::unexpected(ErrorOf(handle, nullptr, "making the stream non-blocking"));
  }
  ReplicationStream stream(std::move(connection), slot);
  PQsetNoticeReceiver(handle, AddNotice, stream.notices_.get());
  return stream;
}

int ReplicationStream::fd() const { return PQsocket(LibpqAccess::Handle(connection_)); }

Error ReplicationStream::Failure(std::string_view attempted) const {
  Error error =
      ErrorOf(LibpqAccess::Handle(connection_), nullptr,
              fmt::format("{} slot {} on {}", attempted, slot_, connection_.description()));
  error.kind = ErrorKind::kDisconnected;  // a stream that failed once is over
  return error;
}

Error ReplicationStream::EndOfStream() {
  PGconn* handle = LibpqAccess::Handle(connection_);
  ResultHandle result(PQgetResult(handle));
  if (PQresultStatus(result.get()) == PGRES_FATAL_ERROR) {
    Error error = ErrorOf(handle, result.get(), fmt::format("replication of slot {}", slot_));
    // An error of the plugin stays what it is: the next connection would meet it again.
    return WithRemedy(std::move(error), {.slot = slot_});
  }
  return Error{ErrorKind::kDisconnected,
               fmt::format("replication of slot {}: the server ended the stream (it is being "
                           "stopped, or the walsender was)",
                           slot_),
               {}};
}

Result<std::optional<CopyData>> ReplicationStream::Receive() {
  PGconn* handle = LibpqAccess::Handle(connection_);
  for (bool consumed = false;; consumed = true) {
    char* buffer = nullptr;
    int size = PQgetCopyData(handle, &buffer, 1);
    if (size > 0) return CopyData(buffer, static_cast<std::size_t>(size));
    if (size == -1) return std::unexpected(EndOfStream());
    if (size < -1) return std::unexpected(Failure("reading"));
    if (consumed) return std::nullopt;
    if (PQconsumeInput(handle) == 0) return std::unexpected(Failure("reading"));
  }
}

Result<void> ReplicationStream::SendStatusUpdate(std::string_view bytes) {
  unsent_.assign(bytes);
  return Flush();
}

Result<void> ReplicationStream::Flush() {
  PGconn* handle = LibpqAccess::Handle(connection_);
  if (!unsent_.empty()) {
    int queued = PQputCopyData(handle, unsent_.data(), static_cast<int>(unsent_.size()));
    if (queued < 0) return std::unexpected(Failure("sending status of"));
    if (queued == 1) unsent_.clear();
  }
  int left = PQflush(handle);
  if (left < 0) return std::unexpected(Failure("sending status of"));
  wants_write_ = left == 1 || !unsent_.empty();
  return {};
}

Result<CopyData> ReplicationStream::Wait(std::chrono::milliseconds timeout) {
  auto deadline = std::chrono::steady_clock::now() + timeout;
  while (true) {
    Result<std::optional<CopyData>> frame = Receive();
    if (!frame) return std::unexpected(frame.error());
    if (frame->has_value()) return std::move(**frame);
    auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      return Fail(ErrorKind::kDisconnected,
                  fmt::format("no frame on slot {} within {} ms", slot_, timeout.count()));
    }
    if (WaitFor(fd(), wants_write_, static_cast<int>(left.count())) == Readiness::kWritable) {
      if (Result<void> flushed = Flush(); !flushed) return std::unexpected(flushed.error());
    }
  }
}

Result<Connection> ReplicationStream::Finish(std::chrono::milliseconds timeout) && {
  PGconn* handle = LibpqAccess::Handle(connection_);
  auto deadline = std::chrono::steady_clock::now() + timeout;
  PQsetNoticeReceiver(handle, IgnoreNotice, nullptr);
  bool ended = PQputCopyEnd(handle, nullptr) == 1;
  bool copying = true;
  while (ended) {
    if (PQflush(handle) < 0) break;
    if (copying) {
      char* buffer = nullptr;
      int size = PQgetCopyData(handle, &buffer, 1);
      PQfreemem(buffer);
      if (size > 0) continue;
      if (size < -1) break;
      copying = size == 0;
    }
    if (!copying && PQisBusy(handle) == 0) {
      ResultHandle result(PQgetResult(handle));
      if (!result) {
        PQsetnonblocking(handle, 0);
        return std::move(connection_);
      }
      if (PQresultStatus(result.get()) == PGRES_FATAL_ERROR) break;
      continue;
    }
    auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) break;
    WaitFor(fd(), PQflush(handle) == 1, static_cast<int>(left.count()));
    if (PQconsumeInput(handle) == 0) break;
  }
  return std::unexpected(Failure("ending the stream of"));
}

}  // namespace lockstep::postgres
