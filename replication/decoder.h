// An output plugin's messages turned into the standard form: one implementation per plugin.
//
// A decoder lives as long as one connection (plugins describe a relation once per connection). Its
// input is hostile: whatever the bytes, the result is an event or a typed error.
#ifndef LOCKSTEP_REPLICATION_DECODER_H_
#define LOCKSTEP_REPLICATION_DECODER_H_

#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "model/change.h"
#include "model/error.h"
#include "model/ids.h"
#include "model/lsn.h"
#include "model/relation.h"
#include "replication/follow_policy.h"
#include "replication/frames.h"
#include "replication/sql_name.h"

namespace lockstep::replication {

struct BeginEvent {
  model::Xid xid;
};

struct CommitEvent {
  model::Xid xid;
  model::Lsn end_lsn;
  std::int64_t commit_micros = 0;  // since 2000-01-01 UTC
};

struct ChangeEvent {
  model::Xid xid;
  model::Change change;
};

// A change of a table that is not followed.
struct OtherTableEvent {
  model::Xid xid;
  bool is_unread = false;  // though it should be: an UnreadEvent told why
};

// TRUNCATE of one or more tables that are followed.
struct TruncateEvent {
  model::Xid xid;
  std::vector<model::RelationPtr> relations;
  std::vector<model::UnreadTable> unread = {};
};

// A change that cannot be read, of a table that should be followed. Told once a connection; further
// changes of the table are those of a table that is not followed. Under kSetAside only.
struct UnreadEvent {
  model::Xid xid;
  model::UnreadTable table;
};

// What belongs to no transaction: the description of a table, a message that was emitted outside
// any.
struct NoEvent {};

using Event = std::variant<BeginEvent, ChangeEvent, TruncateEvent, UnreadEvent, OtherTableEvent,
                           NoEvent, CommitEvent>;

// What becomes of a change that cannot be read because of `error`: under kSetAside an UnreadEvent,
// unless bytes are malformed; else the error.
model::Result<Event> Unreadable(FollowPolicy policy, model::Xid xid, const QualifiedName& table,
                                model::Error error);

class Decoder {
 public:
  virtual ~Decoder() = default;

  // One message of the plugin. kMalformed: the bytes do not follow the plugin's format. kMisfit:
  // they do not fit the relation as it is known. kUnsupported: the plugin cannot show what
  // happened.
  virtual model::Result<Event> Decode(const XLogData& frame) = 0;

  // A warning of the server's that came between two messages: a plugin may say there what it leaves
  // out.
  virtual model::Result<Event> DecodeNotice(std::string_view) { return NoEvent{}; }
};

}  // namespace lockstep::replication

#endif  // LOCKSTEP_REPLICATION_DECODER_H_
