// Primary keys of one table, by session and ordinal.
//
// (session, ordinal) ↔ key is one to one, so sessions never touch each other's rows, and a session
// can reuse, miss and swap keys by ordinal. The last column of a key carries the session: an
// integer by its remainder, a text by its beginning, a uuid by two bytes. The other columns of a
// composite key are shared between sessions, and kGroup neighbouring ordinals differ in nothing but
// those.
#ifndef LOCKSTEP_GENERATOR_KEY_MAKER_H_
#define LOCKSTEP_GENERATOR_KEY_MAKER_H_

#include <cstdint>

#include "model/ids.h"
#include "model/relation.h"
#include "model/row.h"

namespace lockstep::generator {

// A key of a session in a table; below kKeyOrdinals.
using KeyOrdinal = std::uint32_t;
inline constexpr KeyOrdinal kKeyOrdinals = 1 << 16;

// Integer keys of so many sessions fit an int4: half of kKeyOrdinals times this is far below 2^31.
inline constexpr std::uint32_t kMaxSessions = 1000;

class KeyMaker {
 public:
  static constexpr KeyOrdinal kGroup = 4;

  KeyMaker(model::RelationPtr relation, std::uint32_t sessions);

  bool IsComposite() const { return relation_->key.size() > 1; }
  // The key columns' values, in key order. The lowest ordinals give edge values: extreme integers,
  // the empty text, the nil uuid.
  model::Row MakeKey(model::SessionId session, KeyOrdinal ordinal) const;

 private:
  model::RelationPtr relation_;
  std::uint32_t sessions_;
};

}  // namespace lockstep::generator

#endif  // LOCKSTEP_GENERATOR_KEY_MAKER_H_
