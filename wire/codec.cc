#include "wire/codec.h"

#include <fmt/format.h>

#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "proto/lockstep.pb.h"
#include "wire/convert.h"
#include "wire/row_codec.h"

namespace lockstep::wire {
namespace {

using model::ErrorKind;
using model::Fail;
using model::Result;

// What Encode and KindOf need to know of each message; a new one does not compile until it is
// listed here.
template <typename T>
struct Format;

template <Kind kKindOf, typename Proto>
struct FixedFormat {
  static constexpr Kind kKind = kKindOf;

  template <typename T>
  static std::string Write(const T& message) {
    Proto body;
    ToProto(message, body);
    return body.SerializeAsString();
  }
};

// clang-format off
template <> struct Format<CatalogMade> : FixedFormat<Kind::kCatalogMade, proto::CatalogMade> {};
template <> struct Format<Ready> : FixedFormat<Kind::kReady, proto::Ready> {};
template <> struct Format<Join> : FixedFormat<Kind::kJoin, proto::Join> {};
template <> struct Format<Attach> : FixedFormat<Kind::kAttach, proto::Attach> {};
template <> struct Format<Hello> : FixedFormat<Kind::kHello, proto::Hello> {};
template <> struct Format<Barrier> : FixedFormat<Kind::kBarrier, proto::Barrier> {};
template <> struct Format<BarrierReached>
    : FixedFormat<Kind::kBarrierReached, proto::BarrierReached> {};
template <> struct Format<BarrierRelease>
    : FixedFormat<Kind::kBarrierRelease, proto::BarrierRelease> {};
template <> struct Format<End> : FixedFormat<Kind::kEnd, proto::End> {};
template <> struct Format<model::Outcome> : FixedFormat<Kind::kOutcome, proto::Outcome> {};
template <> struct Format<Settled> : FixedFormat<Kind::kSettled, proto::Settled> {};
template <> struct Format<Commit> : FixedFormat<Kind::kCommit, proto::Commit> {};
template <> struct Format<Position> : FixedFormat<Kind::kPosition, proto::Position> {};
template <> struct Format<Misfit> : FixedFormat<Kind::kMisfit, proto::Misfit> {};
template <> struct Format<Accepted> : FixedFormat<Kind::kAccepted, proto::Accepted> {};
template <> struct Format<Credit> : FixedFormat<Kind::kCredit, proto::Credit> {};
template <> struct Format<Status> : FixedFormat<Kind::kStatus, proto::Status> {};
template <> struct Format<Failure> : FixedFormat<Kind::kFailure, proto::Failure> {};
template <> struct Format<model::Verdict> : FixedFormat<Kind::kVerdict, proto::Verdict> {};
template <> struct Format<Quarantine> : FixedFormat<Kind::kQuarantine, proto::Quarantine> {};
template <> struct Format<Quarantined> : FixedFormat<Kind::kQuarantined, proto::Quarantined> {};
template <> struct Format<Leave> : FixedFormat<Kind::kLeave, proto::Leave> {};
template <> struct Format<Finish> : FixedFormat<Kind::kFinish, proto::Finish> {};
// clang-format on

template <>
struct Format<model::Script> {
  static constexpr Kind kKind = Kind::kScript;
  static std::string Write(const model::Script& script) { return EncodeScript(script); }
};

template <>
struct Format<RowsRequest> {
  static constexpr Kind kKind = Kind::kRowsRequest;
  static std::string Write(const RowsRequest& request) { return EncodeRowsRequest(request); }
};

template <>
struct Format<RowsReply> {
  static constexpr Kind kKind = Kind::kRowsReply;
  static std::string Write(const RowsReply& reply) { return EncodeRowsReply(reply); }
};

template <typename Proto>
Result<Message> DecodeFixed(Kind kind, std::string_view body) {
  Proto from;
  // protobuf does not say where a body stops making sense.
  if (body.size() > std::numeric_limits<int>::max() ||
      !from.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return Fail(ErrorKind::kMalformed, fmt::format("{}: {} bytes that are not its protobuf message",
                                                   ToString(kind), body.size()));
  }
  auto message = FromProto(from);
  if (!message.has_value()) return Fail(ToString(kind), std::move(message).error());
  return Message(*std::move(message));
}

template <typename T>
Result<Message> AsMessage(Result<T> result) {
  if (!result.has_value()) return std::unexpected(std::move(result).error());
  return Message(*std::move(result));
}

}  // namespace

Kind KindOf(const Message& message) {
  return std::visit([]<typename T>(const T&) { return Format<T>::kKind; }, message);
}

std::string_view ToString(Kind kind) {
  switch (kind) {
    case Kind::kCatalogMade:
      return "CatalogMade";
    case Kind::kReady:
      return "Ready";
    case Kind::kJoin:
      return "Join";
    case Kind::kAttach:
      return "Attach";
    case Kind::kHello:
      return "Hello";
    case Kind::kScript:
      return "Script";
    case Kind::kBarrier:
      return "Barrier";
    case Kind::kBarrierReached:
      return "BarrierReached";
    case Kind::kBarrierRelease:
      return "BarrierRelease";
    case Kind::kEnd:
      return "End";
    case Kind::kOutcome:
      return "Outcome";
    case Kind::kSettled:
      return "Settled";
    case Kind::kCommit:
      return "Commit";
    case Kind::kPosition:
      return "Position";
    case Kind::kMisfit:
      return "Misfit";
    case Kind::kAccepted:
      return "Accepted";
    case Kind::kRowsRequest:
      return "RowsRequest";
    case Kind::kRowsReply:
      return "RowsReply";
    case Kind::kCredit:
      return "Credit";
    case Kind::kStatus:
      return "Status";
    case Kind::kFailure:
      return "Failure";
    case Kind::kVerdict:
      return "Verdict";
    case Kind::kQuarantine:
      return "Quarantine";
    case Kind::kQuarantined:
      return "Quarantined";
    case Kind::kLeave:
      return "Leave";
    case Kind::kFinish:
      return "Finish";
  }
  __builtin_unreachable();
}

std::optional<Kind> ToKind(int number) {
  static_assert(static_cast<int>(Kind::kFinish) == proto::Kind_MAX);
  if (number <= proto::KIND_NONE || number > proto::Kind_MAX) return std::nullopt;
  return static_cast<Kind>(number);
}

Encoded Encode(const Message& message) {
  return std::visit(
      []<typename T>(const T& alternative) {
        return Encoded{.kind = Format<T>::kKind,
                       .body = std::make_shared<const std::string>(Format<T>::Write(alternative))};
      },
      message);
}

Result<Message> Decode(Kind kind, std::string_view body) {
  switch (kind) {
    case Kind::kCatalogMade:
      return DecodeFixed<proto::CatalogMade>(kind, body);
    case Kind::kReady:
      return DecodeFixed<proto::Ready>(kind, body);
    case Kind::kJoin:
      return DecodeFixed<proto::Join>(kind, body);
    case Kind::kAttach:
      return DecodeFixed<proto::Attach>(kind, body);
    case Kind::kHello:
      return DecodeFixed<proto::Hello>(kind, body);
    case Kind::kScript:
      return AsMessage(DecodeScript(body));
    case Kind::kBarrier:
      return DecodeFixed<proto::Barrier>(kind, body);
    case Kind::kBarrierReached:
      return DecodeFixed<proto::BarrierReached>(kind, body);
    case Kind::kBarrierRelease:
      return DecodeFixed<proto::BarrierRelease>(kind, body);
    case Kind::kEnd:
      return DecodeFixed<proto::End>(kind, body);
    case Kind::kOutcome:
      return DecodeFixed<proto::Outcome>(kind, body);
    case Kind::kSettled:
      return DecodeFixed<proto::Settled>(kind, body);
    case Kind::kCommit:
      return DecodeFixed<proto::Commit>(kind, body);
    case Kind::kPosition:
      return DecodeFixed<proto::Position>(kind, body);
    case Kind::kMisfit:
      return DecodeFixed<proto::Misfit>(kind, body);
    case Kind::kAccepted:
      return DecodeFixed<proto::Accepted>(kind, body);
    case Kind::kRowsRequest:
      return AsMessage(DecodeRowsRequest(body));
    case Kind::kRowsReply:
      return AsMessage(DecodeRowsReply(body));
    case Kind::kCredit:
      return DecodeFixed<proto::Credit>(kind, body);
    case Kind::kStatus:
      return DecodeFixed<proto::Status>(kind, body);
    case Kind::kFailure:
      return DecodeFixed<proto::Failure>(kind, body);
    case Kind::kVerdict:
      return DecodeFixed<proto::Verdict>(kind, body);
    case Kind::kQuarantine:
      return DecodeFixed<proto::Quarantine>(kind, body);
    case Kind::kQuarantined:
      return DecodeFixed<proto::Quarantined>(kind, body);
    case Kind::kLeave:
      return DecodeFixed<proto::Leave>(kind, body);
    case Kind::kFinish:
      return DecodeFixed<proto::Finish>(kind, body);
  }
  __builtin_unreachable();
}

}  // namespace lockstep::wire
