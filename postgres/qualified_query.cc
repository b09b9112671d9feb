#include "postgres/qualified_query.h"

#include <fmt/format.h>

#include <string_view>

#include "model/relation.h"

namespace lockstep::postgres {

using model::Result;

Result<QueryResult> ExecuteQualified(Connection& connection, const std::string& sql) {
  constexpr std::string_view kSet = "SELECT pg_catalog.set_config('search_path', {}, false)";
  Result<std::string> before = connection.Scalar("SELECT current_setting('search_path')");
  if (!before) return std::unexpected(before.error());
  Result<QueryResult> set = connection.Execute(fmt::format(kSet, "'pg_catalog'"));
  if (!set) return set;
  Result<QueryResult> result = connection.Execute(sql);
  if (!result) return result;  // a transaction is aborted and the setting with it
  set = connection.Execute(fmt::format(kSet, model::SqlLiteral(*before)));
  if (!set) return set;
  return result;
}

}  // namespace lockstep::postgres
