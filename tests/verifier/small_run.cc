#include "tests/verifier/small_run.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "model/change_digest.h"
#include "model/relation.h"
#include "model/type_oid.h"

namespace lockstep::verifier {

using model::Cell;
using model::NotSent;
using model::Text;
using model::Value;

model::Catalog MakeSmallCatalog() {
  // Relations are compared by address: one for all.
  static const model::Catalog kCatalog{
      .schema = "s",
      .sessions = kSessions,
      .tables = {model::MakeSessionRelation("s"),
                 std::make_shared<const model::Relation>(
                     model::Relation{.schema = "s",
                                     .name = "items",
                                     .columns = {{"id", model::type_oid::kInt8, "bigint", true},
                                                 {"a", model::type_oid::kText, "text"},
                                                 {"b", model::type_oid::kText, "text"}},
                                     .key = {0}})}};
  return kCatalog;
}

model::Row ItemKey(std::int64_t id) { return model::MakeRow({id}); }
model::Row Item(std::int64_t id, std::string_view a, std::string_view b) {
  return model::MakeRow({id, Text{a}, Text{b}});
}
model::Row SessionKey(std::uint32_t session) {
  return model::MakeRow({static_cast<std::int64_t>(session)});
}

model::Operation Insert(std::int64_t id, std::string_view a, std::string_view b) {
  return model::InsertRow{kItems, Item(id, a, b)};
}
model::Operation UpsertA(std::int64_t id, std::string_view a) {
  return model::UpsertRow{kItems, Item(id, a, "b"), {1}};
}
static model::Operation Update(std::int64_t id, const Cell& new_id, const Cell& a) {
  model::RowBuilder builder;
  builder.Add(new_id);
  builder.Add(a);
  builder.Add(Cell(NotSent{}));
  return model::UpdateRow{kItems, ItemKey(id), builder.Build()};
}
model::Operation SetA(std::int64_t id, std::string_view a) {
  return Update(id, NotSent{}, Value(Text{a}));
}
model::Operation SetId(std::int64_t id, std::int64_t new_id) {
  return Update(id, Value(new_id), NotSent{});
}
model::Operation Delete(std::int64_t id) { return model::DeleteRow{kItems, ItemKey(id)}; }

model::Digest DigestOf(const model::Transaction& transaction) {
  model::ChangeDigest digest;
  for (const model::Change& change : transaction.changes) {
    const model::RelationPtr& relation = model::RelationOf(change);
    if (const auto* insert = std::get_if<model::Insert>(&change)) {
      digest.Insert(relation->name, insert->row);
    } else if (const auto* update = std::get_if<model::Update>(&change)) {
      const model::Row old_key = update->old_row ? relation->KeyOf(*update->old_row) : model::Row();
      digest.Update(relation->name, update->old_row ? &old_key : nullptr, update->row);
    } else if (const auto* erase = std::get_if<model::Delete>(&change)) {
      digest.Delete(relation->name, relation->KeyOf(erase->old_row));
    } else if (const auto* message = std::get_if<model::LogicalMessage>(&change)) {
      digest.Message(message->prefix, message->content);
    } else {
      digest.Truncate(relation->name);
    }
  }
  return digest.digest();
}

PretendedPostgres::PretendedPostgres() : database_(catalog_.tables) {
  for (std::uint32_t session = 1; session <= kSessions; ++session) {
    database_.Write(model::kSessionTable, SessionKey(session),
                    model::MakeSessionRow({session}, {}));
  }
}

Ran PretendedPostgres::Run(std::uint32_t session, std::vector<model::Operation> operations,
                           model::ScriptEnd end) {
  return Run(model::Script{{last_id_ + 1}, {session}, std::move(operations), end});
}

model::Change PretendedPostgres::Streamed(const model::StreamedChange& change,
                                          const model::Execution& execution,
                                          const model::Script& script) const {
  using Kind = model::StreamedChange::Kind;
  if (change.kind == Kind::kMessage) {
    const auto& message = std::get<model::EmitMessage>(script.operations[change.operation]);
    return model::LogicalMessage{message.prefix, message.content};
  }
  const model::RelationPtr& relation = catalog_.tables[change.table];
  if (change.kind == Kind::kTruncate) return model::Truncate{relation};
  const model::RowImage& image = execution.images[change.image];
  if (change.kind == Kind::kInsert) return model::Insert{relation, *image.after};
  if (change.kind == Kind::kDelete) return model::Delete{relation, *image.before};
  std::optional<model::Row> old_row;
  if (change.moved) old_row = execution.images[change.image - 1].before;
  return model::Update{relation, std::move(old_row), *image.after};
}

Ran PretendedPostgres::Run(model::Script script) {
  last_id_ = std::max(last_id_, script.id.value);
  const model::Xid xid{static_cast<std::uint32_t>(100 + script.id.value)};
  model::Execution execution = model::Execute(script, database_);
  for (std::size_t i = 0; i < script.operations.size(); ++i) {
    if (execution.effects[i].rows > 0) execution.effects[i].written_by = xid;
  }
  Ran ran{.outcome = {.id = script.id,
                      .session = script.session,
                      .xid = {xid.value},
                      .fate = execution.fate,
                      .effects = execution.effects},
          .digest = database_.digest()};
  ran.script = std::move(script);
  if (!ran.committed()) return ran;
  wal_end_.value += 16;
  ran.record = {xid, wal_end_};
  ran.transaction = {.xid = xid, .end_lsn = wal_end_};
  for (const model::StreamedChange& change : execution.changes)
    ran.transaction.changes.push_back(Streamed(change, execution, ran.script));
  ran.changes = DigestOf(ran.transaction);
  return ran;
}

model::CommitRecord PretendedPostgres::CommitForeign() {
  wal_end_.value += 16;
  return {{900'000 + ++foreign_}, wal_end_};
}

void Tell(Oracle& oracle, const Ran& ran) {
  oracle.OnScript(ran.script, 10);
  oracle.OnOutcome(ran.outcome);
  if (ran.committed()) Tell(oracle, ran.record);
}

void Tell(Oracle& oracle, const model::CommitRecord& record) {
  oracle.OnCommitRecords({&record, 1}, record.end_lsn);
  oracle.OnSettled(record.end_lsn);
}

}  // namespace lockstep::verifier
