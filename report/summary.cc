#include "report/summary.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

#include "model/digest.h"
#include "model/lsn.h"
#include "report/number_text.h"
#include "report/shown_text.h"
#include "report/text_table.h"

namespace lockstep::report {
namespace {

// The report has all of them.
constexpr std::size_t kRowsShown = 10;
using Rows = TextRows;

std::string KeyText(const model::NamedTexts& key) {
  std::vector<std::string> parts;
  for (const auto& [column, text] : key) parts.push_back(column + " = " + ShownValue(text));
  return parts.empty() ? "(no key)" : fmt::format("{}", fmt::join(parts, ", "));
}

using Side = std::optional<model::NamedTexts>;

// Text of the column in that row; unset: no such row, or no such column.
std::optional<std::optional<std::string>> Find(const Side& row, const std::string& column) {
  if (!row) return std::nullopt;
  const auto found =
      std::ranges::find(*row, column, &std::pair<std::string, std::optional<std::string>>::first);
  if (found == row->end()) return std::nullopt;
  return found->second;
}

// The columns that are not the same on all sides that have the row.
Rows DifferentColumns(const std::array<Side, 3>& sides) {
  std::vector<std::string> columns;
  for (const Side& side : sides) {
    if (!side) continue;
    for (const auto& [column, text] : *side) {
      if (std::ranges::find(columns, column) == columns.end()) columns.push_back(column);
    }
  }
  Rows rows;
  for (const std::string& column : columns) {
    std::vector<std::string> cells = {column};
    std::vector<std::string> present;
    for (const Side& side : sides) {
      const auto value = Find(side, column);
      cells.push_back(value ? ShownValue(*value) : "-");
      // Compared in full: what is shown may be shortened.
      if (value) present.push_back(*value ? "'" + **value : "null");
    }
    if (std::ranges::adjacent_find(present, std::not_equal_to<>()) != present.end()) {
      rows.push_back(std::move(cells));
    }
  }
  return rows;
}

std::string DifferenceText(const model::RowDifference& row) {
  const std::array<Side, 3> sides = {row.expected, row.source, row.replicated};
  constexpr std::array<const char*, 3> kNames = {"expected", "source", "replicated"};
  std::string text = fmt::format("  row {}\n", KeyText(row.key));
  Rows table = DifferentColumns(sides);
  Rows head = {{""}};
  for (std::size_t i = 0; i < sides.size(); ++i) {
    head[0].push_back(kNames[i] + std::string(sides[i] ? "" : ": no such row"));
  }
  table.insert(table.begin(), head.begin(), head.end());
  return text + TextTable(table, "llll", "    ");
}

std::string DivergenceText(const model::FirstDivergence& divergence) {
  std::string text =
      fmt::format("First divergence: {}{}, xid {}, end LSN {}{}\n",
                  divergence.listener.empty() ? "" : divergence.listener + ", ",
                  divergence.commit ? fmt::format("transaction {}", divergence.commit->value)
                                    : "a commit that is not of the run",
                  divergence.xid.value, ToString(divergence.end_lsn),
                  divergence.table.empty() ? "" : ", table " + divergence.table);
  const std::size_t shown = std::min(divergence.rows.size(), kRowsShown);
  for (std::size_t i = 0; i < shown; ++i) text += DifferenceText(divergence.rows[i]);
  if (shown < divergence.rows.size()) {
    text += fmt::format("  and {} more rows (--report has all)\n", divergence.rows.size() - shown);
  }
  return text;
}

std::string DigestOrNone(model::Digest digest, bool known) {
  return !known && digest == model::Digest{} ? "-" : ToString(digest);
}

std::string CommitOrderText(model::CommitOrderSource source) {
  switch (source) {
    case model::CommitOrderSource::kUnknown:
      return "-";
    case model::CommitOrderSource::kWal:
      return "from the WAL";
    case model::CommitOrderSource::kBrackets:
      return "bracketed (the WAL could not be read; proves less, see docs/operations.md)";
  }
  __builtin_unreachable();
}

// Of what a run may contain, that of which it had none; empty when it had all.
std::string AbsentSituationsText(const model::Verdict& verdict) {
  std::vector<std::string> absent;
  for (const auto& [name, count] : verdict.situations) {
    if (count == 0) absent.push_back(name);
  }
  return absent.empty() ? "" : fmt::format("Did not occur: {}\n", fmt::join(absent, ", "));
}

std::string UpperCase(std::string_view text) {
  std::string upper;
  std::ranges::transform(text, std::back_inserter(upper),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return upper;
}

// What was expected otherwise than it is, because a plugin cannot show it. Empty: nothing.
std::string LossesText(const model::Verdict& verdict) {
  std::string text;
  for (const model::ListenerResult& listener : verdict.listeners) {
    std::vector<std::string> parts;
    for (const auto& [reason, cells] : listener.projected)
      parts.push_back(fmt::format("{} {}", Grouped(cells), reason));
    for (const model::QuarantinedTable& table : listener.quarantined)
      parts.push_back(fmt::format("table {} from {} on", table.table, ToString(table.end_lsn)));
    if (parts.empty()) continue;
    text += fmt::format("{} ({}) cannot show: {}\n", listener.id, listener.plugin,
                        fmt::join(parts, ", "));
  }
  return text.empty() ? "" : "\n" + text;
}

// Who was not there at the end. Empty: all were.
std::string AttendanceText(const model::Verdict& verdict) {
  std::string text;
  for (const model::ListenerResult& listener : verdict.listeners) {
    if (!listener.left.IsValid()) continue;
    text += fmt::format("{} {} at {}\n", listener.id, listener.lost ? "was lost" : "left",
                        ToString(listener.left));
  }
  return text.empty() ? "" : "\n" + text;
}

std::string ListenersText(const model::Verdict& verdict, bool known) {
  Rows rows = {{"listener", "plugin", "received", "changes", "checked", "foreign", "joined",
                "end LSN", "digest"}};
  for (const model::ListenerResult& listener : verdict.listeners) {
    rows.push_back({listener.id, listener.plugin, Grouped(listener.transactions),
                    Grouped(listener.changes), Grouped(listener.commits_checked),
                    Grouped(listener.foreign),
                    listener.joined.IsValid() ? ToString(listener.joined) : "-",
                    ToString(listener.end_lsn), DigestOrNone(listener.digest, known)});
  }
  return TextTable(rows, "llrrrrlll", "") + AttendanceText(verdict) + LossesText(verdict);
}

}  // namespace

std::string SummaryText(const RunResult& result) {
  const model::Verdict& verdict = result.verdict;
  const bool known = verdict.kind != model::VerdictKind::kInconclusive;
  const model::TransactionCounts& counts = verdict.transactions;
  std::string text = TextTable(
      {{"seed", fmt::to_string(verdict.seed)},
       {"workload hash", DigestOrNone(verdict.workload_hash, known)},
       {"Postgres", verdict.postgres_version},
       {"commit order", CommitOrderText(verdict.commit_order)},
       {"transactions", fmt::format("{} generated, {} committed, {} rolled back, {} failed",
                                    Grouped(counts.generated), Grouped(counts.committed),
                                    Grouped(counts.rolled_back), Grouped(counts.failed))},
       {"digest expected", DigestOrNone(verdict.expected, known)},
       {"digest source", DigestOrNone(verdict.source, known)},
       {"digest generator", DigestOrNone(verdict.generator, known)},
       {"rows compared", Grouped(verdict.rows_compared)},
       {"elapsed", fmt::format("{:.1f} s", result.elapsed_s)}},
      "ll", "");
  text += "\n" + ListenersText(verdict, known) + "\n";
  text += AbsentSituationsText(verdict);
  text += fmt::format("Verdict: {} (exit {})\n", UpperCase(ToString(verdict.kind)),
                      static_cast<int>(ExitCodeOf(result)));
  if (!verdict.reason.empty()) text += Paragraph(verdict.reason) + "\n";
  if (verdict.first_divergence) text += DivergenceText(*verdict.first_divergence);
  return text;
}

}  // namespace lockstep::report
