#include "model/execute.h"

#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "model/catalog.h"

namespace lockstep::model {
namespace {

constexpr const char* kUniqueViolation = "23505";
constexpr const char* kInFailedTransaction = "25P02";
constexpr const char* kNoSuchSavepoint = "3B001";

// One script being run. Like the server: after an error every statement fails until ROLLBACK TO or
// the end.
class Runner {
 public:
  Runner(const Script& script, Database& database, std::span<const Effect> reported)
      : script_(script), database_(database), reported_(reported) {}

  Execution Run() {
    Write(kSessionTable, MakeRow({static_cast<std::int64_t>(script_.session.value)}),
          MakeSessionRow(script_.session, script_.id), Execution::kSessionUpdate);
    Tell(Kind::kUpdate, kSessionTable, Execution::kSessionUpdate);
    for (std::uint32_t i = 0; i < script_.operations.size(); ++i) {
      operation_ = i;
      execution_.effects.push_back(RunOne(script_.operations[i]));
    }
    if (failed_ || script_.end == ScriptEnd::kRollback) {
      RollBackTo({});
      execution_.fate = Fate::kRolledBack;
    } else {
      execution_.fate = Fate::kCommitted;
    }
    return std::move(execution_);
  }

 private:
  using Kind = StreamedChange::Kind;

  Effect RunOne(const Operation& operation) {
    if (failed_ && !std::holds_alternative<RollbackToSavepoint>(operation)) {
      return {.sqlstate = kInFailedTransaction};
    }
    const bool is_refused =
        operation_ < reported_.size() && IsRefusal(reported_[operation_].sqlstate);
    Effect effect = is_refused ? Effect{.sqlstate = reported_[operation_].sqlstate}
                               : std::visit([this](const auto& o) { return Do(o); }, operation);
    if (!effect.sqlstate.empty()) failed_ = true;
    return effect;
  }

  Effect Do(const InsertRow& insert) {
    Row key = Relation(insert.table).KeyOf(insert.row);
    if (Find(insert.table, key)) return {.sqlstate = kUniqueViolation};
    Write(insert.table, std::move(key), insert.row, operation_);
    Tell(Kind::kInsert, insert.table, operation_);
    return {.rows = 1};
  }

  Effect Do(const UpsertRow& upsert) {
    Row key = Relation(upsert.table).KeyOf(upsert.row);
    const Row* found = Find(upsert.table, key);
    if (!found) {
      Write(upsert.table, std::move(key), upsert.row, operation_);
      Tell(Kind::kInsert, upsert.table, operation_);
      return {.rows = 1};
    }
    SplitCells(*found, cells_);
    SplitCells(upsert.row, new_cells_);
    for (std::uint32_t column : upsert.updated_columns) cells_[column] = new_cells_[column];
    Write(upsert.table, std::move(key), Join(cells_), operation_);
    Tell(Kind::kUpdate, upsert.table, operation_);
    return {.rows = 1};
  }

  Effect Do(const UpdateRow& update) {
    const Row* found = Find(update.table, update.key);
    if (!found) return {.rows = 0};
    SplitCells(*found, cells_);
    std::size_t column = 0;
    for (auto it = update.assignments.begin(); it != update.assignments.end(); ++it, ++column) {
      if (!std::holds_alternative<NotSent>(*it)) cells_[column] = it.encoded();
    }
    Row row = Join(cells_);
    Row key = Relation(update.table).KeyOf(row);
    const bool moved = key != update.key;
    if (moved) {
      if (Find(update.table, key)) return {.sqlstate = kUniqueViolation};
      Write(update.table, update.key, std::nullopt, operation_);
    }
    Write(update.table, std::move(key), std::move(row), operation_);
    Tell(Kind::kUpdate, update.table, operation_, moved);
    return {.rows = 1};
  }

  Effect Do(const DeleteRow& erase) {
    if (!Find(erase.table, erase.key)) return {.rows = 0};
    Write(erase.table, erase.key, std::nullopt, operation_);
    Tell(Kind::kDelete, erase.table, operation_);
    return {.rows = 1};
  }

  Effect Do(const TruncateTable& truncate) {
    for (RowImage& image : database_.EraseAll(truncate.table)) {
      execution_.images.push_back(std::move(image));
      execution_.image_operation.push_back(operation_);
    }
    Tell(Kind::kTruncate, truncate.table, operation_);
    return {};
  }

  Effect Do(const EmitMessage&) {
    Tell(Kind::kMessage, 0, operation_);
    return {.rows = 1};
  }

  Effect Do(Savepoint) {
    savepoints_.push_back({execution_.images.size(), execution_.changes.size()});
    return {};
  }

  Effect Do(RollbackToSavepoint) {
    if (savepoints_.empty()) return {.sqlstate = kNoSuchSavepoint};
    RollBackTo(savepoints_.back());
    failed_ = false;
    return {};
  }

  Effect Do(ReleaseSavepoint) {
    if (savepoints_.empty()) return {.sqlstate = kNoSuchSavepoint};
    savepoints_.pop_back();
    return {};
  }

  const model::Relation& Relation(std::uint32_t table) const {
    return *database_.table(table).relation();
  }
  const Row* Find(std::uint32_t table, const Row& key) const {
    return database_.table(table).Find(key);
  }

  Row Join(const std::vector<std::string_view>& cells) {
    for (std::string_view cell : cells) builder_.AddEncoded(cell);
    return builder_.Build();
  }

  void Write(std::uint32_t table, Row key, std::optional<Row> row, std::uint32_t operation) {
    execution_.images.push_back(database_.Write(table, std::move(key), std::move(row)));
    execution_.image_operation.push_back(operation);
  }

  // The last image is the change's.
  void Tell(Kind kind, std::uint32_t table, std::uint32_t operation, bool moved = false) {
    const auto images = static_cast<std::uint32_t>(execution_.images.size());
    execution_.changes.push_back({.kind = kind,
                                  .moved = moved,
                                  .table = table,
                                  .image = images > 0 ? images - 1 : 0,
                                  .operation = operation});
  }

  // How far the execution had come.
  struct Mark {
    std::size_t images = 0;
    std::size_t changes = 0;
  };

  void RollBackTo(Mark mark) {
    database_.Undo(std::span(execution_.images).subspan(mark.images));
    execution_.images.resize(mark.images);
    execution_.image_operation.resize(mark.images);
    execution_.changes.resize(mark.changes);
  }

  const Script& script_;
  Database& database_;
  std::span<const Effect> reported_;
  Execution execution_;
  std::uint32_t operation_ = 0;
  bool failed_ = false;
  std::vector<Mark> savepoints_;
  RowBuilder builder_;
  std::vector<std::string_view> cells_;
  std::vector<std::string_view> new_cells_;
};

}  // namespace

bool IsRefusal(std::string_view sqlstate) {
  // Violated constraints are the model's to know: one that it does not foresee is no refusal.
  constexpr std::string_view kConstraints = "23";
  return !sqlstate.empty() && !sqlstate.starts_with(kConstraints) &&
         sqlstate != kInFailedTransaction && sqlstate != kNoSuchSavepoint;
}

Execution Execute(const Script& script, Database& database, std::span<const Effect> reported) {
  return Runner(script, database, reported).Run();
}

}  // namespace lockstep::model
