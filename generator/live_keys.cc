#include "generator/live_keys.h"

#include <cassert>

namespace lockstep::generator {

void LiveKeys::Add(KeyOrdinal key) {
  bool added = positions_.emplace(key, keys_.size()).second;
  assert(added);
  (void)added;
  keys_.push_back(key);
}

void LiveKeys::Remove(KeyOrdinal key) {
  auto found = positions_.find(key);
  assert(found != positions_.end());
  std::size_t position = found->second;
  positions_.erase(found);
  if (position + 1 < keys_.size()) {
    keys_[position] = keys_.back();
    positions_[keys_[position]] = position;
  }
  keys_.pop_back();
}

}  // namespace lockstep::generator
