// Numbers of different kinds as different types. None converts to another or to a bare integer by
// itself.
#ifndef LOCKSTEP_MODEL_IDS_H_
#define LOCKSTEP_MODEL_IDS_H_

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace lockstep::model {

template <typename Tag, std::unsigned_integral Rep>
struct Id {
  Rep value = 0;

  friend constexpr auto operator<=>(Id, Id) = default;
  constexpr bool IsValid() const { return value != 0; }
};

using Oid = Id<struct OidTag, std::uint32_t>;
// A transaction id as the stream and `xmin` carry it: the low 32 bits.
using Xid = Id<struct XidTag, std::uint32_t>;
// A transaction id as pg_current_xact_id() gives it: epoch and xid.
using FullXid = Id<struct FullXidTag, std::uint64_t>;
// The generator's number of a script, from 1.
using TransactionId = Id<struct TransactionIdTag, std::uint64_t>;
// The number of an applier session, from 1.
using SessionId = Id<struct SessionIdTag, std::uint32_t>;

constexpr Xid Low(FullXid xid) { return Xid{static_cast<std::uint32_t>(xid.value)}; }

}  // namespace lockstep::model

template <typename Tag, std::unsigned_integral Rep>
struct std::hash<lockstep::model::Id<Tag, Rep>> {
  std::size_t operator()(lockstep::model::Id<Tag, Rep> id) const noexcept {
    return std::hash<Rep>{}(id.value);
  }
};

#endif  // LOCKSTEP_MODEL_IDS_H_
