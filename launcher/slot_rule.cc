#include "launcher/slot_rule.h"

#include <fmt/format.h>

#include "report/number_text.h"

namespace lockstep::launcher {
namespace {

std::string Bytes(std::int64_t bytes) {
  return report::ByteText(bytes < 0 ? 0 : static_cast<std::uint64_t>(bytes));
}

// What else would make it go, for a slot that is kept.
std::string Remaining(const postgres::ListedSlot& slot, const PruneRule& rule) {
  if (rule.older_than_s && !slot.inactive_s) {
    return "its run's schema is there, and this server does not tell since when a slot is inactive "
           "(PostgreSQL 17 does): --wal-above decides by what it holds";
  }
  if (rule.older_than_s || rule.wal_above_bytes)
    return "its run's schema is there, and it is below the bounds";
  return "its run's schema is there: --older-than or --wal-above drop it all the same";
}

}  // namespace

std::string DurationText(std::int64_t seconds) {
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 120 * 60) return fmt::format("{} min", seconds / 60);
  if (seconds < 48 * 3600) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} days", seconds / 86400);
}

Decision Decide(const postgres::ListedSlot& slot, const std::string& database,
                const PruneRule& rule) {
  if (!slot.owner) return {false, "not Lockstep's"};
  if (slot.active) return {false, fmt::format("in use by pid {}", slot.pid)};
  if (slot.temporary) return {false, "temporary: it goes with its session"};
  if (!slot.named_by_us || slot.owner->run.empty()) return {false, "not a run's"};
  if (slot.database != database) {
    return {false, fmt::format("of database {}: connect to that one, where its run's schema would "
                               "be",
                               slot.database)};
  }
  if (slot.run_exists == false)
    return {true, fmt::format("inactive, and its run's schema {} is gone", slot.owner->run)};
  if (slot.wal_status == "lost") return {true, "the server has invalidated it"};
  if (rule.older_than_s && slot.inactive_s && *slot.inactive_s >= *rule.older_than_s)
    return {true, fmt::format("inactive for {}", DurationText(*slot.inactive_s))};
  if (rule.wal_above_bytes && slot.held_wal_bytes && *slot.held_wal_bytes > *rule.wal_above_bytes)
    return {true, fmt::format("inactive, and holds {} of WAL", Bytes(*slot.held_wal_bytes))};
  return {false, Remaining(slot, rule)};
}

}  // namespace lockstep::launcher
