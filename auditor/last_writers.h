// Which transaction wrote or deleted a row last, as the stream told it.
#ifndef LOCKSTEP_AUDITOR_LAST_WRITERS_H_
#define LOCKSTEP_AUDITOR_LAST_WRITERS_H_

#include <tsl/robin_map.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "model/database.h"
#include "model/ids.h"
#include "model/lsn.h"
#include "model/row.h"

namespace lockstep::auditor {

struct Writer {
  model::Xid xid;
  model::Lsn end_lsn;
};

class LastWriters {
 public:
  // Rows are told apart by a hash of 64 bits; when there are so many, all are forgotten: some 100
  // MB.
  static constexpr std::size_t kMaxRows = 1'000'000;

  // From now on the tables have these identities, by their numbers. A table that keeps its identity
  // under another number keeps its writers.
  void SetTables(std::vector<std::uint64_t> identities) { identities_ = std::move(identities); }

  void OnApplied(std::span<const model::RowImage> images, Writer writer) {
    for (const model::RowImage& image : images) {
      if (writers_.size() >= kMaxRows) writers_.clear();
      writers_.insert_or_assign(Place(image.table, image.key), writer);
    }
  }
  // nullopt: none that is remembered.
  std::optional<Writer> Find(std::uint32_t table, const model::Row& key) const {
    const auto found = writers_.find(Place(table, key));
    return found == writers_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  std::uint64_t Place(std::uint32_t table, const model::Row& key) const {
    constexpr std::uint64_t kOdd = 0x9E37'79B9'7F4A'7C15;  // spreads the identities
    return model::RowHash()(key) ^ (kOdd * (identities_[table] + 1));
  }

  std::vector<std::uint64_t> identities_;  // by table

  tsl::robin_map<std::uint64_t, Writer> writers_;
};

}  // namespace lockstep::auditor

#endif  // LOCKSTEP_AUDITOR_LAST_WRITERS_H_
