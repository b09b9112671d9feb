// The output plugin wal2json (2.3 and later), format version 2: one JSON object per BEGIN, row,
// TRUNCATE of a table, message and COMMIT. Before 2.5 it does not tell types: a column of another
// type than when the listener attached shows only where its values do not fit.
//
// What the format leaves out and where it comes from instead: the LSN (frame header of the COMMIT),
// column list and base types (the relation map), whether the identity changed (an UPDATE always
// says it: its values are compared).
#ifndef LOCKSTEP_REPLICATION_WAL2JSON_DECODER_H_
#define LOCKSTEP_REPLICATION_WAL2JSON_DECODER_H_

#include <memory>

#include "replication/decoder.h"
#include "replication/relation_map.h"

namespace lockstep::replication {

std::unique_ptr<Decoder> MakeWal2jsonDecoder(RelationMap relations);

}  // namespace lockstep::replication

#endif  // LOCKSTEP_REPLICATION_WAL2JSON_DECODER_H_
