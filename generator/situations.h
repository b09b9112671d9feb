// What a run contains of the things that replication has to get right, counted by name.
//
// Counted is what the model says took effect: not what a savepoint or the script's end rolled back,
// save for the rollbacks and failures themselves. Values are counted where an insert, an upsert or
// an update gives them.
#ifndef LOCKSTEP_GENERATOR_SITUATIONS_H_
#define LOCKSTEP_GENERATOR_SITUATIONS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/catalog.h"
#include "model/execute.h"
#include "model/operation.h"
#include "model/row.h"

namespace lockstep::generator {

enum class Situation : std::uint8_t {
  kInsert,
  kUpdate,
  kDelete,
  kUpsert,
  kKeyChange,  // a row gets another key
  kKeySwap,    // ... one that another row had before in the same transaction
  kAbsentKey,  // an update or delete without a row
  kTruncate,
  kLogicalMessage,
  kUniqueViolation,
  kSavepointRollback,
  kRollback,  // a script that ends in one
  kLargeTransaction,
  kUnchangedToast,  // an update that leaves a long text alone
  kGeneratedColumn,
  kIdentityFull,   // an update or delete of a row of such a table
  kIdentityIndex,  // likewise
  kNull,
  kEnum,
  kDomain,
  kArray,
  kRange,
  kComposite,
  kInterval,
  kTimeZone,  // a time with time zone that is not UTC
  kNan,
  kInfinity,
  kTimestampEnd,  // a timestamp after kMaxTimestamp
};
inline constexpr std::size_t kSituationCount = 28;

// Stable: "key_change", ...
std::string_view ToString(Situation situation);

class Situations {
 public:
  // `catalog` must outlive it.
  explicit Situations(const model::Catalog& catalog);

  // `execution` is the script's on the state after all scripts before.
  void Add(const model::Script& script, const model::Execution& execution);

  std::uint64_t count(Situation situation) const {
    return counts_[static_cast<std::size_t>(situation)];
  }
  // All of them, zeros too, in the order above.
  std::vector<std::pair<std::string, std::uint64_t>> counts() const;

 private:
  void Count(Situation situation) { ++counts_[static_cast<std::size_t>(situation)]; }
  void AddOperation(const model::Operation& operation, const model::Effect& effect);
  void AddImages(const model::Script& script, const model::Execution& execution);
  void AddKeySwaps(const model::Script& script, const model::Execution& execution);
  void AddRow(std::uint32_t table, const model::Row& row);
  void AddValue(const model::Value& value);

  const model::Catalog* catalog_;
  // By table and column: what its type is counted as, besides its values.
  std::vector<std::vector<std::vector<Situation>>> types_;
  std::array<std::uint64_t, kSituationCount> counts_ = {};
};

}  // namespace lockstep::generator

#endif  // LOCKSTEP_GENERATOR_SITUATIONS_H_
