// Faults of the world as values: what a function that can fail returns, and what a program does
// with it.
//
// Faults of our own are assertions. A message says what, where (process, table, LSN, file, option)
// and what to do.
#ifndef LOCKSTEP_MODEL_ERROR_H_
#define LOCKSTEP_MODEL_ERROR_H_

#include <expected>
#include <string>
#include <string_view>

namespace lockstep::model {

enum class ErrorKind {
  kUsage,  // an option, a configuration, a server setting or a missing right: the user must change
           // something
  kEnvironment,   // the world failed: server unreachable, disk full, a process died
  kDisconnected,  // a connection was lost; the same call may succeed on a new one
  kMalformed,     // bytes from outside do not follow their format
  kMisfit,  // well-formed data that does not fit the state it is applied to (absent key, unknown
            // table)
  kUnsupported,  // something that the server, plugin or type cannot express
  kSql,          // the server refused a statement; `sqlstate` says why
};

struct Error {
  ErrorKind kind = ErrorKind::kEnvironment;
  std::string message;
  std::string sqlstate = {};  // five characters where the server gave one

  friend bool operator==(const Error&, const Error&) = default;
};

template <typename T>
using Result = std::expected<T, Error>;

std::unexpected<Error> Fail(ErrorKind kind, std::string message, std::string sqlstate = {});

// Puts "context: " before the message, keeping kind and SQLSTATE.
std::unexpected<Error> Fail(std::string_view context, Error error);

// The one place that decides whether the same work may succeed when it is tried again.
bool IsWorthRetry(const Error& error);

// The exit codes of every program (docs/architecture.md, "Exits").
enum class ExitCode : int {
  kConverged = 0,  // also: a clean stop
  kUsage = 1,
  kDiverged = 2,
  kMissing = 3,
  kEnvironment = 4,
  kInconclusive = 5,
};

// kUsage for what the user must change, kEnvironment for everything else.
ExitCode ExitCodeOf(const Error& error);

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_ERROR_H_
