// One column of a decoderbufs row, turned into a Value.
//
// Source: the plugin's proto/pg_logicaldec.proto and set_datum_value() of its src/decoderbufs.c;
// what was seen of 2.1.2 is in docs/architecture.md, "decoderbufs".
#ifndef LOCKSTEP_REPLICATION_DECODERBUFS_DATUM_H_
#define LOCKSTEP_REPLICATION_DECODERBUFS_DATUM_H_

#include "model/error.h"
#include "model/relation.h"
#include "model/row.h"
#include "proto/decoderbufs.pb.h"

namespace lockstep::replication {

// Appends the cell of `datum`, whose datum is set and not `datum_missing`, in column `column`.
// kMisfit when the kind of datum is not the one the plugin sends for the column's type: the column
// changed its type.
model::Result<void> AppendDatum(const model::Column& column, const decoderbufs::DatumMessage& datum,
                                model::RowBuilder& row);

}  // namespace lockstep::replication

#endif  // LOCKSTEP_REPLICATION_DECODERBUFS_DATUM_H_
