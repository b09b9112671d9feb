#include "postgres/slot_request.h"

#include <cassert>
#include <string>
#include <utility>

#include "postgres/libpq_access.h"
#include "postgres/remedy.h"

namespace lockstep::postgres {

using model::Error;
using model::Result;

Result<SlotRequest> SlotRequest::Start(Connection connection, CreateSlotOptions options) {
  assert(connection.kind() == ConnectionKind::kReplication);
  options.temporary = true;
  options.export_snapshot = true;
  auto set =
      connection.Execute("SET lock_timeout = " + std::to_string(options.lock_timeout.count()));
  if (!set) return std::unexpected(std::move(set.error()));
  PGconn* handle = LibpqAccess::Handle(connection);
  const std::string command = CreateSlotCommand(options, connection.server_version());
  // On a blocking connection all of it is written here: some dozens of bytes.
  if (PQsendQuery(handle, command.c_str()) != 1) {
    return std::unexpected(ErrorOf(handle, nullptr, Abbreviate(command)));
  }
  return SlotRequest(std::move(connection), std::move(options));
}

int SlotRequest::fd() const { return PQsocket(LibpqAccess::Handle(connection_)); }

Result<std::optional<CreatedSlot>> SlotRequest::Poll() {
  PGconn* handle = LibpqAccess::Handle(connection_);
  const auto failed = [&](const PGresult* result) {
    Error error = ErrorOf(handle, result, "making the temporary slot " + options_.name);
    return std::unexpected(
        WithRemedy(std::move(error), {.plugin = options_.plugin,
                                      .slot = options_.name,
                                      .server_version = connection_.server_version()}));
  };
  if (PQconsumeInput(handle) == 0) return failed(nullptr);
  if (PQisBusy(handle) != 0) return std::nullopt;
  ResultHandle result(PQgetResult(handle));
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) return failed(result.get());
  // What follows is in the same answer: the end of the command.
  while (PGresult* more = PQgetResult(handle)) PQclear(more);
  auto slot = ReadCreatedSlot(QueryResult(result.release()), options_.name);
  if (!slot) return std::unexpected(std::move(slot.error()));
  return std::optional(std::move(*slot));
}

}  // namespace lockstep::postgres
