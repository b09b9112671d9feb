#include "auditor/table_comparison.h"

#include <algorithm>
#include <utility>

namespace lockstep::auditor {
namespace {

// Replica rows for each bin: few, so that one that differs lets few be kept, and many, so that the
// bins are small beside the rows.
constexpr std::size_t kRowsInBin = 256;

}  // namespace

void TableComparison::Add(RowMismatch mismatch) {
  ++mismatch_count_;
  ++(mismatch.replicated ? stale_count_ : missing_count_);
  if (mismatches_.size() < kMaxMismatches) mismatches_.push_back(std::move(mismatch));
}

void TableComparison::Take(const postgres::TableRow& row) {
  if (!unshown_key_) unshown_key_ = projection_->LostInKey(*replica_->relation(), row.row);
  if (unshown_key_) return;
  auto projected =
      projection_->Project(*replica_->relation(), row.row, is_second_pass_ ? nullptr : &projected_);
  const model::Row& shown = projected ? *projected : row.row;
  model::Row identity = replica_->is_multiset() ? shown : replica_->relation()->KeyOf(shown);
  if (is_second_pass_) {
    if (BinOf(model::HashBytes(identity.bytes())) == model::Digest()) return;
    Seen& seen = seen_[std::move(identity)];
    ++seen.rows;
    seen.row = shown;
    seen.xmin = row.xmin;
    return;
  }
  if (bins_.empty()) bins_.resize(replica_->rows().size() / kRowsInBin + 1);
  digest_.Add(shown.bytes());
  LookUp(std::move(identity), shown, row.xmin);
}

void TableComparison::LookUp(model::Row identity, const model::Row& shown, model::Xid xmin) {
  if (!replica_->is_multiset()) {
    const model::Row* replicated = replica_->Find(identity);
    if (!replicated) return Add({std::move(identity), shown, std::nullopt, xmin});
    ++found_;
    if (*replicated != shown) Add({identity, shown, *replicated, xmin});
  }
  const model::Digest hash = model::HashBytes(identity.bytes());
  BinOf(hash) += hash;
}

bool TableComparison::EndPass() {
  if (unshown_key_) return false;
  if (!is_second_pass_) {
    // Of a key each row of the source was looked at; the replica may have more, and so may the
    // source under a key that it should have once.
    const bool found_all = !replica_->is_multiset() && found_ == replica_->rows().size();
    is_second_pass_ = found_all ? mismatch_count_ == 0 && digest_ != replica_->digest()
                                : !replica_->is_multiset() || digest_ != replica_->digest();
    if (is_second_pass_) TakeReplicaFromBins();
    return is_second_pass_;
  }
  FindUnseen();
  kept_count_ = seen_.size();
  seen_.clear();
  return false;
}

void TableComparison::TakeReplicaFromBins() {
  bins_.resize(std::max<std::size_t>(bins_.size(), 1));  // where the source has no row
  for (const auto& [key, row] : replica_->rows()) {
    const model::Digest hash = model::HashBytes((replica_->is_multiset() ? row : key).bytes());
    BinOf(hash) -= hash;
  }
}

// Each row of the replica takes one that is found alike of the source's; what is left on either
// side has none. The source's rows of a key that the replica has not were found in the first pass.
void TableComparison::FindUnseen() {
  for (const auto& [key, row] : replica_->rows()) {
    const model::Row& identity = replica_->is_multiset() ? row : key;
    if (BinOf(model::HashBytes(identity.bytes())) == model::Digest()) continue;
    auto seen = seen_.find(identity);
    if (seen == seen_.end() || seen->second.rows == 0) {
      Add({key, std::nullopt, row, {}});
    } else {
      --seen.value().rows;
    }
  }
  for (const auto& [identity, seen] : seen_) {
    if (!replica_->is_multiset() && !replica_->Find(identity)) continue;
    for (std::uint64_t i = 0; i < seen.rows; ++i)
      Add({replica_->is_multiset() ? model::Row() : identity, seen.row, std::nullopt, seen.xmin});
  }
}

}  // namespace lockstep::auditor
