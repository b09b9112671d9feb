// Tables named in a query, so that one answer tells of all of them.
#ifndef LOCKSTEP_POSTGRES_TABLE_LIST_H_
#define LOCKSTEP_POSTGRES_TABLE_LIST_H_

#include <string>
#include <string_view>
#include <vector>

#include "model/relation.h"

namespace lockstep::postgres {

// "FROM ... ORDER BY ...": one row for each table, in their order, with `l.s` and `l.t`, its schema
// and name, and `c`, its row of pg_class, all null where there is no such table. `joined` follows
// them. `tables` is not empty.
std::string FromTables(const std::vector<model::RelationPtr>& tables, std::string_view joined);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_TABLE_LIST_H_
