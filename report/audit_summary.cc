#include "report/audit_summary.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "model/exclusion.h"
#include "model/lsn.h"
#include "report/number_text.h"
#include "report/shown_text.h"
#include "report/text_table.h"

namespace lockstep::report {
namespace {

constexpr std::size_t kDifferencesShown = 10;
constexpr std::size_t kReasonsShown = 10;

std::string UpperCase(std::string_view text) {
  std::string upper;
  std::ranges::transform(text, std::back_inserter(upper),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return upper;
}

std::string KeyText(const model::NamedTexts& key) {
  std::vector<std::string> parts;
  for (const auto& [column, text] : key) parts.push_back(column + " = " + ShownValue(text));
  return parts.empty() ? "(the table has no key)" : fmt::format("{}", fmt::join(parts, ", "));
}

// Column, source, replica: of a row that both have, the columns that differ, else all.
TextRows ColumnRows(const AuditDifference& difference) {
  TextRows rows;
  const bool both = difference.source && difference.replicated;
  const model::NamedTexts& columns =
      difference.source ? *difference.source : *difference.replicated;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    // Unset: there is no such row; empty inside: the value is null.
    using Shown = std::optional<std::optional<std::string>>;
    const auto cell = [&](const std::optional<model::NamedTexts>& row) {
      return row && i < row->size() ? Shown(std::in_place, (*row)[i].second) : Shown();
    };
    const auto source = cell(difference.source);
    const auto replicated = cell(difference.replicated);
    if (both && source == replicated) continue;
    rows.push_back({columns[i].first, source ? ShownValue(*source) : "-",
                    replicated ? ShownValue(*replicated) : "-"});
  }
  return rows;
}

std::string WritersText(const AuditDifference& difference) {
  std::string text;
  if (difference.source_xid.value != 0)
    text += fmt::format("    source: written by xid {}\n", difference.source_xid.value);
  if (difference.replica_xid.value != 0) {
    text += fmt::format("    replica: written last by xid {}, end LSN {}\n",
                        difference.replica_xid.value, ToString(difference.replica_lsn));
  }
  return text;
}

// "860 not judged: 748 gone, 82 stand for their partitions, ...": the most first.
std::string ExclusionsText(const AuditReport& report) {
  const auto counts = CountExclusions(report);
  std::vector<std::pair<model::ExclusionKind, std::size_t>> sorted(counts.begin(), counts.end());
  std::ranges::sort(sorted, [](const auto& left, const auto& right) {
    return left.second != right.second ? left.second > right.second : left.first < right.first;
  });
  std::size_t sum = 0;
  std::vector<std::string> parts;
  for (const auto& [kind, count] : sorted) {
    sum += count;
    parts.push_back(fmt::format("{} {}", Grouped(count), model::PhraseOf(kind)));
  }
  if (sum == 0) return {};
  return fmt::format("{} not judged: {}\n", Grouped(sum), fmt::join(parts, ", "));
}

std::string TablesText(const AuditReport& report) {
  TextRows rows = {{"table", "status", "rows", "changes", "proven", "compared", "reason"}};
  for (const AuditedTable& table : MergeTables(report.auditors)) {
    if (table.status == TableStatus::kExcluded && LeavesNothingOut(table.why_excluded)) continue;
    rows.push_back({OneLine(fmt::format("{}.{}", table.schema, table.name)),
                    std::string(ToString(table.status)), Grouped(table.rows),
                    Grouped(table.changes), Grouped(table.proven), Grouped(table.comparisons),
                    OneLine(table.reason)});
  }
  return (rows.size() == 1 ? "No tables.\n" : TextTable(rows, "llrrrrl", "")) +
         ExclusionsText(report);
}

// What is not proven, by reason.
struct Unproven {
  std::uint64_t changes = 0;
  std::size_t tables = 0;
  model::Lsn from;
  model::Lsn to;
};

void Add(Unproven& sum, const UnprovenChanges& more) {
  if (sum.changes == 0 || more.from < sum.from) sum.from = more.from;
  sum.to = std::max(sum.to, more.to);
  sum.changes += more.changes;
}

// "pgoutput: 12 of 300 changes are not proven: ...", the most first.
std::string UnprovenText(const AuditResult& auditor) {
  std::map<std::string, Unproven> by_reason;
  for (const UnprovenChanges& one : auditor.unread) Add(by_reason[one.reason], one);
  for (const AuditedTable& table : auditor.tables) {
    for (const UnprovenChanges& one : table.unproven) {
      Unproven& sum = by_reason[one.reason];
      Add(sum, one);
      ++sum.tables;
    }
  }
  if (by_reason.empty()) return {};
  std::vector<std::pair<std::string, Unproven>> sorted(by_reason.begin(), by_reason.end());
  std::ranges::sort(sorted, [](const auto& left, const auto& right) {
    if (left.second.changes != right.second.changes)
      return left.second.changes > right.second.changes;
    return left.first < right.first;
  });
  std::string text =
      fmt::format("{}: {} of {} changes are not proven:\n", auditor.plugin,
                  Grouped(auditor.changes - auditor.proven), Grouped(auditor.changes));
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i == kReasonsShown) {
      text += fmt::format("  and {} more reasons, in the report\n", sorted.size() - i);
      break;
    }
    const auto& [reason, sum] = sorted[i];
    text += fmt::format(
        "  {}{}, {} to {}: {}\n", Grouped(sum.changes),
        sum.tables == 0 ? "" : fmt::format(" of {} table{}", sum.tables, sum.tables > 1 ? "s" : ""),
        ToString(sum.from), ToString(sum.to), OneLine(reason));
  }
  return text;
}

