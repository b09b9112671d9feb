// Names as SQL writes them: bare, or in double quotes with quotes doubled.
#ifndef LOCKSTEP_REPLICATION_SQL_NAME_H_
#define LOCKSTEP_REPLICATION_SQL_NAME_H_

#include <compare>
#include <string>
#include <string_view>

#include "model/error.h"

namespace lockstep::replication {

// A table name, e.g. public."T q", in its two plain parts.
struct QualifiedName {
  std::string schema;
  std::string name;
  friend auto operator<=>(const QualifiedName&, const QualifiedName&) = default;
};

// kMalformed unless `sql` is exactly one identifier.
model::Result<std::string> ParseIdentifier(std::string_view sql);

// kMalformed unless `sql` is exactly two identifiers with a dot between.
model::Result<QualifiedName> ParseQualifiedName(std::string_view sql);

}  // namespace lockstep::replication

#endif  // LOCKSTEP_REPLICATION_SQL_NAME_H_
