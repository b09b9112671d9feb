#include "auditor/ledger.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/named_texts.h"
#include "model/output_plugin.h"
#include "model/projection.h"
#include "model/truncation_log.h"

namespace lockstep::auditor {

using report::AuditDifference;
using report::AuditedTable;
using report::TableStatus;

AuditedTable& Ledger::TableOf(const model::Relation& relation) {
  auto [place, added] = tables_.try_emplace({relation.schema, relation.name});
  place->second.schema = relation.schema;
  place->second.name = relation.name;
  return place->second;
}

void Ledger::OnAttached(const model::Database& replica, model::Lsn lsn) {
  if (!result_.joined.IsValid()) result_.joined = lsn;
  for (const auto& [name, table] : tables_) {
    if (!replica.FindTable(table.schema, table.name)) OnGone({table.schema, table.name}, lsn);
  }
  for (std::uint32_t i = 0; i < replica.table_count(); ++i)
    OnCopied(*replica.table(i).relation(), lsn);
}

void Ledger::OnResync(model::Lsn lsn, std::string reason) {
  result_.resyncs.push_back({.lsn = lsn, .reason = std::move(reason)});
}

void Ledger::OnNeedsResync(const postgres::TableName& table, model::Lsn lsn, std::string reason) {
  OnExcluded(table.schema, table.name,
             fmt::format("needs resync from {} on: it {}", ToString(lsn), reason));
  result_.resyncs.push_back({table.schema, table.name, lsn, {}, std::move(reason)});
}

void Ledger::OnStatement(const postgres::TableName& table, model::Lsn lsn, const std::string& tag) {
  const std::string by = " by " + tag;
  for (report::AuditResync& resync : result_.resyncs) {
    const bool is_of_it = resync.schema == table.schema && resync.table == table.name;
    if (!is_of_it || resync.copied_at.IsValid()) continue;
    resync.lsn = lsn;
    if (!resync.reason.ends_with(by)) resync.reason += by;
    OnExcluded(table.schema, table.name,
               fmt::format("needs resync from {} on: it {}", ToString(lsn), resync.reason));
  }
}

void Ledger::OnCopied(const model::Relation& relation, model::Lsn lsn) {
  for (report::AuditResync& resync : result_.resyncs) {
    const bool is_of_it = resync.schema.empty() ||
                          (resync.schema == relation.schema && resync.table == relation.name);
    if (!is_of_it || resync.copied_at.IsValid()) continue;
    resync.copied_at = lsn;
    ++tables_read_anew_;
  }
  AuditedTable& table = TableOf(relation);
  table.followed_from = lsn;
  if (table.status == TableStatus::kDifferent) return;
  table.status = TableStatus::kExcluded;
  table.reason = fmt::format("not compared since it was copied at {}", ToString(lsn));
}

void Ledger::OnGone(const postgres::TableName& table, model::Lsn lsn) {
  std::erase_if(result_.resyncs, [&](const report::AuditResync& resync) {
    return resync.schema == table.schema && resync.table == table.name &&
           !resync.copied_at.IsValid();
  });
  OnExcluded(table.schema, table.name, fmt::format("it is gone since {}", ToString(lsn)));
}

void Ledger::OnExcluded(const std::string& schema, const std::string& name,
                        const std::string& reason) {
  AuditedTable& table = tables_[{schema, name}];
  table.schema = schema;
  table.name = name;
  if (table.status == TableStatus::kDifferent) return;
  table.status = TableStatus::kExcluded;
  table.reason = reason;
}

void Ledger::OnTransaction(const model::Transaction& transaction) {
  ++result_.transactions;
  result_.changes += transaction.changes.size() + transaction.other_changes;
  for (const model::Change& change : transaction.changes) {
    const model::RelationPtr& relation = model::RelationOf(change);
    if (!relation) continue;
    if (relation != last_relation_) {
      last_relation_ = relation;
      last_table_ = &TableOf(*relation);
    }
    ++last_table_->changes;
  }
}

void Ledger::CountDifferences(const model::Relation& relation, std::uint64_t count) {
  std::uint64_t& counted = difference_counts_[{relation.schema, relation.name}];
  result_.difference_count += count > counted ? count - counted : 0;
  counted = std::max(counted, count);
}

void Ledger::AddDifference(AuditDifference difference) {
  if (result_.differences.size() >= kMaxDifferences) return;
  // A row that stays wrong is told once, and not at each checkpoint.
  const bool known = std::ranges::any_of(result_.differences, [&](const AuditDifference& other) {
    return other.schema == difference.schema && other.table == difference.table &&
           other.key == difference.key && other.source == difference.source &&
           other.replicated == difference.replicated;
  });
  if (!known) result_.differences.push_back(std::move(difference));
}

void Ledger::OnUndecided(const model::Relation& relation, const std::string& reason) {
  OnExcluded(relation.schema, relation.name, reason);
  result_.reason = fmt::format("table {}: {}", relation.QualifiedName(), reason);
}

void Ledger::OnMisfit(const model::Transaction& transaction, const model::Relation& relation,
                      const replication::Misfit& misfit) {
  AuditedTable& table = TableOf(relation);
  table.status = TableStatus::kDifferent;
  table.reason = fmt::format("xid {} at {}: {}", transaction.xid.value,
                             ToString(transaction.end_lsn), misfit.message);
  CountDifferences(relation, difference_counts_[{relation.schema, relation.name}] + 1);
  AddDifference({.schema = relation.schema,
                 .table = relation.name,
                 .key = model::KeyTextsOf(relation, misfit.key),
                 .replica_xid = transaction.xid,
                 .replica_lsn = transaction.end_lsn,
                 .checkpoint = transaction.end_lsn,
                 .misfit = misfit.message});
}

void Ledger::OnCheckpoint() {
  ++result_.checkpoints;
  result_.projected.clear();
}

void Ledger::OnTableCompared(const ComparedTable& compared, const model::Relation& relation,
                             const LastWriters& writers, model::Lsn checkpoint) {
  AuditedTable& table = TableOf(relation);
  const TableComparison& comparison = compared.comparison;
  ++table.comparisons;
  table.rows = comparison.rows();
  table.digest = comparison.digest().sum;
  result_.rows_compared += comparison.rows();
  for (std::size_t i = 0; i < model::kLossCount; ++i) {
    if (const std::uint64_t cells = comparison.projected().cells[i]; cells > 0)
      result_.projected[std::string(model::ToString(static_cast<model::Loss>(i)))] += cells;
  }
  if (comparison.mismatch_count() == 0) {
    if (table.status == TableStatus::kDifferent) return;
    table.status = TableStatus::kEqual;
    // Copied anew: what happened to it before is not proven.
    const bool is_anew = table.followed_from > result_.joined;
    table.reason = is_anew ? fmt::format("from {} on", ToString(table.followed_from)) : "";
    return;
  }
  table.status = TableStatus::kDifferent;
  table.reason = fmt::format("{} row{} at {}", comparison.mismatch_count(),
                             comparison.mismatch_count() == 1 ? "" : "s", ToString(checkpoint));
  CountDifferences(relation, comparison.mismatch_count());
  for (const RowMismatch& mismatch : comparison.mismatches()) {
    const Writer writer = writers.Find(compared.table, mismatch.key).value_or(Writer{});
    AddDifference({.schema = relation.schema,
                   .table = relation.name,
                   .key = model::KeyTextsOf(relation, mismatch.key),
                   .source = model::TextsOf(relation, mismatch.source),
                   .replicated = model::TextsOf(relation, mismatch.replicated),
                   .source_xid = mismatch.source_xid,
                   .replica_xid = writer.xid,
                   .replica_lsn = writer.end_lsn,
                   .checkpoint = checkpoint});
  }
}

report::AuditResult Ledger::Result() const {
  report::AuditResult result = result_;
  for (const auto& [name, table] : tables_) {
    if (table.name != model::kTruncationLog) result.tables.push_back(table);
  }
  return result;
}

}  // namespace lockstep::auditor
