// The output plugin decoderbufs (2.1 and later): one protobuf RowMessage per BEGIN, row and COMMIT.
//
// What the format leaves out and where it comes from instead: the LSN (frame header of the COMMIT),
// keys, column list and base types (the relation map), whether bytes are a bytea or another type's
// text (the type OID).
#ifndef LOCKSTEP_REPLICATION_DECODERBUFS_DECODER_H_
#define LOCKSTEP_REPLICATION_DECODERBUFS_DECODER_H_

#include <memory>

#include "replication/decoder.h"
#include "replication/relation_map.h"

namespace lockstep::replication {

std::unique_ptr<Decoder> MakeDecoderbufsDecoder(RelationMap relations);

}  // namespace lockstep::replication

#endif  // LOCKSTEP_REPLICATION_DECODERBUFS_DECODER_H_
