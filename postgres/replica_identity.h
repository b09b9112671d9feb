// What a replica identity is, in SQL: in one place for all who ask the catalog.
#ifndef LOCKSTEP_POSTGRES_REPLICA_IDENTITY_H_
#define LOCKSTEP_POSTGRES_REPLICA_IDENTITY_H_

namespace lockstep::postgres {

// Of c (pg_class): an UPDATE or DELETE of the table can be sent. A deferrable primary key is no
// identity.
inline constexpr const char* kHasReplicaIdentity =
    "(c.relreplident = 'f' OR EXISTS (SELECT FROM pg_catalog.pg_index i "
    "WHERE i.indrelid = c.oid AND i.indimmediate AND i.indisvalid "
    "AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident END))";

// The same, and the server lets a published table be updated by it: no identity that is the whole
// row holds a virtual generated column.
inline constexpr const char* kHasPublishableIdentity =
    "(EXISTS (SELECT FROM pg_catalog.pg_index i "
    "WHERE i.indrelid = c.oid AND i.indimmediate AND i.indisvalid "
    "AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident END) "
    "OR c.relreplident = 'f' AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a "
    "WHERE a.attrelid = c.oid AND a.attgenerated = 'v' AND NOT a.attisdropped))";

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_REPLICA_IDENTITY_H_