std::string ExcusesText(const AuditResult& auditor) {
  std::string text;
  for (const AuditExcuse& excuse : auditor.excuses) {
    text += fmt::format("{}: {} row{} of {}.{} differed at {} and may be right: {}\n",
                        auditor.plugin, Grouped(excuse.rows), excuse.rows == 1 ? "" : "s",
                        excuse.schema, excuse.table, ToString(excuse.lsn), OneLine(excuse.reason));
    if (!excuse.examples.empty()) text += AuditDifferenceText(excuse.examples.front());
  }
  return text;
}

std::string WhatHappened(const AuditResync& resync) {
  if (resync.schema.empty())
    return fmt::format("all tables: {} (seen at {})", OneLine(resync.reason), ToString(resync.lsn));
  return fmt::format("{} {} (seen at {})",
                     OneLine(fmt::format("{}.{}", resync.schema, resync.table)),
                     OneLine(resync.reason), ToString(resync.lsn));
}

std::string UntilText(model::Lsn copied_at) {
  return copied_at.IsValid()
             ? fmt::format("read anew at {}, not proven in between", ToString(copied_at))
             : "not read since";
}

// Those of tables that were read together are one line.
std::string ResyncsText(const AuditResult& auditor) {
  std::string text;
  for (std::size_t i = 0; i < auditor.resyncs.size();) {
    const model::Lsn copied_at = auditor.resyncs[i].copied_at;
    std::string tables;
    for (; i < auditor.resyncs.size() && auditor.resyncs[i].copied_at == copied_at; ++i)
      tables += (tables.empty() ? "" : ", ") + WhatHappened(auditor.resyncs[i]);
    text += fmt::format("{}: {}; {}\n", auditor.plugin, tables, UntilText(copied_at));
  }
  return text;
}

std::string AuditorsText(const AuditReport& report) {
  TextRows rows = {{"plugin", "commits", "changes", "proven", "checkpoints", "rows compared",
                    "from", "end LSN"}};
  std::string notes;
  for (const AuditResult& auditor : report.auditors) {
    rows.push_back({auditor.plugin, Grouped(auditor.transactions), Grouped(auditor.changes),
                    Grouped(auditor.proven), Grouped(auditor.checkpoints),
                    Grouped(auditor.rows_compared), ToString(auditor.joined),
                    ToString(auditor.end_lsn)});
    notes += ResyncsText(auditor) + UnprovenText(auditor) + ExcusesText(auditor);
    if (!auditor.sabotage.empty())
      notes += fmt::format("{}: the stream was to be falsified: {}\n", auditor.plugin,
                           OneLine(auditor.sabotage));
    if (auditor.skipped_checkpoints > 0) {
      notes += fmt::format("{}: {} checkpoint{} could not be made: {}\n", auditor.plugin,
                           auditor.skipped_checkpoints, auditor.skipped_checkpoints == 1 ? "" : "s",
                           auditor.skipped_reason);
    }
    std::vector<std::string> losses;
    for (const auto& [loss, cells] : auditor.projected)
      losses.push_back(fmt::format("{} {}", Grouped(cells), loss));
    if (!losses.empty()) {
      notes += fmt::format("{} cannot show, so compared without: {}\n", auditor.plugin,
                           fmt::join(losses, ", "));
    }
  }
  return TextTable(rows, "lrrrrrll", "") + notes;
}

std::string WaitsText(const std::vector<StatementWait>& waits) {
  std::string text;
  for (const StatementWait& wait : waits) {
    text += fmt::format(
        "waited for this audit's locks: {}{}, {} time{}, {:.1f} s in all, {:.1f} s "
        "at most\n",
        wait.statement.empty() ? "a statement" : wait.statement,
        wait.table.empty() ? "" : " of " + wait.table, Grouped(wait.count),
        wait.count == 1 ? "" : "s", wait.total_s, wait.longest_s);
  }
  return text;
}

}  // namespace

std::string AuditResyncText(const AuditResync& resync) {
  return fmt::format("{}; {}", WhatHappened(resync), UntilText(resync.copied_at));
}

std::string AuditDifferenceText(const AuditDifference& difference) {
  std::string text = fmt::format("  {}, row {}, at {}\n",
                                 OneLine(fmt::format("{}.{}", difference.schema, difference.table)),
                                 KeyText(difference.key), ToString(difference.checkpoint));
  if (!difference.misfit.empty()) text += fmt::format("    {}\n", OneLine(difference.misfit));
  if (difference.source || difference.replicated) {
    TextRows rows = {{"", difference.source ? "source" : "source: no such row",
                      difference.replicated ? "replicated" : "replicated: no such row"}};
    for (auto& row : ColumnRows(difference)) rows.push_back(std::move(row));
    text += TextTable(rows, "lll", "    ");
  }
  return text + WritersText(difference);
}

std::string AuditSummaryText(const AuditReport& report) {
  std::string text = AuditorsText(report) + "\n" + TablesText(report) + "\n";
  for (const AuditResult& auditor : report.auditors) {
    if (auditor.differences.empty()) continue;
    text += fmt::format("{}: {} difference{}\n", auditor.plugin, Grouped(auditor.difference_count),
                        auditor.difference_count == 1 ? "" : "s");
    const std::size_t shown = std::min(auditor.differences.size(), kDifferencesShown);
    for (std::size_t i = 0; i < shown; ++i) text += AuditDifferenceText(auditor.differences[i]);
  }
  text += WaitsText(report.waits);
  text += fmt::format("Verdict: {} (exit {})\n", UpperCase(ToString(VerdictOf(report))),
                      static_cast<int>(ExitCodeOf(report)));
  if (const std::string reason = ReasonOf(report); !reason.empty())
    text += Paragraph(reason) + "\n";
  return text;
}

}  // namespace lockstep::report
