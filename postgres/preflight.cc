#include "postgres/preflight.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "postgres/commit_order.h"
#include "postgres/slot.h"

namespace lockstep::postgres {
namespace {

using model::Error;
using model::Result;

// Logical replication is older, but what we rely on (see docs) is tested from here.
constexpr int kOldestServer = 130000;
// Open transactions keep a slot from being made; the check does not wait them out.
constexpr std::chrono::milliseconds kProbeWait{2000};

class Checks {
 public:
  Checks(const std::string& conninfo, const PreflightOptions& options)
      : conninfo_(conninfo), options_(options) {}

  std::vector<Finding> Run() && {
    Result<Connection> sql = Connection::Open(conninfo_, ConnectionKind::kSql);
    if (!sql) {
      Add(Severity::kError, "connection", sql.error().message);
      return std::move(findings_);
    }
    Add(Severity::kOk, "connection", sql->description());
    CheckVersion(*sql);
    CheckWalLevel(*sql);
    CheckFree(*sql, "slots", "max_replication_slots", "pg_catalog.pg_replication_slots");
    CheckFree(*sql, "senders", "max_wal_senders", "pg_catalog.pg_stat_replication");
    // A slot cannot be tried where the server has none to give.
    CheckReplication(!HasError(findings_));
    if (options_.commit_order) CheckCommitOrder(*sql);
    return std::move(findings_);
  }

 private:
  void Add(Severity severity, std::string check, std::string text) {
    findings_.push_back({severity, std::move(check), std::move(text)});
  }

  void CheckVersion(Connection& sql) {
    int version = sql.server_version();
    std::string text = fmt::format("PostgreSQL {}.{}", version / 10000, version % 10000);
    if (version >= kOldestServer) return Add(Severity::kOk, "version", text);
    Add(Severity::kError, "version", text + ": 13 or later is needed");
  }

  void CheckWalLevel(Connection& sql) {
    Result<std::string> level = sql.Scalar("SHOW wal_level");
    if (!level) return Add(Severity::kError, "wal_level", level.error().message);
    if (*level == "logical") return Add(Severity::kOk, "wal_level", "logical");
    Add(Severity::kError, "wal_level",
        *level + ": set wal_level = logical in postgresql.conf and restart the server");
  }

  void CheckFree(Connection& sql, const char* check, const char* setting, const char* view) {
    Result<std::string> free = sql.Scalar(
        fmt::format("SELECT current_setting('{}')::int - count(*) FROM {}", setting, view));
    if (!free) return Add(Severity::kError, check, free.error().message);
    std::string text = fmt::format("{} free, {} wanted", *free, options_.slots);
    if (std::atoi(free->c_str()) >= options_.slots) return Add(Severity::kOk, check, text);
    Add(Severity::kError, check,
        fmt::format("{}: raise {} in postgresql.conf and restart the server, or end replication "
                    "that nobody uses (SELECT * FROM {})",
                    text, setting, view));
  }

  void CheckReplication(bool try_plugin) {
    Result<Connection> replication = Connection::Open(conninfo_, ConnectionKind::kReplication);
    if (!replication) {
      return Add(Severity::kError, "replication right", replication.error().message);
    }
    Add(Severity::kOk, "replication right", "the user may replicate");
    if (!try_plugin) return;
    Result<CreatedSlot> slot = CreateSlot(
        *replication,
        {.name = fmt::format("lockstep_preflight_{}_{}", getpid(), replication->backend_pid()),
         .plugin = options_.plugin,
         .temporary = true,
         .export_snapshot = false,
         .lock_timeout = kProbeWait});
    if (slot) return Add(Severity::kOk, "plugin", options_.plugin + " can be used");
    // The plugin was loaded by then; only the open transactions are in the way.
    bool waited = slot.error().sqlstate == "55P03";
    Add(waited ? Severity::kWarning : Severity::kError, "plugin", slot.error().message);
  }

  void CheckCommitOrder(Connection& sql) {
    Result<std::string> why = CommitOrder::WhyUnavailable(sql);
    if (!why) return Add(Severity::kError, "commit order", why.error().message);
    if (why->empty()) return Add(Severity::kOk, "commit order", "pg_walinspect can be used");
    Add(Severity::kWarning, "commit order",
        *why + "; without it the order of commits is bracketed, which proves less");
  }

  const std::string& conninfo_;
  const PreflightOptions& options_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> Preflight(const std::string& conninfo, const PreflightOptions& options) {
  return Checks(conninfo, options).Run();
}

bool HasError(const std::vector<Finding>& findings) {
  return std::ranges::any_of(findings,
                             [](const Finding& f) { return f.severity == Severity::kError; });
}

}  // namespace lockstep::postgres
