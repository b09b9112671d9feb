#include "postgres/preflight.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <utility>

#include "model/relation.h"
#include "postgres/commit_order.h"
#include "postgres/open_transactions.h"
#include "postgres/plugin_probe.h"
#include "postgres/remedy.h"
#include "postgres/slot.h"

namespace lockstep::postgres {
namespace {

using model::Error;
using model::Result;

// Logical replication is older, but what we rely on (see docs) is tested from here.
constexpr int kOldestServer = 130000;
// Open transactions keep a slot from being made; the check does not wait them out.
constexpr std::chrono::milliseconds kProbeWait{2000};

// An error of the server's as a finding: the remedy stands behind its message.
Finding FailedCheck(const char* check, const Error& error, const RemedyContext& context) {
  Finding finding{Severity::kError, check, error.message, RemedyFor(error, context)};
  const std::string tail = "; " + finding.remedy;
  if (!finding.remedy.empty() && finding.text.ends_with(tail)) {
    finding.text.erase(finding.text.size() - tail.size());
  }
  return finding;
}

class ServerChecks {
 public:
  ServerChecks(Connection& sql, const std::string& conninfo, int slots)
      : sql_(sql), conninfo_(conninfo), slots_(slots) {}

  ServerCheck Run() && {
    CheckVersion();
    CheckWalLevel();
    CheckFree("slots", "max_replication_slots", "pg_catalog.pg_replication_slots");
    CheckFree("senders", "max_wal_senders", "pg_catalog.pg_stat_replication");
    const bool has_slot = !HasError(check_.findings);
    CheckEncoding();
    CheckWalLimit();
    CheckIdleSlots();
    CheckPrepared();
    CheckReplication(has_slot);
    return std::move(check_);
  }

 private:
  void Add(Severity severity, const char* check, std::string text, std::string remedy = {}) {
    check_.findings.push_back({severity, check, std::move(text), std::move(remedy)});
  }

  void CheckVersion() {
    const int version = sql_.server_version();
    std::string text = fmt::format("PostgreSQL {}.{}", version / 10000, version % 10000);
    if (version >= kOldestServer) return Add(Severity::kOk, "version", text);
    Add(Severity::kError, "version", text, "13 or later is needed");
  }

  void CheckWalLevel() {
    Result<std::string> level = sql_.Scalar("SHOW wal_level");
    if (!level) return Add(Severity::kError, "wal_level", level.error().message);
    if (*level == "logical") return Add(Severity::kOk, "wal_level", "logical");
    Add(Severity::kError, "wal_level", *level,
        "set wal_level = logical in postgresql.conf and restart the server");
  }

  void CheckFree(const char* check, const char* setting, const char* view) {
    Result<std::string> free = sql_.Scalar(
        fmt::format("SELECT pg_catalog.current_setting('{}')::int - pg_catalog.count(*) FROM {}",
                    setting, view));
    if (!free) return Add(Severity::kError, check, free.error().message);
    std::string text = fmt::format("{} free, {} wanted", *free, slots_);
    if (std::atoi(free->c_str()) >= slots_) return Add(Severity::kOk, check, text);
    Add(Severity::kError, check, text,
        fmt::format("raise {} in postgresql.conf and restart the server, or end replication that "
                    "nobody uses (SELECT * FROM {})",
                    setting, view));
  }

  void CheckEncoding() {
    Result<std::string> encoding = sql_.Scalar("SHOW server_encoding");
    if (!encoding) return Add(Severity::kError, "encoding", encoding.error().message);
    if (*encoding == "UTF8") return Add(Severity::kOk, "encoding", "UTF8");
    Add(Severity::kError, "encoding",
        fmt::format("the database is in {}, not UTF8 (only an audit takes that)", *encoding),
        "CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0");
  }

  // Not wrong either way: what happens when a listener stays away.
  void CheckWalLimit() {
    Result<std::string> limit = sql_.Scalar("SHOW max_slot_wal_keep_size");
    if (!limit) return Add(Severity::kError, "WAL limit", limit.error().message);
    if (*limit == "-1") {
      return Add(Severity::kNote, "WAL limit",
                 "max_slot_wal_keep_size is -1: an idle slot keeps WAL until the disk is full");
    }
    Add(Severity::kNote, "WAL limit",
        fmt::format("max_slot_wal_keep_size is {}: a slot that is further behind is lost", *limit));
  }

