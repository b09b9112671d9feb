#include "postgres/answer.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <utility>

#include "postgres/server_waits.h"

namespace lockstep::postgres {
namespace {

using model::ErrorKind;
using model::Result;
using Clock = std::chrono::steady_clock;

// How often a wait looks whether it was interrupted.
constexpr int kSlice_ms = 100;
// For the server to say that it has cancelled.
constexpr std::chrono::seconds kCancelPatience{2};

// Reads what has come, for a slice of time at most. Whether bytes came.
bool ReadSome(PGconn* connection) {
  const bool unsent = PQflush(connection) == 1;
  const int fd = PQsocket(connection);
  if (fd < 0) return false;
  pollfd waiting{
      .fd = fd, .events = static_cast<short>(unsent ? POLLIN | POLLOUT : POLLIN), .revents = 0};
  if (poll(&waiting, 1, kSlice_ms) <= 0 || (waiting.revents & ~POLLOUT) == 0) return false;
  PQconsumeInput(connection);  // an error of it shows in the result
  return true;
}

bool IsAnswered(PGconn* connection) {
  return PQisBusy(connection) == 0 || PQstatus(connection) == CONNECTION_BAD;
}

// The statement is of no use any more: the connection is, where the server still answers.
void GiveUp(PGconn* connection) {
  CancelWithoutWaiting(connection);
  const auto end = Clock::now() + kCancelPatience;
  while (Clock::now() < end) {
    while (IsAnswered(connection)) {
      PGresult* next = PQgetResult(connection);
      if (next == nullptr) return;
      PQclear(next);
      if (PQstatus(connection) == CONNECTION_BAD) return;
    }
    ReadSome(connection);
  }
  // libpq takes it for a server that has hung up.
  if (const int fd = PQsocket(connection); fd >= 0) shutdown(fd, SHUT_RDWR);
  PQconsumeInput(connection);
}

std::unexpected<model::Error> Interrupted(const std::string& shown, const AnswerTerms& terms) {
  return model::Fail(
      ErrorKind::kEnvironment,
      fmt::format("{}: interrupted while waiting for the answer of {}", shown, terms.server),
      std::string(kCancelled));
}

// The cancelling may be quicker than we are.
bool WasCancelled(const PGresult* result) {
  const char* sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return sqlstate != nullptr && sqlstate == kCancelled;
}

bool IsCopy(ExecStatusType status) {
  return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

}  // namespace

Result<ResultHandle> AwaitAnswer(PGconn* connection, const std::string& statement,
                                 const AnswerTerms& terms) {
  const std::string shown = Abbreviate(statement);
  const ServerWait wait(terms.server, shown);
  ResultHandle last;
  auto heard = Clock::now();
  while (true) {
    while (!IsAnswered(connection)) {
      if (ReadSome(connection)) heard = Clock::now();
      const bool interrupted = wait.WasInterrupted();
      if (!interrupted && Clock::now() - heard < terms.timeout) continue;
      GiveUp(connection);
      if (interrupted) return Interrupted(shown, terms);
      return model::Fail(ErrorKind::kDisconnected,
                         fmt::format("{}: {} has not answered for {} s", shown, terms.server,
                                     terms.timeout.count()));
    }
    PGresult* next = PQgetResult(connection);
    if (next == nullptr) {
      if (wait.WasInterrupted() && WasCancelled(last.get())) return Interrupted(shown, terms);
      return last;
    }
    last.reset(next);
    if (IsCopy(PQresultStatus(next)) || PQstatus(connection) == CONNECTION_BAD) return last;
  }
}

Result<ResultHandle> Ask(PGconn* connection, const std::string& statement,
                         const AnswerTerms& terms) {
  if (PQsendQuery(connection, statement.c_str()) == 0) return ResultHandle();
  return AwaitAnswer(connection, statement, terms);
}

}  // namespace lockstep::postgres
