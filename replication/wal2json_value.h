// One column of a wal2json row, turned into a Value.
//
// Source: pg_decode_write_value() of the plugin's wal2json.c. Seen of 2.5, by the column's own type
// (a domain is not its base type): bool as a JSON bool; int2, int4, int8, oid, float4, float8 and
// numeric as bare numbers, NaN and infinities as null; bytea as a string of hex digits without \x;
// everything else, domains over all of these included, as a string of its text form. With
// numeric-data-types-as-string (2.6) numbers are such strings too, and nothing becomes null.
#ifndef LOCKSTEP_REPLICATION_WAL2JSON_VALUE_H_
#define LOCKSTEP_REPLICATION_WAL2JSON_VALUE_H_

#include "model/error.h"
#include "model/relation.h"
#include "model/row.h"
#include "replication/wal2json_message.h"

namespace lockstep::replication {

// Appends the cell of `sent` in column `column`, whose type CheckColumnType has let pass. kMisfit
// when the kind of JSON value is not the one of the column's type: the column changed its type.
model::Result<void> AppendWal2jsonValue(const model::Column& column, const Wal2jsonColumn& sent,
                                        model::RowBuilder& row);

}  // namespace lockstep::replication

#endif  // LOCKSTEP_REPLICATION_WAL2JSON_VALUE_H_
