// Random arrays, ranges and composite values, exactly as Postgres prints them: which elements are
// quoted, how quotes and backslashes are written, which bounds are canonical.
#ifndef LOCKSTEP_GENERATOR_NESTED_MAKER_H_
#define LOCKSTEP_GENERATOR_NESTED_MAKER_H_

#include <functional>
#include <string>
#include <string_view>

#include "generator/random.h"

namespace lockstep::generator {

// Appends the text of one element.
using ElementMaker = std::function<void(Random&, std::string&)>;

// Appends an array: empty, of one or two dimensions, with nulls, rarely with a lower bound of its
// own.
void AppendArray(Random& random, const ElementMaker& element, std::string& out);
// One element of an array, quoted where array_out does it.
void AppendArrayElement(std::string_view element, std::string& out);

// Appends an int4range or a daterange, whose canonical form is [lower,upper); empty and without
// bounds too.
void AppendInt4Range(Random& random, std::string& out);
void AppendDateRange(Random& random, std::string& out);
// The others keep whether a bound is part of the range.
void AppendNumRange(Random& random, std::string& out);
void AppendTstzRange(Random& random, std::string& out);

// Appends a kPlace (user_types.h).
void AppendPlace(Random& random, std::string& out);
// One field of a composite, quoted where record_out does it.
void AppendField(std::string_view field, std::string& out);

}  // namespace lockstep::generator

#endif  // LOCKSTEP_GENERATOR_NESTED_MAKER_H_
