#include "auditor/publishing.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "model/output_plugin.h"
#include "postgres/binary_output.h"
#include "postgres/table_reader.h"
#include "replication/make_decoder.h"

namespace lockstep::auditor {
namespace {

using model::Result;
using postgres::Connection;
using postgres::ConnectionKind;

// As long as one wait may be, for a table that is always being altered.
constexpr std::chrono::milliseconds kLongestWait{1'500};

Result<Connection> Open(const ProcessOptions& options) {
  return Connection::Open(options.conninfo, ConnectionKind::kSql,
                          postgres::OnlookerOptions("lockstep " + options.id));
}

// Without what would stop the server's own plugin.
Result<postgres::ScopeTables> ReadPublishable(Connection& sql, const consumer::AttachScope& scope) {
  auto tables = postgres::ReadScope(sql, scope.scope);
  const model::LossSet losses = model::LossesOf(scope.plugin.name, scope.plugin.version);
  if (!tables || !losses.Has(model::Loss::kBinaryForm)) return tables;
  if (auto ok = postgres::ExcludeWithoutBinaryOutput(sql, *tables); !ok)
    return std::unexpected(std::move(ok.error()));
  return tables;
}

}  // namespace

Result<void> Publishing::Make(consumer::AttachScope& scope, const consumer::OnAttachWait& on_wait) {
  if (!replication::SendsPublications(scope.plugin) || !options_.publication.empty()) return {};
  auto sql = Open(options_);
  if (!sql) return std::unexpected(std::move(sql.error()));
  consumer::AttachPatience patience(std::chrono::seconds(options_.attach_timeout_s), on_wait);
  while (true) {
    if (auto ok = postgres::DropScopePublications(*sql, options_.slot); !ok) return ok;
    auto tables = ReadPublishable(*sql, scope);
    if (!tables) return std::unexpected(std::move(tables.error()));
    auto made = postgres::CreateScopePublications(*sql, options_.slot, *tables, lock_timeout_);
    if (made) break;
    if (!postgres::TellsOfChange(made.error())) return made;
    lock_timeout_ = std::min(lock_timeout_ * 2, kLongestWait);
    consumer::AttachWait wait{.reason = made.error().message};
    if (auto ok = patience.Pause(std::move(wait), std::move(made.error())); !ok) return ok;
  }
  made_ = true;
  lock_timeout_ = kShortestWait;
  scope.plugin.publications = postgres::ScopePublicationNames(options_.slot);
  return {};
}

Result<postgres::ScopeUpdate> Publishing::Update(const consumer::AttachScope& scope) {
  if (!made_) return postgres::ScopeUpdate();
  auto sql = Open(options_);
  if (!sql) return std::unexpected(std::move(sql.error()));
  auto tables = ReadPublishable(*sql, scope);
  if (!tables) return std::unexpected(std::move(tables.error()));
  auto updated = postgres::UpdateScopePublications(*sql, options_.slot, *tables, lock_timeout_);
  const bool is_done = updated && !updated->left;
  lock_timeout_ = is_done ? kShortestWait : std::min(lock_timeout_ * 2, kLongestWait);
  return updated;
}

bool Publishing::MayHideInserts(const consumer::AttachScope& scope) {
  if (!replication::SendsPublications(scope.plugin)) return false;
  if (!made_ || !Connect()) return true;
  auto shows = postgres::ShowsAllInserts(*sql_, options_.slot);
  if (!shows) sql_.reset();
  return !shows || !*shows;
}

void Publishing::Add(const consumer::AttachScope& scope, const postgres::TableName& table) {
  if (!made_) return;
  consumer::AttachScope only = scope;
  only.scope = scope.scope.Narrowed(table.schema, table.name);
  if (!TryAdd(only)) sql_.reset();
}

Result<void> Publishing::Connect() {
  if (sql_) return {};
  auto sql = Open(options_);
  if (!sql) return std::unexpected(std::move(sql.error()));
  sql_.emplace(std::move(*sql));
  return {};
}

Result<void> Publishing::TryAdd(const consumer::AttachScope& only) {
  if (auto ok = Connect(); !ok) return ok;
  auto tables = ReadPublishable(*sql_, only);
  if (!tables) return std::unexpected(std::move(tables.error()));
  return postgres::AddToScopePublications(*sql_, options_.slot, *tables, kShortestWait);
}

Result<std::vector<postgres::TableName>> Publishing::Behind(
    const consumer::AttachScope& scope, const std::vector<postgres::TableName>& insert_only) {
  std::vector<postgres::TableName> behind;
  if (!made_ || insert_only.empty()) return behind;
  auto sql = Open(options_);
  if (!sql) return std::unexpected(std::move(sql.error()));
  auto tables = ReadPublishable(*sql, scope);
  if (!tables) return std::unexpected(std::move(tables.error()));
  std::ranges::copy_if(postgres::WhollyPublished(*tables), std::back_inserter(behind),
                       [&](const postgres::TableName& table) {
                         return std::ranges::find(insert_only, table) != insert_only.end();
                       });
  return behind;
}

Result<void> Publishing::Drop() {
  if (!made_) return {};
  auto sql = Open(options_);
  if (!sql) return std::unexpected(std::move(sql.error()));
  return postgres::DropScopePublications(*sql, options_.slot);
}

}  // namespace lockstep::auditor
