#include "report/audit_result.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <utility>

namespace lockstep::report {

using model::VerdictKind;

std::string_view ToString(TableStatus status) {
  switch (status) {
    case TableStatus::kEqual:
      return "equal";
    case TableStatus::kExcluded:
      return "excluded";
    case TableStatus::kDifferent:
      return "different";
  }
  __builtin_unreachable();
}

void AddUnproven(std::vector<UnprovenChanges>& list, UnprovenChanges more) {
  if (more.changes == 0) return;
  if (list.empty() || list.back().reason != more.reason) {
    list.push_back(std::move(more));
    return;
  }
  list.back().changes += more.changes;
  list.back().to = more.to;
}

namespace {

std::size_t Count(const AuditResult& auditor, TableStatus status) {
  return static_cast<std::size_t>(
      std::ranges::count(auditor.tables, status, &AuditedTable::status));
}

// Those of the first table; the report has all.
std::string ExcusesText(const std::vector<AuditExcuse>& excuses) {
  const AuditExcuse& first = excuses.front();
  std::string text = fmt::format("{} row{} of table {}.{} differed at {}, maybe because {}",
                                 first.rows, first.rows == 1 ? "" : "s", first.schema, first.table,
                                 ToString(first.lsn), first.reason);
  if (excuses.size() > 1) text += fmt::format(", and so in {} more cases", excuses.size() - 1);
  return text;
}

// What --strict does not let pass; empty: nothing.
std::string Omission(const AuditResult& auditor) {
  for (const AuditedTable& table : auditor.tables) {
    if (table.status != TableStatus::kExcluded || LeavesNothingOut(table.why_excluded)) continue;
    return fmt::format("table {}.{} was not judged: {}", table.schema, table.name, table.reason);
  }
  if (auditor.resyncs.empty()) return {};
  const AuditResync& first = auditor.resyncs.front();
  const std::string what = first.schema.empty()
                               ? "all tables were"
                               : fmt::format("table {}.{} was", first.schema, first.table);
  return fmt::format("{} read anew: {}", what, first.reason);
}

// Why this auditor's word is not enough; empty: it is.
std::string Doubt(const AuditResult& auditor) {
  if (!auditor.reason.empty()) return auditor.reason;
  if (!auditor.finished) return "the comparison at the end was not made";
  if (Count(auditor, TableStatus::kEqual) == 0) return "no table could be compared";
  if (auditor.changes > 0 && auditor.proven == 0)
    return fmt::format("none of the {} changes that arrived is proven", auditor.changes);
  if (!auditor.excuses.empty()) return ExcusesText(auditor.excuses);
  if (!auditor.sabotage.empty())
    return fmt::format("the stream was to be falsified, and nothing differs: {}", auditor.sabotage);
  return {};
}

// What was asked for beside what an auditor says.
std::string Demand(const AuditReport& report) {
  if (report.requires_success && report.command_status != 0) {
    return report.command_status
               ? fmt::format("the command exited with {} (--require-command-success)",
                             *report.command_status)
               : "the command did not run to its end (--require-command-success)";
  }
  if (!report.is_strict) return {};
  for (const AuditResult& auditor : report.auditors) {
    if (const std::string omission = Omission(auditor); !omission.empty())
      return fmt::format("{}: {} (--strict)", auditor.id, omission);
  }
  return {};
}

}  // namespace

VerdictKind VerdictOf(const AuditReport& report) {
  const bool diverged = std::ranges::any_of(report.auditors, [](const AuditResult& auditor) {
    return auditor.difference_count > 0 || Count(auditor, TableStatus::kDifferent) > 0;
  });
  if (diverged) return VerdictKind::kDiverged;
  const bool sure = !report.auditors.empty() && report.reason.empty() && Demand(report).empty() &&
                    std::ranges::all_of(report.auditors, [](const AuditResult& auditor) {
                      return Doubt(auditor).empty();
                    });
  return sure ? VerdictKind::kConverged : VerdictKind::kInconclusive;
}

std::string ReasonOf(const AuditReport& report) {
  const VerdictKind kind = VerdictOf(report);
  if (kind == VerdictKind::kConverged) return {};
  std::string reason;
  const auto add = [&](const std::string& sentence) {
    reason += (reason.empty() ? "" : "; ") + sentence;
  };
  if (kind == VerdictKind::kDiverged) {
    for (const AuditedTable& table : MergeTables(report.auditors)) {
      if (table.status != TableStatus::kDifferent) continue;
      add(fmt::format("table {}.{} differs: {}", table.schema, table.name, table.reason));
    }
    return reason;
  }
  if (!report.reason.empty()) add(report.reason);
  for (const AuditResult& auditor : report.auditors) {
    const std::string doubt = Doubt(auditor);
    if (!doubt.empty()) add(fmt::format("{}: {}", auditor.id, doubt));
  }
  if (const std::string demand = Demand(report); !demand.empty()) add(demand);
  return reason;
}

model::ExitCode ExitCodeOf(const AuditReport& report) {
  return report.error ? model::ExitCodeOf(*report.error) : model::ExitCodeOf(VerdictOf(report));
}

std::map<model::ExclusionKind, std::size_t> CountExclusions(const AuditReport& report) {
  std::map<model::ExclusionKind, std::size_t> counts;
  for (const AuditedTable& table : MergeTables(report.auditors)) {
    if (table.status == TableStatus::kExcluded) ++counts[table.why_excluded];
  }
  return counts;
}

namespace {

struct Merged {
  AuditedTable table;
  // Reason and the plugins that give it, of the auditors with the table's status.
  std::map<std::string, std::vector<std::string>> reasons;
};

std::string ReasonText(const Merged& merged, std::size_t auditors) {
  // Equal is equal; where each began to follow is with the auditors.
  if (merged.table.status == TableStatus::kEqual && !merged.reasons.empty())
    return merged.reasons.rbegin()->first;
  std::string text;
  for (const auto& [reason, plugins] : merged.reasons) {
    if (plugins.size() == auditors) return reason;
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", fmt::join(plugins, ", "), reason);
  }
  return text;
}

}  // namespace

std::vector<AuditedTable> MergeTables(const std::vector<AuditResult>& auditors) {
  std::map<std::pair<std::string, std::string>, Merged> merged;
  for (const AuditResult& auditor : auditors) {
    for (const AuditedTable& table : auditor.tables) {
      auto [place, added] = merged.try_emplace({table.schema, table.name}, Merged{table, {}});
      auto& [kept, reasons] = place->second;
      const std::uint64_t changes = std::max(kept.changes, table.changes);
      const std::uint64_t proven = std::min(kept.proven, table.proven);
      const std::uint64_t rows = std::max(kept.rows, table.rows);
      // Of two exclusions the one that leaves something out.
      const bool is_worse = table.status == TableStatus::kExcluded && kept.status == table.status &&
                            LeavesNothingOut(kept.why_excluded) &&
                            !LeavesNothingOut(table.why_excluded);
      if (is_worse) kept.why_excluded = table.why_excluded;
      if (table.status > kept.status) {
        kept = table;
        reasons.clear();
      }
      if (table.status == kept.status && !table.reason.empty())
        reasons[table.reason].push_back(auditor.plugin);
      kept.changes = changes;
      kept.proven = proven;
      kept.rows = rows;
    }
  }
  std::vector<AuditedTable> tables;
  for (auto& [name, one] : merged) {
    one.table.reason = ReasonText(one, auditors.size());
    tables.push_back(std::move(one.table));
  }
  return tables;
}

}  // namespace lockstep::report
