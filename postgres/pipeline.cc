#include "postgres/pipeline.h"

#include <fmt/format.h>

#include <cassert>
#include <vector>

#include "postgres/libpq_access.h"

namespace lockstep::postgres {

using model::Error;
using model::ErrorKind;
using model::Fail;
using model::Result;

std::optional<std::string_view> CommandOk::FirstValue() const {
  if (result.rows() == 0 || result.columns() == 0) return std::nullopt;
  return result.Cell(0, 0);
}

Result<Pipeline> Pipeline::Start(Connection connection) {
  assert(connection.kind() == ConnectionKind::kSql);
  PGconn* handle = LibpqAccess::Handle(connection);
  if (PQsetnonblocking(handle, 1) != 0 || PQenterPipelineMode(handle) != 1) {
    return std::unexpected(ErrorOf(handle, nullptr, "entering pipeline mode"));
  }
  return Pipeline(std::move(connection));
}

int Pipeline::fd() const { return PQsocket(LibpqAccess::Handle(connection_)); }

Error Pipeline::Failure(std::string_view attempted) const {
  return ErrorOf(LibpqAccess::Handle(connection_), nullptr,
                 fmt::format("{} (pipeline to {})", attempted, connection_.description()));
}

Result<void> Pipeline::Queued(int sent, std::string attempted) {
  if (sent != 1) return std::unexpected(Failure(attempted));
  pending_.push_back(std::move(attempted));
  wants_write_ = true;
  return {};
}

Result<void> Pipeline::Prepare(const std::string& name, const std::string& sql) {
  return Queued(
      PQsendPrepare(LibpqAccess::Handle(connection_), name.c_str(), sql.c_str(), 0, nullptr),
      "PREPARE " + name + ": " + Abbreviate(sql));
}

Result<void> Pipeline::SendPrepared(const std::string& name,
                                    std::span<const std::optional<std::string_view>> parameters) {
  // libpq wants text that ends in a zero byte: one buffer for all of them.
  std::size_t size = 0;
  for (const auto& parameter : parameters) size += parameter ? parameter->size() + 1 : 0;
  std::string buffer;
  buffer.reserve(size);  // no reallocation below: the pointers stay valid
  std::vector<const char*> values;
  values.reserve(parameters.size());
  for (const auto& parameter : parameters) {
    values.push_back(parameter ? buffer.data() + buffer.size() : nullptr);
    if (parameter) buffer.append(*parameter).push_back('\0');
  }
  return Queued(
      PQsendQueryPrepared(LibpqAccess::Handle(connection_), name.c_str(),
                          static_cast<int>(values.size()), values.data(), nullptr, nullptr, 0),
      name);
}

Result<void> Pipeline::SendSql(const std::string& sql) {
  return Queued(PQsendQueryParams(LibpqAccess::Handle(connection_), sql.c_str(), 0, nullptr,
                                  nullptr, nullptr, nullptr, 0),
                Abbreviate(sql));
}

Result<void> Pipeline::Sync() {
  return Queued(PQpipelineSync(LibpqAccess::Handle(connection_)), {});
}

Result<void> Pipeline::Flush() {
  int left = PQflush(LibpqAccess::Handle(connection_));
  if (left < 0) return std::unexpected(Failure("sending statements"));
  wants_write_ = left == 1;
  return {};
}

Result<std::optional<PipelineResult>> Pipeline::Next() {
  // libpq would go on with made-up results for the statements that were cut off.
  if (lost_) return std::unexpected(*lost_);
  Result<std::optional<PipelineResult>> next = Read();
  if (!next) lost_ = next.error();
  return next;
}

Result<std::optional<PipelineResult>> Pipeline::Read() {
  PGconn* handle = LibpqAccess::Handle(connection_);
  bool consumed = false;
  while (true) {
    if (pending_.empty() && !between_results_) {
      // Nothing is owed; reading still tells when the server is gone.
      if (PQconsumeInput(handle) == 0) return std::unexpected(Failure("reading results"));
      return std::nullopt;
    }
    if (PQisBusy(handle) != 0) {
      if (consumed) return std::nullopt;
      if (PQconsumeInput(handle) == 0) {
        return std::unexpected(Failure(pending_.empty() ? "reading results" : pending_.front()));
      }
      consumed = true;
      continue;
    }
    ResultHandle result(PQgetResult(handle));
    if (!result) {
      if (between_results_) {
        between_results_ = false;
        continue;
      }
      return std::unexpected(Failure(pending_.front()));  // nothing more will come
    }
    if (pending_.empty()) {
      // An error that belongs to no statement: the server ends the session.
      return std::unexpected(ErrorOf(handle, result.get(), "pipeline"));
    }
    std::string attempted = std::move(pending_.front());
    pending_.pop_front();
    switch (PQresultStatus(result.get())) {
      case PGRES_PIPELINE_SYNC:
        return SyncReached{};
      case PGRES_PIPELINE_ABORTED:
        between_results_ = true;
        return CommandAborted{};
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
      case PGRES_EMPTY_QUERY:
        between_results_ = true;
        return CommandOk{QueryResult(result.release())};
      default:
        break;
    }
    between_results_ = true;
    Error error = ErrorOf(handle, result.get(), attempted);
    if (error.kind == ErrorKind::kDisconnected) return std::unexpected(std::move(error));
    return CommandFailed{std::move(error)};
  }
}

Result<PipelineResult> Pipeline::Wait(std::chrono::milliseconds timeout) {
  auto deadline = std::chrono::steady_clock::now() + timeout;
  while (true) {
    if (Result<void> flushed = Flush(); !flushed) return std::unexpected(flushed.error());
    Result<std::optional<PipelineResult>> next = Next();
    if (!next) return std::unexpected(next.error());
    if (next->has_value()) return std::move(**next);
    auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      return Fail(ErrorKind::kDisconnected,
                  fmt::format("no result of {} within {} ms",
                              pending_.empty() ? "nothing" : pending_.front(), timeout.count()));
    }
    WaitFor(fd(), wants_write_, static_cast<int>(left.count()));
  }
}

Result<Connection> Pipeline::Leave() && {
  assert(pending_.empty());
  PGconn* handle = LibpqAccess::Handle(connection_);
  // The null after the last statement is taken here when nobody asked for more.
  while (between_results_) {
    ResultHandle result(PQgetResult(handle));
    between_results_ = result != nullptr;
  }
  if (PQexitPipelineMode(handle) != 1 || PQsetnonblocking(handle, 0) != 0) {
    return std::unexpected(Failure("leaving pipeline mode"));
  }
  return std::move(connection_);
}

}  // namespace lockstep::postgres
