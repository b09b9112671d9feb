#include "listener/rolled_back_xid.h"

#include <cstdint>
#include <string>
#include <utility>

#include "postgres/connection.h"

namespace lockstep::listener {

using model::Result;

Result<model::Xid> RollBackOne(const std::string& conninfo) {
  auto connection = postgres::Connection::Open(conninfo, postgres::ConnectionKind::kSql);
  if (!connection) return std::unexpected(std::move(connection.error()));
  if (auto ok = connection->Execute("BEGIN"); !ok) return std::unexpected(std::move(ok.error()));
  auto xid = connection->Scalar("SELECT pg_catalog.pg_current_xact_id()::pg_catalog.xid");
  if (!xid) return std::unexpected(std::move(xid.error()));
  if (auto ok = connection->Execute("ROLLBACK"); !ok) return std::unexpected(std::move(ok.error()));
  return model::Xid{static_cast<std::uint32_t>(std::stoul(*xid))};
}

}  // namespace lockstep::listener
