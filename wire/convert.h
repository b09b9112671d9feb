// Messages of fixed shape to and from their protobuf bodies (proto/lockstep.proto).
//
// FromProto gives kMalformed, with the field's name, for a number that is no value of its
// enumeration, an index outside what it points into, or a row that is not canonical.
#ifndef LOCKSTEP_WIRE_CONVERT_H_
#define LOCKSTEP_WIRE_CONVERT_H_

#include "model/error.h"
#include "model/outcome.h"
#include "model/verdict.h"
#include "proto/lockstep.pb.h"
#include "wire/message.h"

namespace lockstep::wire {

void ToProto(const CatalogMade& from, proto::CatalogMade& to);
void ToProto(const Ready& from, proto::Ready& to);
void ToProto(const Join& from, proto::Join& to);
void ToProto(const Attach& from, proto::Attach& to);
void ToProto(const Hello& from, proto::Hello& to);
void ToProto(const Barrier& from, proto::Barrier& to);
void ToProto(const BarrierReached& from, proto::BarrierReached& to);
void ToProto(const BarrierRelease& from, proto::BarrierRelease& to);
void ToProto(const End& from, proto::End& to);
void ToProto(const model::Outcome& from, proto::Outcome& to);
void ToProto(const Settled& from, proto::Settled& to);
void ToProto(const Commit& from, proto::Commit& to);
void ToProto(const Position& from, proto::Position& to);
void ToProto(const Misfit& from, proto::Misfit& to);
void ToProto(const Quarantine& from, proto::Quarantine& to);
void ToProto(const Quarantined& from, proto::Quarantined& to);
void ToProto(const Leave& from, proto::Leave& to);
void ToProto(const Finish& from, proto::Finish& to);
void ToProto(const Accepted& from, proto::Accepted& to);
void ToProto(const Credit& from, proto::Credit& to);
void ToProto(const Status& from, proto::Status& to);
void ToProto(const Failure& from, proto::Failure& to);
void ToProto(const model::Verdict& from, proto::Verdict& to);

model::Result<CatalogMade> FromProto(const proto::CatalogMade& from);
model::Result<Ready> FromProto(const proto::Ready& from);
model::Result<Join> FromProto(const proto::Join& from);
model::Result<Attach> FromProto(const proto::Attach& from);
model::Result<Hello> FromProto(const proto::Hello& from);
model::Result<Barrier> FromProto(const proto::Barrier& from);
model::Result<BarrierReached> FromProto(const proto::BarrierReached& from);
model::Result<BarrierRelease> FromProto(const proto::BarrierRelease& from);
model::Result<End> FromProto(const proto::End& from);
model::Result<model::Outcome> FromProto(const proto::Outcome& from);
model::Result<Settled> FromProto(const proto::Settled& from);
model::Result<Commit> FromProto(const proto::Commit& from);
model::Result<Position> FromProto(const proto::Position& from);
model::Result<Misfit> FromProto(const proto::Misfit& from);
model::Result<Quarantine> FromProto(const proto::Quarantine& from);
model::Result<Quarantined> FromProto(const proto::Quarantined& from);
model::Result<Leave> FromProto(const proto::Leave& from);
model::Result<Finish> FromProto(const proto::Finish& from);
model::Result<Accepted> FromProto(const proto::Accepted& from);
model::Result<Credit> FromProto(const proto::Credit& from);
model::Result<Status> FromProto(const proto::Status& from);
model::Result<Failure> FromProto(const proto::Failure& from);
model::Result<model::Verdict> FromProto(const proto::Verdict& from);

}  // namespace lockstep::wire

#endif  // LOCKSTEP_WIRE_CONVERT_H_