  void CheckIdleSlots() {
    auto slots = sql_.Execute(
        "SELECT slot_name, pg_catalog.pg_size_pretty(pg_catalog.pg_wal_lsn_diff(CASE WHEN "
        "pg_catalog.pg_is_in_recovery() THEN "
        "pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_lsn() END, "
        "restart_lsn)) "
        "FROM pg_catalog.pg_replication_slots WHERE NOT active ORDER BY slot_name");
    if (!slots) return Add(Severity::kError, "idle slot", slots.error().message);
    for (int row = 0; row < slots->rows(); ++row) {
      const std::string name(slots->Text(row, 0));
      Add(Severity::kNote, "idle slot",
          slots->IsNull(row, 1) ? fmt::format("nobody reads slot {}", name)
                                : fmt::format("nobody reads slot {}, which keeps {} of WAL", name,
                                              slots->Text(row, 1)),
          fmt::format("SELECT pg_catalog.pg_drop_replication_slot({}); -- when nobody will",
                      model::SqlLiteral(name)));
    }
  }

  // No client is there that could end it: whoever made it has to be reminded.
  void CheckPrepared() {
    auto open = ReadOpenTransactions(sql_);
    if (!open) return Add(Severity::kError, kPreparedTransaction, open.error().message);
    for (const OpenTransaction& transaction : *open) {
      if (transaction.pid != 0) continue;
      Add(Severity::kWarning, kPreparedTransaction,
          fmt::format("a new slot waits for {}", ToString(transaction)),
          transaction.gid.empty()
              ? "have its owner end it (pg_prepared_xacts)"
              : fmt::format("COMMIT PREPARED {0}, or ROLLBACK PREPARED {0}, in that database",
                            model::SqlLiteral(transaction.gid)));
    }
  }

  void CheckReplication(bool has_slot) {
    Result<Connection> replication = Connection::Open(conninfo_, ConnectionKind::kReplication);
    if (!replication) {
      check_.findings.push_back(FailedCheck("replication right", replication.error(), {}));
      return;
    }
    Add(Severity::kOk, "replication right", "the user may replicate");
    if (has_slot) check_.replication = std::move(*replication);
  }

  Connection& sql_;
  const std::string& conninfo_;
  const int slots_;
  ServerCheck check_;
};

Finding CheckCommitOrder(Connection& sql) {
  constexpr const char* kCheck = "commit order";
  Result<std::string> why = CommitOrder::WhyUnavailable(sql);
  if (!why) return {Severity::kError, kCheck, why.error().message};
  if (why->empty()) return {Severity::kOk, kCheck, "pg_walinspect can be used"};
  return {Severity::kWarning, kCheck,
          *why + "; without it the order of commits is bracketed, which proves less"};
}

}  // namespace

ServerCheck CheckServer(Connection& sql, const std::string& conninfo, int slots) {
  return ServerChecks(sql, conninfo, slots).Run();
}

PluginCheck CheckPlugin(Connection& replication, const std::string& plugin) {
  const model::OutputPlugin* known = model::FindOutputPlugin(plugin);
  const std::string library(known == nullptr ? plugin : known->library);
  const std::string name =
      fmt::format("lockstep_preflight_{}_{}", getpid(), replication.backend_pid());
  PluginCheck check;
  check.version.server = replication.server_version();
  if (known != nullptr && check.version.server < known->oldest_server) {
    check.finding = {
        Severity::kError, "plugin",
        fmt::format("{} is of PostgreSQL {} and later", plugin, known->oldest_server / 10000),
        fmt::format("use {} (as text)", known->library)};
    check.finding.plugins = {plugin};
    return check;
  }
  Result<CreatedSlot> slot = CreateSlot(replication, {.name = name,
                                                      .plugin = library,
                                                      .temporary = true,
                                                      .export_snapshot = false,
                                                      .lock_timeout = kProbeWait});
  if (slot) {
    check.finding = {Severity::kOk, "plugin", plugin + " can be used"};
    check.usable = true;
    if (known != nullptr) {
      if (auto version = VersionOfPlugin(replication, name, *known)) check.version = *version;
    }
    // The next plugin's slot has the same name. What cannot be dropped goes with the connection.
    (void)DropSlot(replication, name);
  } else {
    check.finding = FailedCheck(
        "plugin", slot.error(),
        {.plugin = library, .slot = name, .server_version = replication.server_version()});
    // The plugin was loaded by then; only the open transactions are in the way.
    check.usable = slot.error().sqlstate == "55P03";
    if (check.usable) check.finding.severity = Severity::kWarning;
  }
  if (known != nullptr) check.finding.plugins = {plugin};
  return check;
}

std::vector<Finding> Preflight(const std::string& conninfo, const PreflightOptions& options) {
  Result<Connection> sql = Connection::Open(conninfo, ConnectionKind::kSql);
  if (!sql) return {{Severity::kError, "connection", sql.error().message}};
  std::vector<Finding> findings = {{Severity::kOk, "connection", sql->description()}};
  ServerCheck server = CheckServer(*sql, conninfo, options.slots);
  for (Finding& finding : server.findings) findings.push_back(std::move(finding));
  if (server.replication) {
    findings.push_back(CheckPlugin(*server.replication, options.plugin).finding);
  }
  if (options.commit_order) findings.push_back(CheckCommitOrder(*sql));
  return findings;
}

}  // namespace lockstep::postgres
