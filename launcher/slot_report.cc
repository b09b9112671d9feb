#include "launcher/slot_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "report/number_text.h"
#include "report/shown_text.h"

namespace lockstep::launcher {
namespace {

using Json = nlohmann::ordered_json;
using postgres::ListedSlot;
using postgres::SlotList;

constexpr std::size_t kColumns = 8;
using Line = std::array<std::string, kColumns>;

std::string Bytes(std::optional<std::int64_t> bytes) {
  // Below zero when the server's write position was read before the slot's.
  return bytes ? report::ByteText(static_cast<std::uint64_t>(std::max<std::int64_t>(*bytes, 0)))
               : "-";
}

std::string OwnerText(const ListedSlot& slot) {
  if (!slot.owner) return "-";
  if (slot.owner->run.empty()) return slot.owner->listener;
  return fmt::format("run {}, listener {}", slot.owner->run.substr(slot.owner->run.find('_') + 1),
                     slot.owner->listener);
}

std::string StateText(const ListedSlot& slot) {
  if (slot.active) {
    return slot.application.empty() ? fmt::format("active, pid {}", slot.pid)
                                    : fmt::format("active, pid {} {}", slot.pid, slot.application);
  }
  if (!slot.inactive_s) return "inactive";
  return fmt::format("inactive for {}, since {}", DurationText(*slot.inactive_s),
                     slot.inactive_since);
}

std::string Section(const std::string& title, const std::vector<Line>& lines) {
  std::string text = fmt::format("\n{}\n", report::OneLine(title));
  if (lines.size() < 2) return text + "  none\n";
  std::array<std::size_t, kColumns> widths{};
  std::vector<Line> shown = lines;
  for (Line& line : shown) {
    for (std::size_t i = 0; i < kColumns; ++i) {
      line[i] = report::OneLine(line[i]);
      widths[i] = std::max(widths[i], line[i].size());
    }
  }
  for (const Line& line : shown) {
    std::string row = " ";
    for (std::size_t i = 0; i < kColumns; ++i) row += fmt::format(" {:<{}} ", line[i], widths[i]);
    row.erase(row.find_last_not_of(' ') + 1);
    text += row + "\n";
  }
  return text;
}

// Empty where there are none.
std::string Section(const std::string& title, const std::vector<postgres::LeftObject>& objects) {
  if (objects.empty()) return "";
  std::size_t width = 0;
  for (const postgres::LeftObject& object : objects) width = std::max(width, object.kind.size());
  std::string text = fmt::format("\n{}\n", report::OneLine(title));
  for (const postgres::LeftObject& object : objects) {
    text += fmt::format("  {:<{}}  {}\n  {:<{}}  {}\n", object.kind, width,
                        report::OneLine(object.name), "", width, report::OneLine(object.removal));
  }
  return text;
}

Json ObjectsJson(const std::vector<postgres::LeftObject>& objects) {
  Json json = Json::array();
  for (const postgres::LeftObject& object : objects) {
    json.push_back({{"kind", object.kind}, {"name", object.name}, {"removal", object.removal}});
  }
  return json;
}

Line LineOf(const ListedSlot& slot) {
  return {slot.name,
          OwnerText(slot),
          slot.database.empty() ? "-" : slot.database,
          slot.plugin.empty() ? "physical" : slot.plugin,
          Bytes(slot.lag_bytes),
          Bytes(slot.held_wal_bytes),
          slot.wal_status.empty() ? "-" : slot.wal_status,
          StateText(slot)};
}

Json SlotJson(const ListedSlot& slot) {
  const auto or_null = [](const auto& value) { return value ? Json(*value) : Json(nullptr); };
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
  };
  Json json;
  json["name"] = slot.name;
  if (slot.owner) {
    json["run"] = text_or_null(slot.owner->run);
    json["listener"] = slot.owner->listener;
    json["run_exists"] = or_null(slot.run_exists);
  }
  json["plugin"] = text_or_null(slot.plugin);
  json["database"] = text_or_null(slot.database);
  json["temporary"] = slot.temporary;
  json["active"] = slot.active;
  json["pid"] = slot.pid == 0 ? Json(nullptr) : Json(slot.pid);
  json["application_name"] = text_or_null(slot.application);
  json["inactive_since"] = text_or_null(slot.inactive_since);
  json["lag_bytes"] = or_null(slot.lag_bytes);
  json["held_wal_bytes"] = or_null(slot.held_wal_bytes);
  json["wal_status"] = text_or_null(slot.wal_status);
  return json;
}

std::string Outcome(const Pruning& pruning, const PrunedSlot& pruned) {
  if (!pruned.error.empty()) return "failed";
  if (!pruned.decision.drop) return "kept";
  return pruning.dry_run ? "would drop" : "dropped";
}

std::string Dump(const Json& json) {
  // A name in a SQL_ASCII database need not be UTF-8.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string SlotListText(const SlotList& list, const std::string& where) {
  const Line header = {"slot", "made for", "database", "plugin", "lag", "WAL held", "WAL", "state"};
  std::vector<Line> ours = {header};
  std::vector<Line> others = {header};
  for (const ListedSlot& slot : list.slots) (slot.owner ? ours : others).push_back(LineOf(slot));
  std::string text = fmt::format("PostgreSQL {}.{}, {}\n", list.server_version / 10000,
                                 list.server_version % 10000, report::OneLine(where));
  text += Section("Slots of Lockstep", ours);
  text += Section("Slots of others (never touched)", others);
  text +=
      Section(fmt::format("Left in database {} by runs and audits that have no slot (if none is "
                          "just starting)",
                          list.database),
              list.left);
  text +=
      Section(fmt::format("Made for TRUNCATE on decoderbufs in database {} (a listener or an audit "
                          "may need it)",
                          list.database),
              list.logs);
  return text;
}

std::string PruningText(const Pruning& pruning) {
  if (pruning.slots.empty()) return "there is no slot of Lockstep\n";
  std::size_t width = 0;
  for (const PrunedSlot& pruned : pruning.slots) width = std::max(width, pruned.slot.name.size());
  std::string text;
  for (const PrunedSlot& pruned : pruning.slots) {
    text += fmt::format("{:<10}  {:<{}}  {}\n", Outcome(pruning, pruned), pruned.slot.name, width,
                        pruned.decision.reason);
    if (!pruned.error.empty())
      text += fmt::format("            {}\n", report::OneLine(pruned.error));
  }
  return text;
}

std::string SlotListJson(const SlotList& list, const std::string& where) {
  Json json;
  json["server"] = where;
  json["database"] = list.database;
  json["server_version"] = list.server_version;
  json["slots"] = Json::array();
  json["foreign_slots"] = Json::array();
  for (const ListedSlot& slot : list.slots)
    json[slot.owner ? "slots" : "foreign_slots"].push_back(SlotJson(slot));
  json["left"] = ObjectsJson(list.left);
  json["logs"] = ObjectsJson(list.logs);
  return Dump(json);
}

std::string PruningJson(const Pruning& pruning) {
  Json json;
  json["server"] = pruning.server;
  json["dry_run"] = pruning.dry_run;
  json["exit_code"] = static_cast<int>(ExitCodeOf(pruning));
  if (pruning.broken) json["error"] = pruning.broken->message;
  json["slots"] = Json::array();
  for (const PrunedSlot& pruned : pruning.slots) {
    json["slots"].push_back(
        {{"name", pruned.slot.name},
         {"outcome", Outcome(pruning, pruned)},
         {"reason", pruned.decision.reason},
         {"held_wal_bytes",
          pruned.slot.held_wal_bytes ? Json(*pruned.slot.held_wal_bytes) : Json(nullptr)},
         {"error", pruned.error.empty() ? Json(nullptr) : Json(pruned.error)}});
  }
  return Dump(json);
}

std::string SlotErrorJson(const model::Error& error) {
  return Dump(
      {{"error", error.message}, {"exit_code", static_cast<int>(model::ExitCodeOf(error))}});
}

model::ExitCode ExitCodeOf(const Pruning& pruning) {
  if (pruning.broken) return model::ExitCodeOf(*pruning.broken);
  const bool failed = std::ranges::any_of(
      pruning.slots, [](const PrunedSlot& pruned) { return !pruned.error.empty(); });
  return failed ? model::ExitCode::kUsage : model::ExitCode::kConverged;
}

}  // namespace lockstep::launcher
