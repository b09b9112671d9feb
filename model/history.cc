#include "model/history.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace lockstep::model {

void History::Append(Lsn end_lsn, std::vector<RowImage> images) {
  assert(entries_.empty() || entries_.back().end_lsn < end_lsn);
  entries_.push_back({end_lsn, std::move(images)});
}

void History::Forget(Lsn lsn) {
  while (!entries_.empty() && entries_.front().end_lsn <= lsn) entries_.pop_front();
}

std::deque<History::Entry>::const_iterator History::FirstAfter(Lsn lsn) const {
  return std::ranges::upper_bound(entries_, lsn, {}, &Entry::end_lsn);
}

const std::vector<RowImage>* History::ImagesAt(Lsn end_lsn) const {
  auto it = std::ranges::lower_bound(entries_, end_lsn, {}, &Entry::end_lsn);
  return it == entries_.end() || it->end_lsn != end_lsn ? nullptr : &it->images;
}

std::optional<Row> History::RowAfter(Lsn end_lsn, const Database& now, std::uint32_t table,
                                     const Row& key) const {
  for (auto entry = FirstAfter(end_lsn); entry != entries_.end(); ++entry) {
    for (const RowImage& image : entry->images) {
      if (image.table == table && image.key == key) return image.before;
    }
  }
  const Row* row = now.table(table).Find(key);
  return row ? std::optional(*row) : std::nullopt;
}

}  // namespace lockstep::model
