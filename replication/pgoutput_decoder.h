// The output plugin pgoutput, protocol version 1: messages of one letter each.
//
//   B begin     final:lsn time:i64 xid:u32
//   C commit    flags:u8 commit:lsn end:lsn time:i64
//   O origin    commit:lsn name:cstring
//   R relation  oid schema:cstring table:cstring identity:u8 n:u16
//               (flags:u8 name:cstring type:oid modifier:i32)*
//   Y type      oid schema:cstring name:cstring
//   I insert    oid 'N' tuple
//   U update    oid [('K'|'O') tuple] 'N' tuple
//   D delete    oid ('K'|'O') tuple
//   T truncate  n:u32 flags:u8 oid*
//   M message   flags:u8 at:lsn prefix:cstring n:u32 content
//   tuple       n:u16 ('n' null | 'u' unchanged | ('t' text | 'b' binary) length:u32 bytes)*
//
// Source: PostgreSQL documentation, "Logical Replication Message Formats". Integers are big endian,
// an lsn is u64, an oid u32, times are microseconds since 2000. Rows, truncations and messages
// carry no xid: theirs is the open transaction's.
#ifndef LOCKSTEP_REPLICATION_PGOUTPUT_DECODER_H_
#define LOCKSTEP_REPLICATION_PGOUTPUT_DECODER_H_

#include <memory>

#include "replication/decoder.h"
#include "replication/relation_map.h"

namespace lockstep::replication {

// Reads text and binary values alike.
std::unique_ptr<Decoder> MakePgoutputDecoder(RelationMap relations);

}  // namespace lockstep::replication

#endif  // LOCKSTEP_REPLICATION_PGOUTPUT_DECODER_H_
