#include "postgres/remedy.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

#include "model/output_plugin.h"

namespace lockstep::postgres {
namespace {

constexpr std::string_view kSnapshotTooLarge = "initial slot snapshot too large";

}  // namespace

bool IsSnapshotTooLarge(const model::Error& error) {
  return error.message.find(kSnapshotTooLarge) != std::string::npos;
}

bool IsOfTheChange(const model::Error& error) {
  if (error.kind != model::ErrorKind::kSql) return false;
  // No such function, a value or row that is too large, a plugin that does not find a table:
  // internal errors. Damaged data has codes of its own.
  constexpr std::string_view kCodes[] = {"42883", "XX000"};
  constexpr std::string_view kClasses[] = {"22", "38", "39", "54", "P0"};
  return std::ranges::find(kCodes, error.sqlstate) != std::end(kCodes) ||
         std::ranges::any_of(kClasses, [&](std::string_view of_change) {
           return error.sqlstate.starts_with(of_change);
         });
}

bool IsOfWhatIsGone(const model::Error& error) {
  // No such slot or publication, a slot that was invalidated, no such WAL file.
  constexpr std::string_view kGone[] = {"42704", "55000", "58P01"};
  return std::ranges::find(kGone, error.sqlstate) != std::end(kGone);
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

// What is known of an error with this SQLSTATE and one of these parts in its message; empty:
// whatever they are. `remedy` may name the {plugin}, its {package} and the {slot}.
struct Known {
  std::string_view sqlstate;
  std::vector<std::string_view> says;
  std::string_view remedy;
  bool user_must_act = true;
};

// The first that fits counts.
const std::vector<Known>& AllKnown() {
  static constexpr std::string_view kPackage = "{package}";
  static constexpr std::string_view kInUse =
      "another client is following this slot: stop it, give this one a slot of its own, or end "
      "that session with pg_terminate_backend(pid)";
  static constexpr std::string_view kNoSlotIsFree =
      "drop a slot that nobody uses (SELECT pg_catalog.pg_drop_replication_slot(...)) or raise "
      "max_replication_slots in postgresql.conf and restart the server";
  static const std::vector<Known> kKnown = {
      {{},
       {"may not be used as an output plugin"},
       "the server allows only listed plugins: add {plugin} to output_plugin_libraries in "
       "postgresql.conf (output_plugin_libraries = 'pgoutput, test_decoding, {plugin}', not with "
       "ALTER SYSTEM, which stores one quoted name) and reload"},
      // Also a file that is missing (58P01), as a plugin's library may be.
      {{},
       {"requested WAL segment", "can no longer get changes from replication slot",
        "has been invalidated"},
       "the server no longer has the WAL that slot {slot} needs: drop the slot, start again from a "
       "new snapshot, and raise max_slot_wal_keep_size"},
      {{}, {"could not access file"}, kPackage},
      {"58P01", {}, kPackage},
      {{}, {"is active for PID"}, kInUse, false},
      {"55006", {}, kInUse, false},
      {{}, {"wal_level"}, "set wal_level = logical in postgresql.conf and restart the server"},
      {{}, {"max_wal_senders"}, "raise max_wal_senders in postgresql.conf and restart the server"},
      {"53400", {}, kNoSlotIsFree},
      {{}, {"all replication slots are in use"}, kNoSlotIsFree},
      {"53300",
       {"too many connections for role"},
       "raise the role's own limit (ALTER ROLE ... CONNECTION LIMIT), or end sessions of it that "
       "are "
       "not needed",
       false},
      {"53300",
       {"too many connections for database"},
       "raise the database's own limit (ALTER DATABASE ... CONNECTION LIMIT), or end sessions in "
       "it "
       "that are not needed",
       false},
      {"53300", {}, "raise max_connections, or end sessions that are not needed", false},
      {{},
       {"replication role", "REPLICATION attribute", "permission denied to use replication slots",
        "permission denied to start WAL sender"},
       "give the user the right: ALTER ROLE ... REPLICATION (as a superuser)"},
      {{},
       {"no pg_hba.conf entry"},
       "add a line for this user, database and address to pg_hba.conf and reload"},
      {{},
       {kSnapshotTooLarge},
       "too many subtransactions (savepoints) are open: try again when fewer are",
       false},
      {{},
       {"could not map filenode"},
       "a table was truncated or rewritten while the slot was made, and the server cannot decode a "
       "transaction of that moment: attach again, with a new slot",
       false},
      {"55P03",
       {},
       "a transaction with changes is open, in some database, or is prepared (see "
       "pg_stat_activity.backend_xid and pg_prepared_xacts): a slot can only be made when those of "
       "its start have ended",
       false},
      {"42710", {"replication slot"}, "drop slot {slot} or choose another name"},
      {"42704",
       {"replication slot"},
       "slot {slot} was dropped or never made: start again from a new snapshot"},
  };
  return kKnown;
}

bool Fits(const Known& known, const Error& error) {
  if (!known.sqlstate.empty() && known.sqlstate != error.sqlstate) return false;
  return known.says.empty() || std::ranges::any_of(known.says, [&](std::string_view part) {
           return error.message.find(part) != std::string::npos;
         });
}

Remedy Find(const Error& error, const RemedyContext& context) {
  const auto known = std::ranges::find_if(
      AllKnown(), [&](const Known& candidate) { return Fits(candidate, error); });
  if (known == AllKnown().end()) return {};
  const std::string plugin = context.plugin.empty() ? "the plugin" : context.plugin;
  return {fmt::format(fmt::runtime(known->remedy), fmt::arg("plugin", plugin),
                      fmt::arg("package", PackageOf(context)), fmt::arg("slot", context.slot)),
          known->user_must_act};
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
