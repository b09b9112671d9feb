#include "verifier/divergence_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>
#include <variant>

#include "model/history.h"
#include "model/named_texts.h"
#include "model/relation.h"
#include "model/text_form.h"

namespace lockstep::verifier {
namespace {

using model::Relation;
using model::Result;
using model::Row;

// As the listener's plugin shows it.
std::optional<Row> Shown(const model::Projection& projection, const Relation& relation,
                         const std::optional<Row>& row) {
  auto projected = row ? projection.Project(relation, *row) : std::nullopt;
  return projected ? projected : row;
}

// The row of `key` as it is in Postgres now.
Result<std::optional<Row>> ReadSourceRow(postgres::Connection& source, const Relation& relation,
                                         const Row& key) {
  std::string columns;
  for (const model::Column& column : relation.columns) {
    columns += (columns.empty() ? "" : ", ") + model::SqlIdentifier(column.name);
  }
  std::string condition;
  std::vector<std::string> texts;
  texts.reserve(relation.key.size());
  std::vector<std::optional<std::string_view>> parameters;
  for (const model::Cell cell : key) {
    const model::Column& column = relation.columns[relation.key[texts.size()]];
    texts.push_back(model::Describe(column.type, cell));
    parameters.emplace_back(texts.back());
    condition += fmt::format("{}{} = ${}", condition.empty() ? "" : " AND ",
                             model::SqlIdentifier(column.name), texts.size());
  }
  auto result = source.Execute(
      fmt::format("SELECT {} FROM {}.{} WHERE {}", columns, model::SqlIdentifier(relation.schema),
                  model::SqlIdentifier(relation.name), condition),
      parameters);
  if (!result) return std::unexpected(std::move(result.error()));
  if (result->rows() == 0) return std::nullopt;
  model::RowBuilder builder;
  for (int i = 0; i < result->columns(); ++i) {
    if (result->IsNull(0, i)) {
      builder.Add(model::Value(model::Null{}));
      continue;
    }
    const model::Column& column = relation.columns[static_cast<std::size_t>(i)];
    if (auto ok = model::AppendFromText(column, result->Text(0, i), builder); !ok) {
      return std::unexpected(std::move(ok.error()));
    }
  }
  return builder.Build();
}

// The source row at the commit, as far as it can be known afterwards (see the header).
Result<std::optional<Row>> SourceRowAt(postgres::Connection& source, const Oracle& oracle,
                                       const Relation& relation, std::uint32_t table,
                                       const Row& key, const std::optional<Row>& expected_then) {
  auto now = ReadSourceRow(source, relation, key);
  if (!now) return now;
  const Row* expected_now = oracle.expected().table(table).Find(key);
  const bool agrees_now = expected_now ? *now && **now == *expected_now : !*now;
  return agrees_now ? Result<std::optional<Row>>(expected_then) : now;
}

bool HasCompleteKey(const Relation& relation, const Row& key) {
  return key.CountColumns() == relation.key.size() && key.IsComplete();
}

}  // namespace

std::vector<wire::RowAddress> RowsToAsk(const Finding& finding, const Oracle& oracle,
                                        const model::Catalog& catalog) {
  std::vector<wire::RowAddress> rows;
  if (const auto* images = oracle.history().ImagesAt(finding.end_lsn)) {
    for (const model::RowImage& image : *images)
      rows.push_back({catalog.tables[image.table]->name, image.key});
  }
  if (finding.misfit && !finding.misfit->key.bytes().empty()) {
    rows.push_back({finding.misfit->table, finding.misfit->key});
  }
  return rows;
}

Result<model::FirstDivergence> DescribeDivergence(
    const std::string& listener, const Finding& finding, const wire::RowsReply& reply,
    const Oracle& oracle, const model::Catalog& catalog, const model::Projection& projection,
    postgres::Connection* source) {
  model::FirstDivergence divergence{.listener = listener,
                                    .commit = finding.commit,
                                    .xid = finding.xid,
                                    .end_lsn = finding.end_lsn};
  // Rows of one table are shown: the first that differs, the session table only when no other does.
  std::optional<std::uint32_t> shown;
  for (const wire::RowsReply::Item& item : reply.rows) {
    const auto table = oracle.expected().FindTable(item.address.table);
    if (!table || !HasCompleteKey(*catalog.tables[*table], item.address.key)) continue;
    const auto expected =
        oracle.history().RowAfter(finding.end_lsn, oracle.expected(), *table, item.address.key);
    const Relation& relation = *catalog.tables[*table];
    const auto shown_row = Shown(projection, relation, expected);
    if (shown_row == item.row) continue;
    if (!shown || (*shown == model::kSessionTable && *table != model::kSessionTable)) {
      shown = *table;
      divergence.rows.clear();
    }
    if (*table != *shown) continue;
    model::RowDifference row{.key = model::KeyTextsOf(relation, item.address.key),
                             .expected = model::TextsOf(relation, shown_row),
                             .source = std::nullopt,
                             .replicated = model::TextsOf(relation, item.row)};
    if (source) {
      auto source_row = SourceRowAt(*source, oracle, relation, *table, item.address.key, expected);
      if (!source_row) return std::unexpected(std::move(source_row.error()));
      row.source = model::TextsOf(relation, Shown(projection, relation, *source_row));
    }
    divergence.rows.push_back(std::move(row));
  }
  if (shown) divergence.table = catalog.tables[*shown]->name;
  if (!shown && finding.misfit) divergence.table = finding.misfit->table;
  return divergence;
}

model::FirstDivergence DescribeSourceDivergence(const SourceCheck& check, const Oracle& oracle,
                                                const model::Catalog& catalog) {
  const SourceDifference& first = check.differences().front();
  const model::Xid xid = first.written_by.IsValid() ? first.written_by : first.expected_written_by;
  const Relation& relation = *catalog.tables[first.table];
  model::FirstDivergence divergence{
      .commit = oracle.FindTransaction(xid), .xid = xid, .table = relation.name};
  for (const SourceDifference& difference : check.differences()) {
    if (difference.table != first.table) continue;
    divergence.rows.push_back({.key = model::KeyTextsOf(relation, difference.key),
                               .expected = model::TextsOf(relation, difference.expected),
                               .source = model::TextsOf(relation, difference.source),
                               .replicated = model::TextsOf(relation, difference.expected)});
  }
  return divergence;
}

}  // namespace lockstep::verifier
