// Partitioned tables that are followed as one, in place of their partitions, because a publication
// sends what happens in these as if it happened in the root (publish_via_partition_root).
#ifndef LOCKSTEP_POSTGRES_PARTITION_ROOTS_H_
#define LOCKSTEP_POSTGRES_PARTITION_ROOTS_H_

#include <vector>

#include "model/error.h"
#include "postgres/connection.h"
#include "postgres/relation_reader.h"
#include "postgres/table_scope.h"

namespace lockstep::postgres {

// Moves those of `roots` that the scope has and that can be followed to tables.followed; another
// keeps a reason in tables.excluded. Partitions of either are excluded: nothing is sent of them by
// themselves. As of the connection's snapshot where it has one.
model::Result<void> FollowRoots(Connection& connection, const std::vector<TableName>& roots,
                                ScopeTables& tables);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_PARTITION_ROOTS_H_
