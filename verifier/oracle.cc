#include "verifier/oracle.h"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "model/fits.h"
#include "model/overloaded.h"
#include "model/text_form.h"

namespace lockstep::verifier {
namespace {

using model::Effect;
using model::Fate;
using model::Lsn;
using model::Outcome;
using model::TransactionId;
using model::Xid;

std::string DescribeOperation(const model::Catalog& catalog, const model::Operation& operation) {
  const auto on = [&](const char* verb, std::uint32_t table, const model::Row& key) {
    const model::Relation& relation = *catalog.tables[table];
    return fmt::format("{} {} {}", verb, relation.name, model::DescribeKey(relation, key));
  };
  return std::visit(
      model::Overloaded{
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
          [&](const model::TruncateTable& o) {
            return fmt::format("TRUNCATE {}", catalog.tables[o.table]->name);
          },
          [](const model::EmitMessage& o) { return fmt::format("message {}", o.prefix); },
      },
      operation);
}

std::string DescribeEffect(const Effect& effect) {
  return effect.sqlstate.empty() ? fmt::format("{} rows", effect.rows)
                                 : fmt::format("SQLSTATE {}", effect.sqlstate);
}

// Whether the server refused a statement for a reason that no model knows. The update of the
// session row comes first and gives the xid.
bool HasRefusal(const Outcome& outcome) {
  return !outcome.xid.IsValid() ||
         std::ranges::any_of(outcome.effects, model::IsRefusal, &Effect::sqlstate);
}

const char* ToString(Fate fate) { return fate == Fate::kCommitted ? "committed" : "rolled back"; }

}  // namespace

Oracle::Oracle(const model::Catalog& catalog)
    : catalog_(catalog),
      expected_(catalog.tables),
      sessions_(catalog.sessions),
      writers_(catalog.tables.size()) {
  for (std::uint32_t session = 1; session <= catalog.sessions; ++session) {
    model::Row row = model::MakeSessionRow({session}, {0});
    model::Row key = catalog.tables[model::kSessionTable]->KeyOf(row);
    expected_.Write(model::kSessionTable, std::move(key), std::move(row));
  }
}

Oracle::Session* Oracle::Find(model::SessionId session) {
  const bool exists = session.IsValid() && session.value <= sessions_.size();
  return exists ? &sessions_[session.value - 1] : nullptr;
}

bool Oracle::OnScript(model::Script script, std::size_t bytes) {
  if (script.id <= last_script_ || !model::Fits(script, catalog_)) return false;
  Session& session = *Find(script.session);
  PendingScript pending{std::move(script), bytes, std::nullopt};
  if (!session.early.empty()) {
    if (session.early.front().id != pending.script.id) return false;
    pending.outcome = std::move(session.early.front());
    session.early.pop_front();
    --early_outcomes_;
    ++session.with_outcome;
  }
  last_script_ = pending.script.id;
  ++counts_.generated;
  ++scripts_waiting_;
  session.scripts.push_back(std::move(pending));
  return true;
}

bool Oracle::OnOutcome(Outcome outcome) {
  Session* session = Find(outcome.session);
  const Xid xid = model::Low(outcome.xid);
  if (!session) return false;
  const auto holder = holders_.find(xid);
  const bool has_committed = holder != holders_.end() && holder->second.fate == Fate::kCommitted;
  if (outcome.fate == Fate::kCommitted && (!outcome.xid.IsValid() || has_committed)) return false;
  PendingScript* pending = session->Undecided();
  if (!pending) {
    const TransactionId last = session->early.empty() ? last_script_ : session->early.back().id;
    if (outcome.id <= last || early_outcomes_ >= kEarlyOutcomesMax) return false;
  } else if (pending->script.id != outcome.id) {
    return false;
  }
  if (outcome.xid.IsValid() && !has_committed)
    holders_.insert_or_assign(xid, XidHolder{outcome.id, outcome.fate});
  if (outcome.fate == Fate::kCommitted) {
    ++committed_reported_;
    committed_.emplace(outcome.id, outcome.session);
  }
  if (pending) {
    pending->outcome = std::move(outcome);
    ++session->with_outcome;
  } else {
    session->early.push_back(std::move(outcome));
    ++early_outcomes_;
  }
  return true;
}

void Oracle::OnSettled(Lsn lsn) { settled_ = std::max(settled_, lsn); }

void Oracle::OnCommitRecords(std::span<const model::CommitRecord> records, Lsn scanned) {
  for (const model::CommitRecord& record : records) {
    if (record.end_lsn <= last_record_) continue;
    last_record_ = record.end_lsn;
    records_.push_back(record);
  }
  scanned_ = std::max(scanned_, scanned);
}

void Oracle::Advance(std::optional<Lsn> limit) {
  const auto beyond = [&](Lsn lsn) { return limit && lsn > *limit; };
  while (!records_.empty() && !beyond(records_.front().end_lsn) && TakeRecord(records_.front()))
    records_.pop_front();
  for (Session& session : sessions_) EndRolledBackHeads(session);
  Lsn known = scanned_;
  if (!records_.empty()) known = {records_.front().end_lsn.value - 1};
  if (beyond(known)) known = *limit;
  if (illegal_effect_ && illegal_effect_->end_lsn.IsValid())
    known = std::min(known, {illegal_effect_->end_lsn.value - 1});
  frontier_ = std::max(frontier_, known);
}

bool Oracle::TakeRecord(const model::CommitRecord& record) {
  const auto holder = holders_.find(record.xid);
  if (holder == holders_.end() || holder->second.fate != Fate::kCommitted) {
    if (record.end_lsn > settled_) return false;  // its outcome may still come
    // Also with the xid of a script that was rolled back: then it is somebody else's, after a
    // crash, or that script's all the same, and listeners show what it wrote.
    foreign_.push_back(record);
    return true;
  }
  const TransactionId id = holder->second.id;
  auto committed = committed_.find(id);
  if (committed == committed_.end()) {
    SetIllegal({id, record.xid, record.end_lsn, "Postgres committed it before, under this xid"});
    return true;
  }
  Session& session = *Find(committed->second);
  EndRolledBackHeads(session);
  if (session.scripts.empty()) return false;  // its outcome came before it
  const PendingScript& head = session.scripts.front();
  if (head.script.id != committed->first) {
    SetIllegal({id, record.xid, record.end_lsn,
                fmt::format("Postgres committed it before transaction {} of the same session, "
                            "which the applier reports as committed earlier",
                            head.script.id.value)});
    return false;
  }
  Replay(record, head);
  committed_.erase(committed);
  EndHead(session);
  return true;
}

void Oracle::EndRolledBackHeads(Session& session) {
  while (!session.scripts.empty() && session.scripts.front().outcome &&
         session.scripts.front().outcome->fate == Fate::kRolledBack) {
    EndRolledBack(session.scripts.front());
    EndHead(session);
  }
}

void Oracle::EndHead(Session& session) {
  const Outcome& outcome = *session.scripts.front().outcome;
  if (outcome.xid.IsValid()) ended_xids_.emplace_back(model::Low(outcome.xid), outcome.id);
  if (ended_xids_.size() > kRememberedXids) {
    const auto [xid, id] = ended_xids_.front();
    const auto holder = holders_.find(xid);
    if (holder != holders_.end() && holder->second.id == id) holders_.erase(holder);
    ended_xids_.pop_front();
  }
  session.scripts.pop_front();
  --session.with_outcome;
  --scripts_waiting_;
}

void Oracle::EndRolledBack(const PendingScript& pending) {
  const Outcome& outcome = *pending.outcome;
  model::Execution execution = model::Execute(pending.script, expected_, outcome.effects);
  ++ended_without_commit_;
  rolled_back_bytes_ += pending.bytes;
  if (execution.fate == Fate::kCommitted || HasRefusal(outcome)) {
    // Postgres refused what the model allows: reported and counted, and the expected state goes
    // without it.
    expected_.Undo(execution.images);
    CountFailed(outcome);
    return;
  }
  ++counts_.rolled_back;
  CheckEffects(pending, execution, Lsn{});
}

void Oracle::CountFailed(const Outcome& outcome) {
  if (counts_.failed++ > 0) return;
  first_failure_ = fmt::format("transaction {}: {}", outcome.id.value,
                               outcome.error.empty() ? "no message" : outcome.error);
}

void Oracle::Replay(const model::CommitRecord& record, const PendingScript& pending) {
  const Outcome& outcome = *pending.outcome;
  model::Execution execution = model::Execute(pending.script, expected_, outcome.effects);
  ++counts_.committed;
  // Up to its savepoint: the rest committed without it.
  if (HasRefusal(outcome)) CountFailed(outcome);
  CheckEffects(pending, execution, record.end_lsn);
  RememberWriters(*pending.outcome, execution);
  Expectation expectation{pending.script.id, record.xid, record.end_lsn, pending.bytes, {}, {}, {}};
  for (PluginView& view : views_)
    expectation.views.push_back(view.Apply(pending.script, execution, expected_));
  if (!watched_.empty()) {
    for (const model::StreamedChange& change : execution.changes) {
      if (change.kind == model::StreamedChange::Kind::kMessage) continue;
      expectation.touched.push_back(change.table);
      if (change.kind == model::StreamedChange::Kind::kTruncate)
        expectation.truncated.push_back(change.table);
    }
  }
  expectations_.push_back(std::move(expectation));
  history_.Append(record.end_lsn, std::move(execution.images));
}

std::size_t Oracle::AddView(model::LossSet losses) {
  const model::LossSet relevant = PluginView::Relevant(losses);
  for (std::size_t number = 0; number < views_.size(); ++number) {
    if (views_[number].projection().losses() == relevant) return number;
  }
  views_.emplace_back(relevant, expected_).Watch(watched_);
  return views_.size() - 1;
}

void Oracle::Watch(const std::vector<std::uint32_t>& tables) {
  for (std::uint32_t table : tables) {
    if (std::ranges::find(watched_, table) == watched_.end()) watched_.push_back(table);
  }
  for (PluginView& view : views_) view.Watch(watched_);
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
  SetIllegal({pending.script.id, model::Low(pending.outcome->xid), end_lsn, std::move(message)});
}

void Oracle::SetIllegal(IllegalEffect effect) {
  if (!illegal_effect_) illegal_effect_ = std::move(effect);
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

void Oracle::Forget(Lsn lsn) {
  history_.Forget(lsn);
  forgotten_ = std::max(forgotten_, lsn);
  while (!foreign_.empty() && foreign_.front().end_lsn <= lsn) foreign_.pop_front();
}

bool Oracle::IsForeign(const model::CommitRecord& record) const {
  return std::ranges::find(foreign_, record) != foreign_.end();
}

std::optional<Xid> Oracle::WrittenBy(std::uint32_t table, const model::Row& key) const {
  auto it = writers_[table].find(key);
  return it == writers_[table].end() ? std::nullopt : std::optional(it->second);
}

std::optional<TransactionId> Oracle::FindTransaction(Xid xid) const {
  auto it = holders_.find(xid);
  return it == holders_.end() ? std::nullopt : std::optional(it->second.id);
}

std::optional<TransactionId> Oracle::OldestWithoutOutcome() const {
  std::optional<TransactionId> oldest;
  for (const Session& session : sessions_) {
    const PendingScript* pending = session.Undecided();
    if (pending && (!oldest || pending->script.id < *oldest)) oldest = pending->script.id;
  }
  return oldest;
}

}  // namespace lockstep::verifier
