// The rows of one table in the source held against the replica's, one by one.
//
//   Take* (all rows of the source) ─► EndPass ─┬─ false: done
//                                              └─ true: the replica has rows that the source has
//                                                 not; the source is read once more
//   Take* (the same rows) ─► EndPass ─► false
//
// A row is found by its key, or by itself where the table has none; rows found alike are counted.
// The first pass adds up what was found in bins, by the hash of what it is found by. Against these
// the replica's rows are held: the second pass looks only at bins that are not equal.
//
// Memory grows with the rows that differ, by a bin each, and hardly with those that do not.
#ifndef LOCKSTEP_AUDITOR_TABLE_COMPARISON_H_
#define LOCKSTEP_AUDITOR_TABLE_COMPARISON_H_

#include <tsl/robin_map.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "model/database.h"
#include "model/digest.h"
#include "model/ids.h"
#include "model/projection.h"
#include "model/row.h"
#include "postgres/table_reader.h"

namespace lockstep::auditor {

// A row that is not in the replica as it is in the source. nullopt: no such row.
struct RowMismatch {
  model::Row key;                    // of a table without a key: whatever the replica has it under
  std::optional<model::Row> source;  // as the plugin shows it
  std::optional<model::Row> replicated;
  model::Xid source_xid;  // xmin; 0: it has no such row, or the xmin was not read
  friend bool operator==(const RowMismatch&, const RowMismatch&) = default;
};

class TableComparison {
 public:
  // More differing rows than this are counted only.
  static constexpr std::size_t kMaxMismatches = 20;

  // Both must outlive it, and the replica stays as it is meanwhile.
  TableComparison(const model::Table& replica, const model::Projection& projection)
      : replica_(&replica), projection_(&projection) {}

  void Take(const postgres::TableRow& row);
  bool EndPass();

  // A value of the source's that the plugin does not show as it is identifies a row, so that rows
  // cannot be told apart: it is over, and what it found means nothing.
  const std::optional<model::KeyLoss>& unshown_key() const { return unshown_key_; }

  // ---- after the first pass ----
  std::uint64_t rows() const { return digest_.rows; }
  // Of the source's rows as the plugin shows them.
  const model::TableDigest& digest() const { return digest_; }
  // Cells of the source that the plugin does not show as they are, and that were compared without.
  const model::LossCounts& projected() const { return projected_; }
  // ---- after the second pass ----
  // Rows that it had to keep.
  std::uint64_t kept_count() const { return kept_count_; }
  // ---- at the end ----
  std::uint64_t mismatch_count() const { return mismatch_count_; }
  // Rows of the replica that the source has not, or has otherwise.
  std::uint64_t stale_count() const { return stale_count_; }
  // Rows of the source that the replica has not at all.
  std::uint64_t missing_count() const { return missing_count_; }
  const std::vector<RowMismatch>& mismatches() const { return mismatches_; }

 private:
  struct Seen {
    std::uint64_t rows = 0;
    model::Row row;  // the last one
    model::Xid xmin;
  };
  void Add(RowMismatch mismatch);
  void LookUp(model::Row identity, const model::Row& shown, model::Xid xmin);
  model::Digest& BinOf(model::Digest identity) { return bins_[identity.high % bins_.size()]; }
  void TakeReplicaFromBins();
  void FindUnseen();

  const model::Table* replica_;
  const model::Projection* projection_;
  std::optional<model::KeyLoss> unshown_key_;
  bool is_second_pass_ = false;
  // Sums of the hashes of what was found; then without what the replica has, so that a bin whose
  // sum is not zero holds a difference.
  std::vector<model::Digest> bins_;
  // Of the second pass: what the rows of the source in such bins are found by.
  tsl::robin_map<model::Row, Seen, model::RowHash> seen_;
  std::uint64_t kept_count_ = 0;
  model::TableDigest digest_;
  model::LossCounts projected_;
  std::uint64_t found_ = 0;  // rows of the source whose key the replica has
  std::uint64_t mismatch_count_ = 0;
  std::uint64_t stale_count_ = 0;
  std::uint64_t missing_count_ = 0;
  std::vector<RowMismatch> mismatches_;
};

}  // namespace lockstep::auditor

#endif  // LOCKSTEP_AUDITOR_TABLE_COMPARISON_H_
