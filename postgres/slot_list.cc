#include "postgres/slot_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "model/log_schemas.h"

namespace lockstep::postgres {
namespace {

using model::Result;

constexpr std::string_view kPrefix = "lockstep_";
constexpr std::size_t kRunDigits = 8;
// What a listener calls its sessions: "lockstep " and its id.
constexpr std::string_view kSessions = "lockstep ";
constexpr int kTellsInactiveSince = 170000;

enum Field {
  kName,
  kPlugin,
  kDatabase,
  kTemporary,
  kActive,
  kPid,
  kApplication,
  kLag,
  kHeld,
  kWalStatus,
  kInactiveSince,
  kInactiveSeconds,
  kHere,  // its database is the one that is connected to
};

// A standby has no write position of its own.
std::string SlotQuery(int server_version) {
  const bool tells = server_version >= kTellsInactiveSince;
  return fmt::format(
      "SELECT s.slot_name, s.plugin, s.database, s.temporary, s.active, s.active_pid, "
      "a.application_name, pg_catalog.pg_wal_lsn_diff(w.now, "
      "s.confirmed_flush_lsn)::pg_catalog.int8, "
      "pg_catalog.pg_wal_lsn_diff(w.now, s.restart_lsn)::pg_catalog.int8, s.wal_status, {}, {}, "
      "s.database = pg_catalog.current_database() "
      "FROM pg_catalog.pg_replication_slots s "
      "LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = s.active_pid, "
      "(SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() "
      "ELSE pg_catalog.pg_current_wal_lsn() END AS now) w "
      "ORDER BY s.slot_name COLLATE \"C\"",
      tells ? "pg_catalog.date_trunc('second', s.inactive_since)" : "NULL",
      tells ? "extract(epoch FROM pg_catalog.clock_timestamp() - s.inactive_since)::bigint"
            : "NULL::bigint");
}

// Schemas and publications that are named as a run's or an audit's, with its id, and the log of
// truncations that stays.
std::string MadeQuery() {
  return fmt::format(
      R"(
SELECT 'publication', pubname::pg_catalog.text, pg_catalog.left(pubname::pg_catalog.text, {1}),
  pg_catalog.format('DROP PUBLICATION %I;', pubname)
FROM pg_catalog.pg_publication WHERE pubname ~ '{0}(_[a-z_]+)?$'
UNION ALL
SELECT 'schema', nspname::pg_catalog.text, pg_catalog.left(nspname::pg_catalog.text, {1}),
  pg_catalog.format('DROP SCHEMA %I CASCADE;', nspname)
FROM pg_catalog.pg_namespace WHERE nspname ~ '{0}(_truncation|_ddl)?$'
UNION ALL
SELECT 'truncation log', nspname::pg_catalog.text, NULL,
  pg_catalog.format('DROP SCHEMA %I CASCADE;', nspname)
FROM pg_catalog.pg_namespace WHERE nspname = '{2}'
ORDER BY 2, 1)",
      "^lockstep_[0-9a-f]{8}", kPrefix.size() + kRunDigits, model::kLastingTruncationLog);
}

enum MadeField { kKind, kMadeName, kRun, kRemoval };

std::optional<std::int64_t> NumberAt(const QueryResult& result, int row, int column) {
  if (result.IsNull(row, column)) return std::nullopt;
  const std::string_view text = result.Text(row, column);
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// Where only its reader tells that a slot is Lockstep's.
std::optional<SlotOwner> OwnerBySession(std::string_view application) {
  if (!application.starts_with(kSessions)) return std::nullopt;
  return SlotOwner{.listener = std::string(application.substr(kSessions.size()))};
}

ListedSlot SlotAt(const QueryResult& result, int row) {
  ListedSlot slot{.name = std::string(result.Text(row, kName)),
                  .owner = OwnerByName(result.Text(row, kName)),
                  .plugin = std::string(result.Text(row, kPlugin)),
                  .database = std::string(result.Text(row, kDatabase)),
                  .temporary = result.Text(row, kTemporary) == "t",
                  .active = result.Text(row, kActive) == "t",
                  .pid = static_cast<int>(NumberAt(result, row, kPid).value_or(0)),
                  .application = std::string(result.Text(row, kApplication)),
                  .inactive_since = std::string(result.Text(row, kInactiveSince)),
                  .inactive_s = NumberAt(result, row, kInactiveSeconds),
                  .lag_bytes = NumberAt(result, row, kLag),
                  .held_wal_bytes = NumberAt(result, row, kHeld),
                  .wal_status = std::string(result.Text(row, kWalStatus))};
  // A physical slot is never ours, whatever its name.
  if (slot.plugin.empty()) slot.owner.reset();
  slot.named_by_us = slot.owner.has_value();
  if (!slot.owner && !slot.plugin.empty()) slot.owner = OwnerBySession(slot.application);
  return slot;
}

LeftObject ObjectAt(const QueryResult& made, int row) {
  return {.kind = std::string(made.Text(row, kKind)),
          .name = std::string(made.Text(row, kMadeName)),
          .removal = std::string(made.Text(row, kRemoval))};
}

bool HasSchema(const QueryResult& made, std::string_view name) {
  for (int row = 0; row < made.rows(); ++row) {
    if (made.Text(row, kKind) == "schema" && made.Text(row, kMadeName) == name) return true;
  }
  return false;
}

}  // namespace

std::optional<SlotOwner> OwnerByName(std::string_view slot) {
  if (!slot.starts_with(kPrefix)) return std::nullopt;
  const std::string_view rest = slot.substr(kPrefix.size());
  for (std::string_view purpose : {"preflight", "probe"}) {
    if (rest.starts_with(purpose) && rest.size() > purpose.size() + 1 &&
        rest.substr(purpose.size()).find_first_not_of("_0123456789") == std::string_view::npos) {
      return SlotOwner{.listener = std::string(purpose)};
    }
  }
  if (rest.size() < kRunDigits + 2 || rest[kRunDigits] != '_') return std::nullopt;
  const std::string_view run = rest.substr(0, kRunDigits);
  if (run.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
  return SlotOwner{.run = std::string(slot.substr(0, kPrefix.size() + kRunDigits)),
                   .listener = std::string(rest.substr(kRunDigits + 1))};
}

Result<SlotList> ListSlots(Connection& connection) {
  auto database = connection.Scalar("SELECT pg_catalog.current_database()");
  if (!database) return std::unexpected(std::move(database.error()));
  // The slots first: a run makes its schema before its slots.
  auto slots = connection.Execute(SlotQuery(connection.server_version()));
  if (!slots) return Fail("reading the replication slots", slots.error());
  auto made = connection.Execute(MadeQuery());
  if (!made) return Fail("reading what runs left", made.error());

  SlotList list{.database = std::move(*database), .server_version = connection.server_version()};
  for (int row = 0; row < slots->rows(); ++row) {
    list.slots.push_back(SlotAt(*slots, row));
    ListedSlot& slot = list.slots.back();
    if (slot.owner && !slot.owner->run.empty() && slots->Text(row, kHere) == "t")
      slot.run_exists = HasSchema(*made, slot.owner->run);
  }
  for (int row = 0; row < made->rows(); ++row) {
    LeftObject object = ObjectAt(*made, row);
    if (made->IsNull(row, kRun)) {
      list.logs.push_back(std::move(object));
    } else if (std::ranges::none_of(list.slots, [&](const ListedSlot& slot) {
                 return slot.owner && slot.owner->run == made->Text(row, kRun);
               })) {
      list.left.push_back(std::move(object));
    }
  }
  return list;
}

}  // namespace lockstep::postgres
