// One transaction being written, operation by operation, and which keys of its session have a row
// while it runs.
//
// It knows what Postgres will do with each operation: a row that comes or goes, one that is absent,
// a unique violation (after which everything fails until ROLLBACK TO or the end). What is rolled
// back is taken back here too.
#ifndef LOCKSTEP_GENERATOR_TRANSACTION_BUILDER_H_
#define LOCKSTEP_GENERATOR_TRANSACTION_BUILDER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "generator/key_maker.h"
#include "generator/live_keys.h"
#include "generator/random.h"
#include "generator/table_maker.h"
#include "model/ids.h"
#include "model/operation.h"

namespace lockstep::generator {

// What one session owns. Vectors are by table; [model::kSessionTable] is not used.
struct SessionRows {
  model::SessionId session;
  std::vector<LiveKeys> live;
  // Keys whose rows were given a long text, some of them long gone or overwritten.
  std::vector<std::vector<KeyOrdinal>> long_texts;
  // Tables that the session may write to; those it owns stand there twice, since the others' share
  // of them is missing.
  std::vector<std::uint32_t> tables;
  std::vector<std::uint32_t> owned;
  std::uint64_t truncations = 0;  // scripts that truncate, so far

  std::size_t CountRows() const;
  bool Owns(std::uint32_t table) const;
};

class TransactionBuilder {
 public:
  static constexpr std::size_t kMaxSavepoints = 3;

  // All three must outlive the builder. `tables` is by table, as in the catalog.
  TransactionBuilder(std::vector<std::optional<TableMaker>>& tables, SessionRows& rows,
                     Random& random);

  const LiveKeys& live(std::uint32_t table) const { return rows_.live[table]; }
  SessionRows& rows() { return rows_; }
  TableMaker& table(std::uint32_t table) { return *tables_[table]; }
  std::size_t open_savepoints() const { return savepoints_.size(); }
  // A statement failed, and nothing has rolled back to a savepoint since.
  bool failed() const { return failed_; }
  std::size_t size() const { return operations_.size(); }

  // Fails when the key has a row.
  void Insert(std::uint32_t table, KeyOrdinal key);
  void Upsert(std::uint32_t table, KeyOrdinal key);
  // Assigns some columns outside the key.
  void Update(std::uint32_t table, KeyOrdinal key);
  void UpdateBesideLongText(std::uint32_t table, KeyOrdinal key);
  // Assigns the key, maybe the same one, and sometimes other columns (never the long text). Fails
  // when another row has that key.
  void ChangeKey(std::uint32_t table, KeyOrdinal key, KeyOrdinal new_key);
  void Delete(std::uint32_t table, KeyOrdinal key);
  // All rows of a table that the session owns.
  void Truncate(std::uint32_t table);
  void EmitMessage(std::string prefix, std::string content);

  void Savepoint();
  void RollBackToSavepoint();
  // Not after a failure.
  void ReleaseSavepoint();

  // The script of all that. The builder is done.
  model::Script Finish(model::TransactionId id, model::ScriptEnd end);

 private:
  // A key that got or lost its row.
  struct Step {
    std::uint32_t table;
    KeyOrdinal key;
    bool added;
  };

  void Add(std::uint32_t table, KeyOrdinal key);
  void Remove(std::uint32_t table, KeyOrdinal key);
  void UndoTo(std::size_t steps);
  void PushUpdate(std::uint32_t table, KeyOrdinal key, const ColumnSet& columns,
                  std::optional<KeyOrdinal> new_key);
  void RememberLongText(std::uint32_t table, KeyOrdinal key);

  std::vector<std::optional<TableMaker>>& tables_;
  SessionRows& rows_;
  Random& random_;
  std::vector<model::Operation> operations_;
  std::vector<Step> steps_;
  std::vector<std::size_t> savepoints_;  // how many steps there were
  bool failed_ = false;
};

}  // namespace lockstep::generator

#endif  // LOCKSTEP_GENERATOR_TRANSACTION_BUILDER_H_
