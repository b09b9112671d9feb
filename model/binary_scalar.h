// Values without parts, from the form of their type's send function: numbers, texts, times,
// addresses, shapes. What is made of them (arrays, ranges, rows): model/binary_form.h.
//
// Source: the send functions of the server's backend/utils/adt, seen on PostgreSQL 15. Integers are
// big endian; times count from 2000-01-01.
#ifndef LOCKSTEP_MODEL_BINARY_SCALAR_H_
#define LOCKSTEP_MODEL_BINARY_SCALAR_H_

#include <string>

#include "model/byte_cursor.h"
#include "model/ids.h"
#include "model/value.h"

namespace lockstep::model {

// A value's text is never longer: numeric 1e131071 takes ten bytes, and an array may hold many.
inline constexpr std::size_t kLongestText = std::size_t{256} << 20;

// Whether the two functions below read `type`, a built-in type's OID.
bool IsBinaryScalar(Oid type);

// The value of a type whose Value is not Other. It views into the cursor's bytes or into `scratch`.
// When the bytes are not of the type, `in` has failed.
Value ReadBinaryValue(Oid type, ByteCursor& in, std::string& scratch);
// True for the types that ReadBinaryValue is for.
bool HasOwnValue(Oid type);

// Appends the text form of any scalar, as its output function prints it. When the bytes are not of
// the type, `in` has failed, and anything may have been appended.
void AppendBinaryScalar(Oid type, ByteCursor& in, std::string& out);

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_BINARY_SCALAR_H_
