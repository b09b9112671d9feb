// The frames of the streaming replication protocol inside CopyData, as pure code.
//
// Source: PostgreSQL documentation, "Streaming Replication Protocol". All integers are big endian;
// times are microseconds since 2000-01-01 UTC.
//
//   XLogData            'w' start:u64 end:u64 sent:i64 payload
//   PrimaryKeepalive    'k' end:u64 sent:i64 reply_requested:u8
//   StandbyStatusUpdate 'r' write:u64 flush:u64 apply:u64 sent:i64 reply_requested:u8
#ifndef LOCKSTEP_REPLICATION_FRAMES_H_
#define LOCKSTEP_REPLICATION_FRAMES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "model/error.h"
#include "model/lsn.h"

namespace lockstep::replication {

struct XLogData {
  model::Lsn start;  // of a commit: its end LSN, with every plugin
  model::Lsn end;
  std::string_view payload;  // one message of the output plugin; a view into the frame
};

struct PrimaryKeepalive {
  model::Lsn end;
  bool reply_requested = false;
};

struct StandbyStatusUpdate {
  model::Lsn write;
  model::Lsn flush;  // all that moves the slot; 0 confirms nothing
  model::Lsn apply;
  bool reply_requested = false;
  friend bool operator==(const StandbyStatusUpdate&, const StandbyStatusUpdate&) = default;
};

using Frame = std::variant<XLogData, PrimaryKeepalive>;

// kMalformed for anything that is not exactly one of the two frames a server sends.
model::Result<Frame> ParseFrame(std::string_view bytes);

// `sent_micros` since 2000-01-01 UTC.
std::string EncodeStatusUpdate(const StandbyStatusUpdate& update, std::int64_t sent_micros);

}  // namespace lockstep::replication

#endif  // LOCKSTEP_REPLICATION_FRAMES_H_
