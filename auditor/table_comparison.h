// The rows of one table in the source held against the replica's, one by one.
//
//   Take* (all rows of the source) ─► EndPass ─┬─ false: done
//                                              └─ true: the replica has rows that the source has
//                                                 not; the source is read once more
//   Take* (the same rows) ─► EndPass ─► false
//
// Rows of a table without a key are counted: the first pass compares digests, and where those are
// not equal the second one finds the rows.
//
// Memory does not grow with the rows but in the second pass, which keeps the source's keys.
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
  model::Xid source_xid;  // xmin; 0 where the source has no such row
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

  // ---- after the first pass ----
  std::uint64_t rows() const { return digest_.rows; }
  // Of the source's rows as the plugin shows them.
  const model::TableDigest& digest() const { return digest_; }
  // ---- at the end ----
  std::uint64_t mismatch_count() const { return mismatch_count_; }
  // Rows of the replica that the source has not, or has otherwise.
  std::uint64_t stale_count() const { return stale_count_; }
  const std::vector<RowMismatch>& mismatches() const { return mismatches_; }

 private:
  struct Seen {
    std::uint64_t rows = 0;
    model::Xid xmin;  // of the last one
  };
  void Add(RowMismatch mismatch);
  void CompareCopies();

  const model::Table* replica_;
  const model::Projection* projection_;
  bool is_second_pass_ = false;
  // The source's keys; of a table without a key, its rows.
  tsl::robin_map<model::Row, Seen, model::RowHash> seen_;
  model::TableDigest digest_;
  std::uint64_t found_ = 0;  // rows of the source whose key the replica has
  std::uint64_t mismatch_count_ = 0;
  std::uint64_t stale_count_ = 0;
  std::vector<RowMismatch> mismatches_;
};

}  // namespace lockstep::auditor

#endif  // LOCKSTEP_AUDITOR_TABLE_COMPARISON_H_
