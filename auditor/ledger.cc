#include "auditor/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "model/named_texts.h"
#include "model/output_plugin.h"
#include "model/projection.h"
#include "model/truncation_log.h"

namespace lockstep::auditor {

using model::ExclusionKind;
using report::AuditDifference;
using report::AuditedTable;
using report::TableStatus;

Ledger::Entry& Ledger::EntryOf(const std::string& schema, const std::string& name) {
  auto [place, added] = tables_.try_emplace({schema, name});
  if (added) {
    place->second.table.schema = schema;
    place->second.table.name = name;
  }
  return place->second;
}

void Ledger::GiveUpPending(Entry& entry, const std::string& reason) {
  entry.pending.reason = reason;
  AddUnproven(entry.table.unproven, std::exchange(entry.pending, {}));
}

void Ledger::OnAttached(const model::Database& replica, model::Lsn lsn) {
  if (!result_.joined.IsValid()) result_.joined = lsn;
  for (const auto& [name, entry] : tables_) {
    if (!replica.FindTable(name.first, name.second)) OnGone({name.first, name.second}, lsn);
  }
  for (std::uint32_t i = 0; i < replica.table_count(); ++i)
    OnCopied(*replica.table(i).relation(), lsn);
}

void Ledger::OnResync(model::Lsn lsn, std::string reason) {
  result_.resyncs.push_back({.lsn = lsn, .reason = std::move(reason)});
}

void Ledger::OnNeedsResync(const postgres::TableName& table, model::Lsn lsn, std::string reason) {
  OnExcluded(table, {ExclusionKind::kNeedsResync,
                     fmt::format("needs resync from {} on: it {}", ToString(lsn), reason)});
  result_.resyncs.push_back({table.schema, table.name, lsn, {}, std::move(reason)});
}

void Ledger::OnStatement(const postgres::TableName& table, model::Lsn lsn, const std::string& tag) {
  const std::string by = " by " + tag;
  for (report::AuditResync& resync : result_.resyncs) {
    const bool is_of_it = resync.schema == table.schema && resync.table == table.name;
    if (!is_of_it || resync.copied_at.IsValid()) continue;
    resync.lsn = lsn;
    if (!resync.reason.ends_with(by)) resync.reason += by;
    OnExcluded(table, {ExclusionKind::kNeedsResync, fmt::format("needs resync from {} on: it {}",
                                                                ToString(lsn), resync.reason)});
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
  Entry& entry = EntryOf(relation.schema, relation.name);
  GiveUpPending(entry, "all tables were read anew");
  entry.is_followed = true;
  entry.table.followed_from = lsn;
  SetExcluded(entry.table, {ExclusionKind::kNotCompared,
                            fmt::format("not compared since it was copied at {}", ToString(lsn))});
}

void Ledger::OnJoined(const model::Relation& relation, model::Lsn lsn) {
  OnGone({relation.schema, relation.name}, lsn);  // whatever had the name
  Entry& entry = EntryOf(relation.schema, relation.name);
  entry.is_followed = true;
  entry.table.followed_from = lsn;
  SetExcluded(entry.table, {ExclusionKind::kNotCompared,
                            fmt::format("not compared since it was made at {}", ToString(lsn))});
}

void Ledger::OnGone(const postgres::TableName& table, model::Lsn lsn) {
  std::erase_if(result_.resyncs, [&](const report::AuditResync& resync) {
    return resync.schema == table.schema && resync.table == table.name &&
           !resync.copied_at.IsValid();
  });
  OnExcluded(table, {ExclusionKind::kGone, fmt::format("it is gone since {}", ToString(lsn))});
}

void Ledger::OnExcluded(const postgres::TableName& table, const model::Exclusion& why) {
  Entry& entry = EntryOf(table.schema, table.name);
  GiveUpPending(entry, why.reason);
  entry.is_followed = false;
  SetExcluded(entry.table, why);
}

// What was found to differ stays so.
void Ledger::SetExcluded(AuditedTable& table, const model::Exclusion& why) {
  if (table.status == TableStatus::kDifferent) return;
  table.status = TableStatus::kExcluded;
  table.why_excluded = why.kind;
  table.reason = why.reason;
}

void Ledger::OnTransaction(const model::Transaction& transaction) {
  ++result_.transactions;
  result_.changes += transaction.changes.size() + transaction.unread_changes;
  AddUnproven(result_.unread, {transaction.unread_changes, transaction.end_lsn, transaction.end_lsn,
                               "of tables that were not followed then"});
  for (const model::Change& change : transaction.changes) {
    const model::RelationPtr& relation = model::RelationOf(change);
    if (!relation) continue;
    if (relation != last_relation_) {
      last_relation_ = relation;
      last_entry_ = &EntryOf(relation->schema, relation->name);
    }
    ++last_entry_->table.changes;
    if (last_entry_->pending.changes++ == 0) last_entry_->pending.from = transaction.end_lsn;
    last_entry_->pending.to = transaction.end_lsn;
    if (!last_entry_->is_followed) GiveUpPending(*last_entry_, last_entry_->table.reason);
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
  OnExcluded({relation.schema, relation.name}, {ExclusionKind::kUndecided, reason});
  result_.reason = fmt::format("table {}: {}", relation.QualifiedName(), reason);
}

AuditDifference Ledger::DifferenceOf(const model::Transaction& transaction,
                                     const model::Relation& relation,
                                     const replication::Misfit& misfit) {
  return {.schema = relation.schema,
          .table = relation.name,
          .key = model::KeyTextsOf(relation, misfit.key),
          .replica_xid = transaction.xid,
          .replica_lsn = transaction.end_lsn,
          .checkpoint = transaction.end_lsn,
          .misfit = misfit.message};
}

void Ledger::OnMisfit(const model::Transaction& transaction, const model::Relation& relation,
                      const replication::Misfit& misfit) {
  Entry& entry = EntryOf(relation.schema, relation.name);
  AuditedTable& table = entry.table;
  table.status = TableStatus::kDifferent;
  table.reason = fmt::format("xid {} at {}: {}", transaction.xid.value,
                             ToString(transaction.end_lsn), misfit.message);
  GiveUpPending(entry, "it differs");
  entry.is_followed = false;
  CountDifferences(relation, difference_counts_[{relation.schema, relation.name}] + 1);
  AddDifference(DifferenceOf(transaction, relation, misfit));
}

void Ledger::OnExcusedMisfit(const model::Transaction& transaction, const model::Relation& relation,
                             const replication::Misfit& misfit, const std::string& reason) {
  result_.excuses.push_back({.schema = relation.schema,
                             .table = relation.name,
                             .rows = 1,
                             .lsn = transaction.end_lsn,
                             .reason = reason,
                             .examples = {DifferenceOf(transaction, relation, misfit)}});
}

void Ledger::OnCheckpoint() {
  ++result_.checkpoints;
  result_.projected.clear();
}

std::vector<AuditDifference> Ledger::DifferencesOf(const ComparedTable& compared,
                                                   const model::Relation& relation,
                                                   const LastWriters& writers,
                                                   model::Lsn checkpoint) {
  std::vector<AuditDifference> differences;
  for (const RowMismatch& mismatch : compared.comparison.mismatches()) {
    const Writer writer = writers.Find(compared.table, mismatch.key).value_or(Writer{});
    differences.push_back({.schema = relation.schema,
                           .table = relation.name,
                           .key = model::KeyTextsOf(relation, mismatch.key),
                           .source = model::TextsOf(relation, mismatch.source),
                           .replicated = model::TextsOf(relation, mismatch.replicated),
                           .source_xid = mismatch.source_xid,
                           .replica_xid = writer.xid,
                           .replica_lsn = writer.end_lsn,
                           .checkpoint = checkpoint});
  }
  return differences;
}

void Ledger::OnExcused(const ComparedTable& compared, const model::Relation& relation,
                       const LastWriters& writers, model::Lsn checkpoint,
                       const std::string& reason) {
  auto examples = DifferencesOf(compared, relation, writers, checkpoint);
  examples.resize(std::min(examples.size(), kMaxExamples));
  result_.excuses.push_back({.schema = relation.schema,
                             .table = relation.name,
                             .rows = compared.comparison.mismatch_count(),
                             .lsn = checkpoint,
                             .reason = reason,
                             .examples = std::move(examples)});
}

void Ledger::OnTableCompared(const ComparedTable& compared, const model::Relation& relation,
                             const LastWriters& writers, model::Lsn checkpoint) {
  Entry& entry = EntryOf(relation.schema, relation.name);
  AuditedTable& table = entry.table;
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
    table.proven += entry.pending.changes;
    result_.proven += std::exchange(entry.pending, {}).changes;
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
  GiveUpPending(entry, "it differs");
  CountDifferences(relation, comparison.mismatch_count());
  for (AuditDifference& difference : DifferencesOf(compared, relation, writers, checkpoint))
    AddDifference(std::move(difference));
}

report::AuditResult Ledger::Result() const {
  report::AuditResult result = result_;
  for (const auto& [name, entry] : tables_) {
    if (entry.table.name == model::kTruncationLog) continue;
    Entry last = entry;
    GiveUpPending(last, "not compared since");
    result.tables.push_back(std::move(last.table));
  }
  return result;
}

}  // namespace lockstep::auditor
