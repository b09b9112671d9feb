// Random jsonb, exactly as Postgres prints it.
//
// Postgres stores keys once each, ordered by length and then by bytes, and prints ", " and ": "
// between things, numbers as numeric (scale kept, no exponent, no minus zero), and in strings only
// the escapes \" \\ \b \f \n \r \t and \u00xx (lower-case hex) for the other characters below blank
// (escape_json in the server's json.c).
#ifndef LOCKSTEP_GENERATOR_JSON_MAKER_H_
#define LOCKSTEP_GENERATOR_JSON_MAKER_H_

#include <string>
#include <string_view>

#include "generator/random.h"

namespace lockstep::generator {

// Appends a document: mostly an object, sometimes an array or a scalar.
void AppendJson(Random& random, std::string& out);

// Appends `text` as Postgres prints it in JSON, quotes included.
void AppendJsonString(std::string_view text, std::string& out);

}  // namespace lockstep::generator

#endif  // LOCKSTEP_GENERATOR_JSON_MAKER_H_
