#include "postgres/publication.h"

#include "model/relation.h"

namespace lockstep::postgres {

using model::ErrorKind;
using model::Fail;
using model::Result;

Result<void> CreatePublication(Connection& connection, const std::string& name,
                               const std::vector<TableName>& tables) {
  if (tables.empty()) {
    return Fail(ErrorKind::kUsage, "publication " + name + ": name at least one table");
  }
  std::string list;
  for (const TableName& table : tables) {
    list += (list.empty() ? "" : ", ") + model::SqlIdentifier(table.schema) + "." +
            model::SqlIdentifier(table.name);
  }
  Result<QueryResult> created =
      connection.Execute("CREATE PUBLICATION " + model::SqlIdentifier(name) + " FOR TABLE " + list +
                         " WITH (publish = 'insert, update, delete, truncate')");
  if (!created) return std::unexpected(created.error());
  return {};
}

Result<void> DropPublication(Connection& connection, const std::string& name) {
  Result<QueryResult> dropped =
      connection.Execute("DROP PUBLICATION IF EXISTS " + model::SqlIdentifier(name));
  if (!dropped) return std::unexpected(dropped.error());
  return {};
}

}  // namespace lockstep::postgres
