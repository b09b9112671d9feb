// The error part of convert.h: model::Error as it travels in a Failure.
#include <fmt/format.h>

#include <optional>

#include "wire/convert.h"

namespace lockstep::wire {
namespace {

using model::ErrorKind;
using model::Fail;
using model::Result;

proto::ErrorKind ToProtoKind(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kUsage:
      return proto::ERROR_KIND_USAGE;
    case ErrorKind::kEnvironment:
      return proto::ERROR_KIND_ENVIRONMENT;
    case ErrorKind::kDisconnected:
      return proto::ERROR_KIND_DISCONNECTED;
    case ErrorKind::kMalformed:
      return proto::ERROR_KIND_MALFORMED;
    case ErrorKind::kMisfit:
      return proto::ERROR_KIND_MISFIT;
    case ErrorKind::kUnsupported:
      return proto::ERROR_KIND_UNSUPPORTED;
    case ErrorKind::kSql:
      return proto::ERROR_KIND_SQL;
  }
  __builtin_unreachable();
}

std::optional<ErrorKind> ToErrorKind(proto::ErrorKind kind) {
  switch (static_cast<int>(kind)) {
    case proto::ERROR_KIND_USAGE:
      return ErrorKind::kUsage;
    case proto::ERROR_KIND_ENVIRONMENT:
      return ErrorKind::kEnvironment;
    case proto::ERROR_KIND_DISCONNECTED:
      return ErrorKind::kDisconnected;
    case proto::ERROR_KIND_MALFORMED:
      return ErrorKind::kMalformed;
    case proto::ERROR_KIND_MISFIT:
      return ErrorKind::kMisfit;
    case proto::ERROR_KIND_UNSUPPORTED:
      return ErrorKind::kUnsupported;
    case proto::ERROR_KIND_SQL:
      return ErrorKind::kSql;
  }
  return std::nullopt;
}

}  // namespace

void ToProto(const Failure& from, proto::Failure& to) {
  to.set_process(from.process);
  to.set_kind(ToProtoKind(from.error.kind));
  to.set_message(from.error.message);
  to.set_sqlstate(from.error.sqlstate);
}

Result<Failure> FromProto(const proto::Failure& from) {
  const auto kind = ToErrorKind(from.kind());
  if (!kind.has_value())
    return Fail(ErrorKind::kMalformed,
                fmt::format("kind has no value {}", static_cast<int>(from.kind())));
  return Failure{
      .process = from.process(),
      .error = model::Error{.kind = *kind, .message = from.message(), .sqlstate = from.sqlstate()}};
}

}  // namespace lockstep::wire
