#include "replication/decoder.h"

#include <utility>

namespace lockstep::replication {

model::Result<Event> Unreadable(FollowPolicy policy, model::Xid xid, const QualifiedName& table,
                                model::Error error) {
  if (policy == FollowPolicy::kStrict || error.kind == model::ErrorKind::kMalformed)
    return std::unexpected(std::move(error));
  return UnreadEvent{xid, {table.schema, table.name, std::move(error.message)}};
}

}  // namespace lockstep::replication
