#include "auditor/table_comparison.h"

#include <algorithm>
#include <utility>

namespace lockstep::auditor {

void TableComparison::Add(RowMismatch mismatch) {
  ++mismatch_count_;
  if (mismatch.replicated) ++stale_count_;
  if (mismatches_.size() < kMaxMismatches) mismatches_.push_back(std::move(mismatch));
}

void TableComparison::Take(const postgres::TableRow& row) {
  auto projected = projection_->Project(*replica_->relation(), row.row);
  const model::Row& shown = projected ? *projected : row.row;
  if (is_second_pass_) {
    Seen& seen = seen_[replica_->is_multiset() ? shown : replica_->relation()->KeyOf(shown)];
    ++seen.rows;
    seen.xmin = row.xmin;
    return;
  }
  digest_.Add(shown.bytes());
  if (replica_->is_multiset()) return;
  model::Row key = replica_->relation()->KeyOf(shown);
  const model::Row* replicated = replica_->Find(key);
  if (replicated) ++found_;
  if (replicated && *replicated == shown) return;
  Add({std::move(key), shown, replicated ? std::optional(*replicated) : std::nullopt, row.xmin});
}

bool TableComparison::EndPass() {
  if (!is_second_pass_) {
    is_second_pass_ =
        replica_->is_multiset() ? digest_ != replica_->digest() : found_ < replica_->rows().size();
    return is_second_pass_;
  }
  if (replica_->is_multiset()) {
    CompareCopies();
  } else {
    for (const auto& [key, row] : replica_->rows()) {
      if (!seen_.contains(key)) Add({key, std::nullopt, row, {}});
    }
  }
  seen_.clear();
  return false;
}

// Each copy of the replica takes one of the source's; what is left on either side has no equal.
void TableComparison::CompareCopies() {
  for (const auto& [key, row] : replica_->rows()) {
    auto seen = seen_.find(row);
    if (seen == seen_.end() || seen->second.rows == 0) {
      Add({key, std::nullopt, row, {}});
    } else {
      --seen.value().rows;
    }
  }
  for (const auto& [row, seen] : seen_) {
    for (std::uint64_t i = 0; i < seen.rows; ++i) Add({{}, row, std::nullopt, seen.xmin});
  }
}

}  // namespace lockstep::auditor
