#include "auditor/table_comparison.h"

#include <utility>

namespace lockstep::auditor {

void TableComparison::Add(RowMismatch mismatch) {
  ++mismatch_count_;
  if (mismatches_.size() < kMaxMismatches) mismatches_.push_back(std::move(mismatch));
}

void TableComparison::Take(const postgres::TableRow& row) {
  model::Row key = replica_->relation()->KeyOf(row.row);
  if (collects_keys_) {
    keys_.insert(std::move(key));
    return;
  }
  auto projected = projection_->Project(*replica_->relation(), row.row);
  const model::Row& shown = projected ? *projected : row.row;
  digest_.Add(shown.bytes());
  const model::Row* replicated = replica_->Find(key);
  if (replicated) ++found_;
  if (replicated && *replicated == shown) return;
  Add({std::move(key), shown, replicated ? std::optional(*replicated) : std::nullopt, row.xmin});
}

bool TableComparison::EndPass() {
  if (!collects_keys_) {
    collects_keys_ = found_ < replica_->rows().size();
    return collects_keys_;
  }
  for (const auto& [key, row] : replica_->rows()) {
    if (!keys_.contains(key)) Add({key, std::nullopt, row, {}});
  }
  keys_.clear();
  return false;
}

}  // namespace lockstep::auditor
