#include "model/error.h"

#include <algorithm>
#include <array>
#include <utility>

namespace lockstep::model {

std::unexpected<Error> Fail(ErrorKind kind, std::string message, std::string sqlstate) {
  return std::unexpected(Error{kind, std::move(message), std::move(sqlstate)});
}

std::unexpected<Error> Fail(std::string_view context, Error error) {
  error.message = std::string(context) + ": " + error.message;
  return std::unexpected(std::move(error));
}

bool IsWorthRetry(const Error& error) {
  if (error.kind == ErrorKind::kDisconnected) return true;
  // Errors that say "not now": the server starts or stops, a slot's previous reader is still
  // leaving, a lock or a serialization conflict, too many connections. And a cancellation by
  // somebody.
  static constexpr std::array<std::string_view, 10> kTransient = {
      "57014", "57P01", "57P02", "57P03", "55006", "55P03", "40001", "40P01", "53300", "08006"};
  return std::ranges::find(kTransient, error.sqlstate) != kTransient.end();
}

ExitCode ExitCodeOf(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kUsage:
    case ErrorKind::kUnsupported:
      return ExitCode::kUsage;
    case ErrorKind::kEnvironment:
    case ErrorKind::kDisconnected:
    case ErrorKind::kMalformed:
    case ErrorKind::kMisfit:
    case ErrorKind::kSql:
      return ExitCode::kEnvironment;
  }
  __builtin_unreachable();
}

}  // namespace lockstep::model
