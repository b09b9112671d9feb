#include "report/audit_result.h"

#include <fmt/format.h>

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

namespace {

std::size_t Count(const AuditResult& auditor, TableStatus status) {
  return static_cast<std::size_t>(
      std::ranges::count(auditor.tables, status, &AuditedTable::status));
}

// Why this auditor's word is not enough; empty: it is.
std::string Doubt(const AuditResult& auditor) {
  if (!auditor.reason.empty()) return auditor.reason;
  if (!auditor.finished) return "the comparison at the end was not made";
  if (Count(auditor, TableStatus::kEqual) == 0) return "no table could be compared";
  return {};
}

}  // namespace

VerdictKind VerdictOf(const AuditReport& report) {
  const bool diverged = std::ranges::any_of(report.auditors, [](const AuditResult& auditor) {
    return auditor.difference_count > 0 || Count(auditor, TableStatus::kDifferent) > 0;
  });
  if (diverged) return VerdictKind::kDiverged;
  const bool sure = !report.auditors.empty() && report.reason.empty() &&
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
  return reason;
}

model::ExitCode ExitCodeOf(const AuditReport& report) {
  return report.error ? model::ExitCodeOf(*report.error) : model::ExitCodeOf(VerdictOf(report));
}

std::vector<AuditedTable> MergeTables(const std::vector<AuditResult>& auditors) {
  std::map<std::pair<std::string, std::string>, AuditedTable> merged;
  for (const AuditResult& auditor : auditors) {
    for (const AuditedTable& table : auditor.tables) {
      AuditedTable named = table;
      if (auditors.size() > 1 && !named.reason.empty())
        named.reason = fmt::format("{}: {}", auditor.plugin, named.reason);
      auto [place, added] = merged.try_emplace({table.schema, table.name}, named);
      if (added) continue;
      AuditedTable& kept = place->second;
      const std::uint64_t changes = std::max(kept.changes, table.changes);
      const std::uint64_t rows = std::max(kept.rows, table.rows);
      if (named.status > kept.status) {
        kept = std::move(named);
      } else if (named.status == kept.status && !named.reason.empty()) {
        kept.reason += "; " + named.reason;
      }
      kept.changes = changes;
      kept.rows = rows;
    }
  }
  std::vector<AuditedTable> tables;
  for (auto& [name, table] : merged) tables.push_back(std::move(table));
  return tables;
}

}  // namespace lockstep::report
