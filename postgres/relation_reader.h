// Reads what a table looks like from the catalog.
//
// What is read is true at the moment of the call: a table that is renamed or altered later is
// described by the stream only (or not at all). Read under the attach snapshot's transaction,
// before the first frame. No table is locked, so that nobody is waited for.
#ifndef LOCKSTEP_POSTGRES_RELATION_READER_H_
#define LOCKSTEP_POSTGRES_RELATION_READER_H_

#include <string>
#include <vector>

#include "model/error.h"
#include "model/relation.h"
#include "postgres/connection.h"

namespace lockstep::postgres {

struct TableName {
  std::string schema;
  std::string name;

  // schema.name, each part quoted where it has to be.
  std::string QualifiedName() const;
  friend auto operator<=>(const TableName&, const TableName&) = default;
};

// All permanent ordinary tables of a schema (leaf partitions included, partitioned parents not), by
// name in byte order. Columns in attnum order; type is the base type of a domain; type_name as
// format_type() prints it with only pg_catalog in the search path, so that a user's type carries
// its schema, but for types in the table's own schema. generated: the expression as
// pg_attrdef.adbin keeps it (pg_get_expr() would lock the table). key: columns of the identity's
// index for INDEX, else of the primary key unless it is deferrable, in key order. Virtual generated
// columns are named apart.
model::Result<std::vector<model::RelationPtr>> ReadSchema(Connection& connection,
                                                          const std::string& schema);

// The same of those that an SQL condition on n (pg_namespace) and c (pg_class) picks, of whatever
// kind; by schema, then name.
model::Result<std::vector<model::RelationPtr>> ReadRelationsWhere(Connection& connection,
                                                                  const std::string& condition);

// The tables of the list, in its order. kMisfit when one does not exist; kUnsupported when one has
// no rows of its own that are replicated (a view, a partitioned table: list its partitions).
model::Result<std::vector<model::RelationPtr>> ReadRelations(Connection& connection,
                                                             const std::vector<TableName>& tables);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_RELATION_READER_H_
