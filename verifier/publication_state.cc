#include "verifier/publication_state.h"

#include <fmt/format.h>

#include <utility>

#include "model/relation.h"
#include "postgres/connection.h"

namespace lockstep::verifier {

model::Result<std::string> ReadPublicationState(const std::string& conninfo,
                                                const std::string& publication) {
  auto connection = postgres::Connection::Open(conninfo, postgres::ConnectionKind::kSql,
                                               {.application_name = "lockstep verifier"});
  if (!connection) return std::unexpected(std::move(connection.error()));
  auto state = connection->Execute(fmt::format(
      "SELECT pg_catalog.concat_ws(' ', p.oid, p.xmin, (SELECT "
      "pg_catalog.string_agg(pg_catalog.concat_ws(':', r.oid, r.xmin), ',' ORDER BY r.oid) FROM "
      "pg_catalog.pg_publication_rel r WHERE r.prpubid = p.oid)) FROM pg_catalog.pg_publication p "
      "WHERE p.pubname = {}",
      model::SqlLiteral(publication)));
  if (!state) return std::unexpected(std::move(state.error()));
  return state->rows() == 0 ? std::string("gone") : std::string(state->Text(0, 0));
}

}  // namespace lockstep::verifier
