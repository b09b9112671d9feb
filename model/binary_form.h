// A Value from Postgres's binary send form, by type: byte for byte what AppendFromText makes of the
// text form under the pinned settings.
//
// The forms of what has parts (all integers big endian; a length of -1 is null):
//   array      dimensions:i32 has_nulls:i32 element:oid (size:i32 lower:i32)* (length:i32 value)*
//   range      flags:u8 [length:u32 value] [length:u32 value]
//   multirange count:u32 (length:u32 range)*
//   composite  count:i32 (type:oid length:i32 value)*
#ifndef LOCKSTEP_MODEL_BINARY_FORM_H_
#define LOCKSTEP_MODEL_BINARY_FORM_H_

#include <string_view>

#include "model/error.h"
#include "model/relation.h"
#include "model/row.h"
#include "model/type_catalog.h"

namespace lockstep::model {

// Appends the cell that `bytes` (not null) denote in a column of this type. kMalformed, with the
// offset, when the bytes are not of the type; kUnsupported when the type's binary form is not read.
// Nothing is added then.
Result<void> AppendFromBinary(const Column& column, const TypeCatalog& types,
                              std::string_view bytes, RowBuilder& row);

// Whether values of this type are read, through domains, arrays and ranges. What the fields of a
// composite are is told by its values only: it counts as read.
bool ReadsBinaryForm(const TypeCatalog& types, Oid type);

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_BINARY_FORM_H_
