#include "postgres/remedy.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "model/output_plugin.h"

namespace lockstep::postgres {

bool IsSnapshotTooLarge(const model::Error& error) {
  return error.message.find("initial slot snapshot too large") != std::string::npos;
}

namespace {

using model::Error;
using model::ErrorKind;

struct Remedy {
  std::string text;
  bool user_must_act = true;
};

std::string PackageOf(const RemedyContext& context) {
  int major = context.server_version / 10000;
  std::string version = major > 0 ? std::to_string(major) : "<version>";
  const bool has_package =
      std::ranges::any_of(model::OutputPlugins(), [&](const model::OutputPlugin& plugin) {
        return plugin.library == context.plugin && !plugin.in_core;
      });
  if (has_package) {
    return fmt::format("install it on the server (Debian: apt-get install postgresql-{}-{})",
                       version, context.plugin);
  }
  return "install the plugin's library on the server, or choose pgoutput, which is always there";
}

Remedy Find(const Error& error, const RemedyContext& context) {
  auto says = [&](std::string_view part) { return error.message.find(part) != std::string::npos; };
  const std::string& state = error.sqlstate;
  std::string plugin = context.plugin.empty() ? "the plugin" : context.plugin;
  std::string user = context.user.empty() ? "the user" : context.user;

  if (says("may not be used as an output plugin")) {
    return {
        fmt::format("the server allows only listed plugins: add {0} to output_plugin_libraries "
                    "in postgresql.conf (output_plugin_libraries = 'pgoutput, test_decoding, "
                    "{0}', not with ALTER SYSTEM, which stores one quoted name) and reload",
                    plugin)};
  }
  if (state == "58P01" || says("could not access file")) return {PackageOf(context)};
  if (says("is active for PID") || state == "55006") {
    return {
        "another client is following this slot: stop it, give this one a slot of its own, or "
        "end that session with pg_terminate_backend(pid)",
        false};
  }
  if (says("wal_level")) {
    return {"set wal_level = logical in postgresql.conf and restart the server"};
  }
  if (says("max_wal_senders")) {
    return {"raise max_wal_senders in postgresql.conf and restart the server"};
  }
  if (state == "53400" || says("all replication slots are in use")) {
    return {
        "drop a slot that nobody uses (SELECT pg_drop_replication_slot(...)) or raise "
        "max_replication_slots in postgresql.conf and restart the server"};
  }
  if (state == "53300")
    return {"raise max_connections, or end sessions that are not needed", false};
  if (says("replication role") || says("REPLICATION attribute") ||
      says("permission denied to use replication slots") ||
      says("permission denied to start WAL sender")) {
    return {fmt::format("give {} the right: ALTER ROLE ... REPLICATION (as a superuser)", user)};
  }
  if (says("no pg_hba.conf entry")) {
    return {"add a line for this user, database and address to pg_hba.conf and reload"};
  }
  if (IsSnapshotTooLarge(error)) {
    return {"too many subtransactions (savepoints) are open: try again when fewer are", false};
  }
  if (says("could not map filenode")) {
    return {
        "a table was truncated or rewritten while the slot was made, and the server cannot decode "
        "a transaction of that moment: attach again, with a new slot",
        false};
  }
  if (state == "55P03") {
    return {
        "a transaction with changes is open, in some database, or is prepared (see "
        "pg_stat_activity.backend_xid and pg_prepared_xacts): a slot can only be made when those "
        "of "
        "its start have ended",
        false};
  }
  if (state == "42710" && says("replication slot")) {
    return {fmt::format("drop slot {} or choose another name", context.slot)};
  }
  if (state == "42704" && says("replication slot")) {
    return {fmt::format("slot {} was dropped or never made: start again from a new snapshot",
                        context.slot)};
  }
  if (says("can no longer get changes from replication slot") || says("has been invalidated") ||
      says("requested WAL segment")) {
    return {
        fmt::format("the server no longer has the WAL that slot {} needs: drop the slot, start "
                    "again from a new snapshot, and raise max_slot_wal_keep_size",
                    context.slot)};
  }
  return {};
}

}  // namespace

std::string RemedyFor(const Error& error, const RemedyContext& context) {
  return Find(error, context).text;
}

Error WithRemedy(Error error, const RemedyContext& context) {
  Remedy remedy = Find(error, context);
  if (remedy.text.empty()) return error;
  error.message += "; " + remedy.text;
  if (remedy.user_must_act) error.kind = ErrorKind::kUsage;
  return error;
}

}  // namespace lockstep::postgres
