#include "launcher/source.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "model/output_plugin.h"
#include "postgres/connection.h"
#include "postgres/finding.h"
#include "postgres/preflight.h"
#include "postgres/server_waits.h"
#include "postgres/slot.h"

namespace lockstep::launcher {
namespace {

using model::Error;
using model::ErrorKind;
using model::Fail;
using model::Result;
using postgres::Connection;
using postgres::ConnectionKind;
using postgres::LocalCluster;

// Beside a listener's stream: the connections of its attaching, the verifier's, and some to look
// at it all.
constexpr std::uint32_t kConnectionsPerListener = 4;
constexpr std::uint32_t kConnectionsReserve = 50;

Result<LocalCluster> StartCluster(const RunOptions& options, const std::string& path) {
  const std::uint32_t connections =
      options.sessions + kConnectionsPerListener * options.TotalListeners() + kConnectionsReserve;
  return LocalCluster::Start(
      {.directory = path,
       .keep = !path.empty(),
       .settings = {{"max_connections", fmt::to_string(std::max(100u, connections))}},
       .slots_and_senders = std::max(64, static_cast<int>(2 * options.TotalListeners() + 8))});
}

// A run makes a schema, an audit with pgoutput publications.
Result<void> CheckCreateRight(Connection& sql, const RunOptions& options, SourceUse use) {
  const bool publishes = std::ranges::any_of(options.Plugins(), [](const std::string& plugin) {
    return model::FindOutputPlugin(plugin)->sends_publications;
  });
  const bool is_audit = use != SourceUse::kRun;
  if (is_audit && (use == SourceUse::kAuditPublication || !publishes)) return {};
  Result<std::string> may = sql.Scalar(
      "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')");
  if (!may) return std::unexpected(may.error());
  if (*may == "t") return {};
  Result<std::string> remedy = sql.Scalar(
      "SELECT pg_catalog.format('GRANT CREATE ON DATABASE %I TO %I', "
      "pg_catalog.current_database(), current_user)");
  if (!remedy) return std::unexpected(remedy.error());
  return Fail(ErrorKind::kUsage,
              fmt::format("create right: the user may not create a {} in this database: {}",
                          is_audit ? "publication (pgoutput needs one)" : "schema", *remedy));
}

// What each plugin needs; what is the same for all is found once.
std::vector<postgres::Finding> CheckPlugins(const RunOptions& options, SourceUse use) {
  // A comparison takes one more.
  const std::uint32_t slots = options.TotalListeners() * (use == SourceUse::kRun ? 1 : 2);
  std::vector<postgres::Finding> findings;
  std::set<std::string> libraries;
  for (const std::string& name : options.Plugins()) {
    const model::OutputPlugin& plugin = *model::FindOutputPlugin(name);
    if (!libraries.emplace(plugin.library).second && plugin.oldest_server == 0) continue;
    for (postgres::Finding& finding : postgres::Preflight(
             options.database, {.plugin = name, .slots = static_cast<int>(slots)})) {
      if (use != SourceUse::kRun && finding.check == "encoding") continue;
      if (libraries.size() == 1 || finding.check == "plugin")
        findings.push_back(std::move(finding));
    }
  }
  return findings;
}

// `notes`: what hinders nothing, and is to be known now.
Result<void> CheckDatabase(Connection& sql, const RunOptions& options, SourceUse use,
                           std::vector<std::string>& notes) {
  std::vector<std::string> problems;
  for (const postgres::Finding& finding : CheckPlugins(options, use)) {
    if (finding.check == postgres::kPreparedTransaction)
      notes.push_back(postgres::WithRemedy(finding));
    if (finding.severity == postgres::Severity::kError) {
      problems.push_back(fmt::format("{}: {}", finding.check, postgres::WithRemedy(finding)));
    }
  }
  if (Result<void> may = CheckCreateRight(sql, options, use); !may)
    problems.push_back(may.error().message);
  if (problems.empty()) return {};
  std::string text = fmt::format("--database: {} cannot be used", sql.description());
  for (const std::string& problem : problems) text += "\n  " + problem;
  return Fail(ErrorKind::kUsage, std::move(text));
}

}  // namespace

Result<Source> Source::Open(const RunOptions& options, const std::string& cluster_path,
                            SourceUse use) {
  std::optional<LocalCluster> cluster;
  std::string uri = options.database;
  if (uri.empty()) {
    Result<LocalCluster> started = StartCluster(options, cluster_path);
    if (!started) return std::unexpected(started.error());
    uri = started->uri();
    cluster = std::move(*started);
  }
  Source source(std::move(cluster), uri, !options.database.empty() || !cluster_path.empty());
  Result<Connection> sql = Connection::Open(source.uri_, ConnectionKind::kSql);
  if (!sql && options.database.empty()) return std::unexpected(sql.error());
  if (!sql) return Fail("--database", sql.error());
  Result<std::string> version = sql->Scalar("SHOW server_version");
  if (!version) return std::unexpected(version.error());
  source.postgres_version_ = std::move(*version);
  if (!source.cluster_) {
    if (Result<void> done = CheckDatabase(*sql, options, use, source.notes_); !done) {
      return std::unexpected(done.error());
    }
  }
  return source;
}

bool IsOfTheStop(const Error& error) {
  return error.sqlstate == postgres::kCancelled || error.kind == ErrorKind::kUsage;
}

namespace {

Result<void> DropSlots(Connection& sql, const std::string& prefix) {
  const std::optional<std::string_view> parameters[] = {prefix};
  auto slots = sql.Execute(
      "SELECT slot_name, active_pid FROM pg_catalog.pg_replication_slots "
      "WHERE pg_catalog.starts_with(slot_name, $1)",
      parameters);
  if (!slots) return std::unexpected(slots.error());
  Result<void> result;
  for (int row = 0; row < slots->rows(); ++row) {
    // The listener is gone; its walsender may not have noticed.
    if (!slots->IsNull(row, 1)) {
      (void)sql.Execute(
          fmt::format("SELECT pg_catalog.pg_terminate_backend({})", slots->Text(row, 1)));
    }
    Result<void> done = postgres::DropSlot(sql, std::string(slots->Text(row, 0)));
    if (!done && result) result = done;
  }
  return result;
}

}  // namespace

Result<void> RemoveLeftovers(const std::string& uri, const std::string& schema) {
  const auto failed = [&](const Error& error) {
    return Fail(fmt::format("cannot remove what the run left (slots {0}_*, schema {0}, publication "
                            "{0}); please drop it by hand",
                            schema),
                error);
  };
  Result<Connection> sql = Connection::Open(uri, ConnectionKind::kSql);
  if (!sql) return failed(sql.error());
  Result<void> result = DropSlots(*sql, schema + "_");
  // The name is ours: lockstep_ and hex digits. No notices about what is not there.
  for (const std::string& statement :
       {std::string("SET client_min_messages = warning; SET lock_timeout = '10s'"),
        fmt::format("DROP PUBLICATION IF EXISTS {}", schema),
        fmt::format("DROP SCHEMA IF EXISTS {} CASCADE", schema)}) {
    auto done = sql->Execute(statement);
    if (!done && result) result = std::unexpected(done.error());
  }
  if (!result) return failed(result.error());
  return {};
}

}  // namespace lockstep::launcher
