#include "auditor/newcomers.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <ranges>

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

void Newcomers::OnReceived(model::Xid xid) {
  if (!places_.emplace(xid.value, next_place_).second) return;
  ++next_place_;
  received_.push_back(xid);
  if (received_.size() <= kMaxReceived) return;
  places_.erase(received_.front().value);
  received_.pop_front();
}

void Newcomers::OnReconnected() {
  received_.clear();
  places_.clear();
}

std::optional<Sighting> Newcomers::Look(const consumer::AttachScope& scope,
                                        const replication::Encounter& met, bool may_begin_unseen) {
  const postgres::TableName table{met.name.schema, met.name.name};
  if (missed_.contains(table)) return std::nullopt;
  auto seen = TryLook(scope, met, may_begin_unseen);
  if (seen) {
    if (*seen && std::holds_alternative<model::Exclusion>(**seen)) missed_.insert(table);
    return std::move(*seen);
  }
  missed_.insert(table);
  spdlog::warn("{}: table {} is new, and cannot be looked at: {}", application_name_,
               table.QualifiedName(), seen.error().message);
  sql_.reset();
  return std::nullopt;
}

// Another one may have the name by the time it is looked at. Without the OID: a table that was made
// by a transaction whose commit came before this change, and had this name ever since, is it.
bool Newcomers::IsThatTable(const replication::Encounter& met,
                            const postgres::TableActivity& now) const {
  if (met.oid.IsValid()) return met.oid.value == now.oid;
  return now.made_by == met.xid || places_.contains(now.made_by.value);
}

// Without the OID its changes so far may have been taken for those of an earlier table of its name,
// unless that was changed last before this one was made.
bool Newcomers::MayHaveBeenMistaken(const replication::Encounter& met, model::Xid made_by) const {
  if (met.oid.IsValid() || !met.changed_by.IsValid()) return false;
  const auto made = places_.find(made_by.value);
  const auto changed = places_.find(met.changed_by.value);
  return made == places_.end() || changed == places_.end() || changed->second >= made->second;
}

// After the end of the transaction that changes it.
Result<Newcomers::Seen> Newcomers::See(const consumer::AttachScope& scope,
                                       const replication::Encounter& met) {
  if (!sql_) {
    auto opened = Connection::Open(conninfo_, postgres::ConnectionKind::kSql,
                                   postgres::OnlookerOptions(application_name_));
    if (!opened) return std::unexpected(std::move(opened.error()));
    sql_.emplace(std::move(*opened));
  }
  const auto has_ended = postgres::AwaitEnd(*sql_, met.xid, kUnseenLimit, let_go_);
  if (!has_ended) return std::unexpected(has_ended.error());
  if (!*has_ended)
    return model::Fail(model::ErrorKind::kEnvironment, "nobody sees what its transaction did");
  consumer::AttachScope only = scope;
  only.scope = scope.scope.Narrowed(met.name.schema, met.name.name);
  auto tables = consumer::ReadTables(*sql_, only);
  if (!tables) return std::unexpected(std::move(tables.error()));
  Seen seen{.tables = std::move(*tables), .activity = std::nullopt};
  if (seen.tables.followed.size() != 1) return seen;
  // Asked later: what is as it was made now was so when its form was read.
  auto activity = postgres::ReadTableActivity(*sql_, seen.tables.followed);
  if (!activity) return std::unexpected(std::move(activity.error()));
  if (activity->front().oid != 0) seen.activity = std::move(activity->front());
  return seen;
}

model::RelationPtr Newcomers::LookAgain(const consumer::AttachScope& scope,
                                        const replication::Encounter& met, std::uint32_t oid) {
  if (oid == 0) return nullptr;
  auto seen = See(scope, met);
  if (!seen) sql_.reset();
  if (!seen || !seen->activity || seen->activity->oid != oid) return nullptr;
  return std::move(seen->tables.followed.front());
}

Result<std::optional<Sighting>> Newcomers::TryLook(const consumer::AttachScope& scope,
                                                   const replication::Encounter& met,
                                                   bool may_begin_unseen) {
  auto seen = See(scope, met);
  if (!seen) return std::unexpected(std::move(seen.error()));
  postgres::ScopeTables& tables = seen->tables;
  if (tables.excluded.size() == 1)
    return model::Exclusion{tables.excluded.front().kind, tables.excluded.front().reason};
  if (!seen->activity || !IsThatTable(met, *seen->activity)) return std::nullopt;
  postgres::TableActivity& now = *seen->activity;
  // The transaction that made it may have changed another one of its name before.
  const bool is_sure = met.oid.IsValid() || now.made_by != met.xid;
  Newcomer newcomer{.table = {std::move(tables.followed.front())},
                    .may_begin_unseen = may_begin_unseen || !is_sure || !now.has_first_form ||
                                        !now.has_first_file ||
                                        MayHaveBeenMistaken(met, now.made_by),
                    .is_as_emptied = is_sure && now.has_first_form &&
                                     (now.entry == met.xid.value || now.entry == now.made_by.value),
                    .xid = met.xid};
  newcomer.activity = std::move(now);
  if (replication::NeedsTypes(scope.plugin)) {
    auto types = postgres::ReadTypes(*sql_);
    if (!types) return std::unexpected(std::move(types.error()));
    newcomer.table.types = std::move(*types);
  }
  return newcomer;
}

void Newcomers::Clear() {
  waiting_.clear();
  missed_.clear();
  OnReconnected();
}

void Newcomers::Add(Newcomer newcomer) {
  std::erase_if(waiting_, [&](const Newcomer& other) {
    return other.xid == newcomer.xid &&
           other.table.relation->schema == newcomer.table.relation->schema &&
           other.table.relation->name == newcomer.table.relation->name;
  });
  waiting_.push_back(std::move(newcomer));
}

std::uint32_t Newcomers::OidOf(const postgres::TableName& table) const {
  for (const Newcomer& newcomer : std::views::reverse(waiting_)) {
    const model::Relation& relation = *newcomer.table.relation;
    if (relation.schema == table.schema && relation.name == table.name)
      return newcomer.activity.oid;
  }
  return 0;
}

std::vector<Newcomer> Newcomers::Take(model::Xid xid) {
  std::vector<Newcomer> taken;
  const auto is_of_it = [&](const Newcomer& newcomer) { return newcomer.xid == xid; };
  std::ranges::copy_if(waiting_, std::back_inserter(taken), is_of_it);
  std::erase_if(waiting_, is_of_it);
  return taken;
}

}  // namespace lockstep::auditor
