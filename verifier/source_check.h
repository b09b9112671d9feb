// The rows of Postgres held against the expected ones, at a barrier.
//
//   Begin (while every session pauses) ─► snapshot ─► the sessions go on
//   Compare (once the oracle has replayed up to the barrier): rows are streamed and looked up one
//   by one
//
// Non-blocking except Begin. Memory does not grow with the rows, except for a table whose rows
// differ.
#ifndef LOCKSTEP_VERIFIER_SOURCE_CHECK_H_
#define LOCKSTEP_VERIFIER_SOURCE_CHECK_H_

#include <tsl/robin_set.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/catalog.h"
#include "model/database.h"
#include "model/digest.h"
#include "model/error.h"
#include "model/ids.h"
#include "model/row.h"
#include "postgres/connection.h"
#include "postgres/table_reader.h"
#include "verifier/oracle.h"

namespace lockstep::verifier {

// A row that is not in Postgres as it should be.
struct SourceDifference {
  std::uint32_t table = 0;
  model::Row key;
  std::optional<model::Row> expected;
  std::optional<model::Row> source;
  model::Xid written_by;           // xmin in Postgres; 0 where the row is absent
  model::Xid expected_written_by;  // 0 where it is not known
};

class SourceCheck {
 public:
  // More differing rows than this are not collected.
  static constexpr std::size_t kMaxDifferences = 20;

  // Opens the snapshot of now, and locks the tables against TRUNCATE until the check is gone.
  // Blocks for some milliseconds. `catalog` must outlive the check.
  static model::Result<SourceCheck> Begin(const std::string& conninfo,
                                          const model::Catalog& catalog);

  // Compares what has arrived. The oracle must stand at the barrier until done().
  model::Result<void> Compare(const Oracle& oracle);
  bool done() const { return table_ == catalog_->tables.size(); }

  int fd() const { return reader_.fd(); }
  bool WantsWrite() const { return reader_.WantsWrite(); }

  // ---- when done ----
  std::uint64_t rows_compared() const { return rows_compared_; }
  model::Digest digest() const { return digest_; }
  const std::vector<SourceDifference>& differences() const { return differences_; }

 private:
  SourceCheck(const model::Catalog& catalog, postgres::Connection holder,
              postgres::TableReader reader)
      : catalog_(&catalog), holder_(std::move(holder)), reader_(std::move(reader)) {}

  void CompareRow(const postgres::TableRow& row, const Oracle& oracle);
  void AddDifference(SourceDifference difference);
  // The table is read: goes on to the next, or once more for the rows that are absent.
  model::Result<void> EndTable(const Oracle& oracle);

  const model::Catalog* catalog_;
  postgres::Connection holder_;  // keeps the snapshot
  postgres::TableReader reader_;
  std::uint32_t table_ = 0;
  bool reading_ = false;
  model::TableDigest table_digest_;
  std::uint64_t found_ = 0;  // rows of the table whose key is expected
  bool collects_keys_ = false;
  tsl::robin_set<model::Row, model::RowHash> keys_;

  std::uint64_t rows_compared_ = 0;
  model::Digest digest_;
  std::vector<SourceDifference> differences_;
};

}  // namespace lockstep::verifier

#endif  // LOCKSTEP_VERIFIER_SOURCE_CHECK_H_
