#include "auditor/newcomers.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <iterator>

#include "postgres/open_transactions.h"
#include "postgres/table_scope.h"
#include "postgres/type_reader.h"
#include "replication/make_decoder.h"

namespace lockstep::auditor {
namespace {

using model::Result;
using postgres::Connection;

// How long a commit that came out of the stream may take until it can be seen: longer where it
// waits for a standby. Then the table is read anew later.
constexpr std::chrono::seconds kUnseenLimit{2};

}  // namespace

std::optional<Sighting> Newcomers::Look(const consumer::AttachScope& scope,
                                        const postgres::TableName& table, model::Xid xid) {
  auto found = TryLook(scope, table, xid);
  if (found) return std::move(*found);
  spdlog::warn("{}: table {} is new, and cannot be looked at: {}", application_name_,
               table.QualifiedName(), found.error().message);
  sql_.reset();
  return std::nullopt;
}

Result<std::optional<Sighting>> Newcomers::TryLook(const consumer::AttachScope& scope,
                                                   const postgres::TableName& table,
                                                   model::Xid xid) {
  if (!sql_) {
    auto opened = Connection::Open(conninfo_, postgres::ConnectionKind::kSql,
                                   postgres::OnlookerOptions(application_name_));
    if (!opened) return std::unexpected(std::move(opened.error()));
    sql_.emplace(std::move(*opened));
  }
  const auto has_ended = postgres::AwaitEnd(*sql_, xid, kUnseenLimit, let_go_);
  if (!has_ended) return std::unexpected(has_ended.error());
  if (!*has_ended) return std::nullopt;
  consumer::AttachScope only = scope;
  only.scope = scope.scope.Narrowed(table.schema, table.name);
  auto tables = consumer::ReadTables(*sql_, only);
  if (!tables) return std::unexpected(std::move(tables.error()));
  if (tables->excluded.size() == 1)
    return model::Exclusion{tables->excluded.front().kind, tables->excluded.front().reason};
  if (tables->followed.size() != 1) return std::nullopt;
  // Asked later: what is as it was made now was so when its form was read.
  auto activity = postgres::ReadTableActivity(*sql_, tables->followed);
  if (!activity) return std::unexpected(std::move(activity.error()));
  postgres::TableActivity& now = activity->front();
  if (now.oid == 0) return std::nullopt;
  if (!now.is_as_made) now = {.oid = now.oid};
  Newcomer newcomer{{std::move(tables->followed.front())}, std::move(now), xid};
  if (replication::NeedsTypes(scope.plugin)) {
    auto types = postgres::ReadTypes(*sql_);
    if (!types) return std::unexpected(std::move(types.error()));
    newcomer.table.types = std::move(*types);
  }
  return newcomer;
}

void Newcomers::Add(Newcomer newcomer) {
  std::erase_if(waiting_, [&](const Newcomer& other) {
    return other.xid == newcomer.xid &&
           other.table.relation->schema == newcomer.table.relation->schema &&
           other.table.relation->name == newcomer.table.relation->name;
  });
  waiting_.push_back(std::move(newcomer));
}

std::vector<Newcomer> Newcomers::Take(model::Xid xid) {
  std::vector<Newcomer> taken;
  const auto is_of_it = [&](const Newcomer& newcomer) { return newcomer.xid == xid; };
  std::ranges::copy_if(waiting_, std::back_inserter(taken), is_of_it);
  std::erase_if(waiting_, is_of_it);
  return taken;
}

}  // namespace lockstep::auditor
