#include "verifier/oracle.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <variant>

#include "model/text_form.h"

namespace lockstep::verifier {
namespace {

using model::Effect;
using model::Fate;
using model::Lsn;
using model::Outcome;
using model::TransactionId;
using model::Xid;

// How many ended transactions stay known by xid: far more than are under way at any time, and a few
// megabytes.
constexpr std::size_t kRememberedXids = 65'536;

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

std::string DescribeOperation(const model::Catalog& catalog, const model::Operation& operation) {
  const auto on = [&](const char* verb, std::uint32_t table, const model::Row& key) {
    const model::Relation& relation = *catalog.tables[table];
    return fmt::format("{} {} {}", verb, relation.name, model::DescribeKey(relation, key));
  };
  return std::visit(
      Overloaded{
          [&](const model::InsertRow& o) {
            return on("INSERT INTO", o.table, catalog.tables[o.table]->KeyOf(o.row));
          },
          [&](const model::UpsertRow& o) {
            return on("INSERT ... ON CONFLICT INTO", o.table,
                      catalog.tables[o.table]->KeyOf(o.row));
          },
          [&](const model::UpdateRow& o) { return on("UPDATE", o.table, o.key); },
          [&](const model::DeleteRow& o) { return on("DELETE FROM", o.table, o.key); },
          [](model::Savepoint) { return std::string("SAVEPOINT"); },
          [](model::RollbackToSavepoint) { return std::string("ROLLBACK TO SAVEPOINT"); },
          [](model::ReleaseSavepoint) { return std::string("RELEASE SAVEPOINT"); },
      },
      operation);
}

std::string DescribeEffect(const Effect& effect) {
  return effect.sqlstate.empty() ? fmt::format("{} rows", effect.rows)
                                 : fmt::format("SQLSTATE {}", effect.sqlstate);
}

const char* ToString(Fate fate) { return fate == Fate::kCommitted ? "committed" : "rolled back"; }

}  // namespace

Oracle::Oracle(const model::Catalog& catalog)
    : catalog_(catalog), expected_(catalog.tables), writers_(catalog.tables.size()) {
  for (std::uint32_t session = 1; session <= catalog.sessions; ++session) {
    model::Row row = model::MakeSessionRow({session}, {0});
    model::Row key = catalog.tables[model::kSessionTable]->KeyOf(row);
    expected_.Write(model::kSessionTable, std::move(key), std::move(row));
  }
}

void Oracle::OnScript(model::Script script, std::size_t bytes) {
  ++counts_.generated;
  ++scripts_waiting_;
  QueueOf(script.session).push_back({std::move(script), bytes, std::nullopt});
}

bool Oracle::OnOutcome(Outcome outcome) {
  SessionQueue& queue = QueueOf(outcome.session);
  auto pending = std::ranges::find_if(queue, [](const PendingScript& p) { return !p.outcome; });
  if (pending == queue.end() || pending->script.id != outcome.id) return false;
  if (outcome.xid.IsValid()) RememberXid(model::Low(outcome.xid), outcome.id);
  if (outcome.fate == Fate::kCommitted) committed_.emplace(outcome.id, outcome.session);
  pending->outcome = std::move(outcome);
  return true;
}

void Oracle::OnSettled(Lsn lsn) { settled_ = std::max(settled_, lsn); }

void Oracle::OnCommitRecords(std::span<const model::CommitRecord> records, Lsn scanned) {
  records_.insert(records_.end(), records.begin(), records.end());
  scanned_ = std::max(scanned_, scanned);
}

void Oracle::Advance(std::optional<Lsn> limit) {
  const auto beyond = [&](Lsn lsn) { return limit && lsn > *limit; };
  while (!records_.empty() && !beyond(records_.front().end_lsn)) {
    const model::CommitRecord record = records_.front();
    auto id = ids_by_xid_.find(record.xid);
    auto committed = id == ids_by_xid_.end() ? committed_.end() : committed_.find(id->second);
    if (committed == committed_.end()) {
      if (record.end_lsn > settled_) break;  // its outcome may still come
    } else {
      SessionQueue& queue = QueueOf(committed->second);
      EndRolledBackHeads(queue);
      assert(!queue.empty() && queue.front().script.id == committed->first);
      Replay(record, queue.front());
      committed_.erase(committed);
      queue.pop_front();
      --scripts_waiting_;
    }
    frontier_ = record.end_lsn;
    records_.pop_front();
  }
  for (auto& [session, queue] : sessions_) EndRolledBackHeads(queue);
  if (records_.empty())
    frontier_ = std::max(frontier_, limit ? std::min(scanned_, *limit) : scanned_);
}

void Oracle::EndRolledBackHeads(SessionQueue& queue) {
  while (!queue.empty() && queue.front().outcome &&
         queue.front().outcome->fate == Fate::kRolledBack) {
    EndRolledBack(queue.front());
    queue.pop_front();
    --scripts_waiting_;
  }
}

void Oracle::EndRolledBack(const PendingScript& pending) {
  model::Execution execution = model::Execute(pending.script, expected_);
  if (execution.fate == Fate::kCommitted) {
    // Postgres refused what the model allows: reported and counted, and the expected state goes
    // without it.
    expected_.Undo(execution.images);
    ++counts_.failed;
  } else {
    ++counts_.rolled_back;
    CheckEffects(pending, execution, Lsn{});
  }
  rolled_back_bytes_ += pending.bytes;
}

void Oracle::Replay(const model::CommitRecord& record, const PendingScript& pending) {
  model::Execution execution = model::Execute(pending.script, expected_);
  ++counts_.committed;
  CheckEffects(pending, execution, record.end_lsn);
  RememberWriters(*pending.outcome, execution);
  history_.Append(record.end_lsn, std::move(execution.images));
  expectations_.push_back(
      {pending.script.id, record.xid, record.end_lsn, expected_.digest(), pending.bytes});
}

void Oracle::CheckEffects(const PendingScript& pending, const model::Execution& execution,
                          Lsn end_lsn) {
  const Outcome& outcome = *pending.outcome;
  if (execution.fate != outcome.fate) {
    SetIllegal(pending, end_lsn,
               fmt::format("Postgres {} what should have {}", ToString(outcome.fate),
                           ToString(execution.fate)));
    return;
  }
  if (outcome.was_in_doubt && outcome.effects.empty()) return;
  if (outcome.effects.size() != execution.effects.size()) {
    SetIllegal(pending, end_lsn,
               fmt::format("{} effects reported for {} operations", outcome.effects.size(),
                           execution.effects.size()));
    return;
  }
  for (std::size_t i = 0; i < outcome.effects.size(); ++i) {
    const Effect& expected = execution.effects[i];
    const Effect& reported = outcome.effects[i];
    if (expected.rows == reported.rows && expected.sqlstate == reported.sqlstate) continue;
    SetIllegal(pending, end_lsn,
               fmt::format("operation {} ({}): expected {}, Postgres did {}", i + 1,
                           DescribeOperation(catalog_, pending.script.operations[i]),
                           DescribeEffect(expected), DescribeEffect(reported)));
    return;
  }
}

void Oracle::SetIllegal(const PendingScript& pending, Lsn end_lsn, std::string message) {
  if (illegal_effect_) return;
  illegal_effect_ = IllegalEffect{pending.script.id, model::Low(pending.outcome->xid), end_lsn,
                                  std::move(message)};
}

void Oracle::RememberWriters(const Outcome& outcome, const model::Execution& execution) {
  for (std::size_t i = 0; i < execution.images.size(); ++i) {
    const model::RowImage& image = execution.images[i];
    auto& writers = writers_[image.table];
    const std::uint32_t operation = execution.image_operation[i];
    const bool is_session = operation == model::Execution::kSessionUpdate;
    const bool is_known = is_session || operation < outcome.effects.size();
    if (!image.after || !is_known) {
      writers.erase(image.key);
    } else {
      writers[image.key] =
          is_session ? model::Low(outcome.xid) : outcome.effects[operation].written_by;
    }
  }
}

void Oracle::RememberXid(Xid xid, TransactionId id) {
  ids_by_xid_[xid] = id;
  xids_in_order_.push_back(xid);
  // One that still waits for its commit record is put back at the end.
  while (xids_in_order_.size() > kRememberedXids) {
    const Xid oldest = xids_in_order_.front();
    xids_in_order_.pop_front();
    if (committed_.contains(ids_by_xid_[oldest])) {
      xids_in_order_.push_back(oldest);
    } else {
      ids_by_xid_.erase(oldest);
    }
  }
}

std::optional<Xid> Oracle::WrittenBy(std::uint32_t table, const model::Row& key) const {
  auto it = writers_[table].find(key);
  return it == writers_[table].end() ? std::nullopt : std::optional(it->second);
}

std::optional<TransactionId> Oracle::FindTransaction(Xid xid) const {
  auto it = ids_by_xid_.find(xid);
  return it == ids_by_xid_.end() ? std::nullopt : std::optional(it->second);
}

std::optional<TransactionId> Oracle::OldestWithoutOutcome() const {
  std::optional<TransactionId> oldest;
  for (const auto& [session, queue] : sessions_) {
    auto pending = std::ranges::find_if(queue, [](const PendingScript& p) { return !p.outcome; });
    if (pending != queue.end() && (!oldest || pending->script.id < *oldest))
      oldest = pending->script.id;
  }
  return oldest;
}

}  // namespace lockstep::verifier
