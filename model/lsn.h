// A position in the write-ahead log, and its text form as Postgres prints it (pg_lsn).
#ifndef LOCKSTEP_MODEL_LSN_H_
#define LOCKSTEP_MODEL_LSN_H_

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "model/error.h"

namespace lockstep::model {

// A byte position in the WAL. 0 is Postgres's InvalidXLogRecPtr: "no position".
struct Lsn {
  std::uint64_t value = 0;

  friend constexpr auto operator<=>(Lsn, Lsn) = default;
  constexpr bool IsValid() const { return value != 0; }
};

// "16/B374D848": the high and the low 32 bits in upper-case hex without leading zeros.
std::string ToString(Lsn lsn);

// The inverse of ToString; lower case and leading zeros are accepted, as the server accepts them.
Result<Lsn> ParseLsn(std::string_view text);

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_LSN_H_
