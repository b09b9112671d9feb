// What is done about a table that cannot be followed, or no longer.
#ifndef LOCKSTEP_REPLICATION_FOLLOW_POLICY_H_
#define LOCKSTEP_REPLICATION_FOLLOW_POLICY_H_

#include <cstdint>

namespace lockstep::replication {

enum class FollowPolicy : std::uint8_t {
  // It ends the following: a run has made its tables to be followed.
  kStrict,
  // The table is set aside with its reason, the others are followed on: an audit takes the database
  // as it is.
  kSetAside,
};

}  // namespace lockstep::replication

#endif  // LOCKSTEP_REPLICATION_FOLLOW_POLICY_H_
