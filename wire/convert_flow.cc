// The part of convert.h that says how far things may go: acceptance, credit, leaving, the end.
#include "wire/convert.h"

namespace lockstep::wire {

using model::Lsn;
using model::Result;

void ToProto(const Accepted& from, proto::Accepted& to) { to.set_lsn(from.lsn.value); }

Result<Accepted> FromProto(const proto::Accepted& from) { return Accepted{.lsn = Lsn{from.lsn()}}; }

void ToProto(const Credit& from, proto::Credit& to) {
  to.set_scripts(from.scripts);
  to.set_bytes(from.bytes);
}

Result<Credit> FromProto(const proto::Credit& from) {
  return Credit{.scripts = from.scripts(), .bytes = from.bytes()};
}

void ToProto(const Leave& from, proto::Leave& to) {
  to.set_listener(from.listener);
  to.set_received(from.received.value);
}

Result<Leave> FromProto(const proto::Leave& from) {
  return Leave{.listener = from.listener(), .received = Lsn{from.received()}};
}

void ToProto(const Finish&, proto::Finish&) {}

Result<Finish> FromProto(const proto::Finish&) { return Finish{}; }

}  // namespace lockstep::wire
