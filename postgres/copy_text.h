// The text format of COPY TO, one row.
//
//   row    = field *( TAB field ) LF          (a row of no columns is LF alone)
//   field  = "\N"                             null
//          / *( plain / escape )
//   escape = "\" ( "b" / "f" / "n" / "r" / "t" / "v" / "\" )
//   plain  = any byte but NUL, BS, HT, LF, VT, FF, CR and "\"
//
// That is what the server writes (CopyAttributeOutText in copyto.c); the octal and hex escapes that
// COPY FROM also reads are refused, as everything else is that the server does not write.
#ifndef LOCKSTEP_POSTGRES_COPY_TEXT_H_
#define LOCKSTEP_POSTGRES_COPY_TEXT_H_

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.h"

namespace lockstep::postgres {

class CopyTextParser {
 public:
  explicit CopyTextParser(std::size_t columns) : columns_(columns) {}

  // The fields of a row, unescaped; nullopt is null. The views are valid until the next call and
  // while `row` is. kMalformed, with the offset, when `row` is not exactly one row of the format
  // with as many fields as columns.
  model::Result<std::span<const std::optional<std::string_view>>> Parse(std::string_view row);

 private:
  std::size_t columns_;
  std::string unescaped_;
  std::vector<std::optional<std::string_view>> fields_;
};

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_COPY_TEXT_H_
