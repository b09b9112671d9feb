// The keys that have a row, of one session in one table, in an order that is the same on every
// machine.
#ifndef LOCKSTEP_GENERATOR_LIVE_KEYS_H_
#define LOCKSTEP_GENERATOR_LIVE_KEYS_H_

#include <tsl/robin_map.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "generator/key_maker.h"

namespace lockstep::generator {

class LiveKeys {
 public:
  bool Contains(KeyOrdinal key) const { return positions_.contains(key); }
  std::size_t size() const { return keys_.size(); }
  // The order depends on nothing but the calls before.
  KeyOrdinal operator[](std::size_t position) const { return keys_[position]; }

  // `key` must be absent.
  void Add(KeyOrdinal key);
  // `key` must be there. The last key takes its position.
  void Remove(KeyOrdinal key);

 private:
  std::vector<KeyOrdinal> keys_;
  tsl::robin_map<KeyOrdinal, std::size_t> positions_;  // looked up, never walked
};

}  // namespace lockstep::generator

#endif  // LOCKSTEP_GENERATOR_LIVE_KEYS_H_
