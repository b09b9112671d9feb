// A table with all partitions below it, in SQL.
#ifndef LOCKSTEP_POSTGRES_PARTITION_TREE_H_
#define LOCKSTEP_POSTGRES_PARTITION_TREE_H_

namespace lockstep::postgres {

// The head of a subquery whose `tree` has the OIDs: of the outer query's c (pg_class), and where
// that is partitioned of its partitions. Inheritance is something else: each table is by itself.
// As of the snapshot, like any read of the catalog.
inline constexpr const char* kPartitionTree =
    "WITH RECURSIVE tree(oid) AS (SELECT c.oid UNION ALL "
    "SELECT h.inhrelid FROM tree JOIN pg_catalog.pg_inherits h ON h.inhparent = tree.oid "
    "WHERE c.relkind = 'p')";

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_PARTITION_TREE_H_
