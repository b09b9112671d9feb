// Decides what the transactions of a run do.
//
// A script is a few steps, each a situation that replication has to get right: from a plain insert
// to keys that swap, savepoints within savepoints, unique violations and TRUNCATE. Nothing depends
// on what became of a script on Postgres, on the clock or on the order of a hash map.
#ifndef LOCKSTEP_GENERATOR_SCRIPT_MAKER_H_
#define LOCKSTEP_GENERATOR_SCRIPT_MAKER_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "generator/random.h"
#include "generator/table_maker.h"
#include "generator/transaction_builder.h"
#include "model/catalog.h"
#include "model/database.h"
#include "model/ids.h"
#include "model/operation.h"

namespace lockstep::generator {

class ScriptMaker {
 public:
  // Rows alive stay below about twice `target_rows`, however many scripts are made.
  ScriptMaker(const model::Catalog& catalog, Random random, std::uint32_t target_rows);

  // The script of this number. `committed` is the state after all scripts before.
  model::Script Make(model::TransactionId id, const model::Database& committed);

  // Rows alive after the scripts made so far, without session rows.
  std::uint64_t CountRows() const;

 private:
  // Whether the script of an owner truncates.
  bool MayTruncate(Random& random) const;

  Random random_;
  std::uint32_t target_rows_;
  std::vector<std::optional<TableMaker>> tables_;  // by table; none for the session table
  std::vector<SessionRows> sessions_;              // session s at [s - 1]
  std::uint32_t owners_ = 0;                       // sessions that own a table
};

}  // namespace lockstep::generator

#endif  // LOCKSTEP_GENERATOR_SCRIPT_MAKER_H_
