// Typed random values for one column, edge values among them, exactly as Postgres prints them.
//
// Values that Postgres would refuse or print otherwise are never made: numeric(p,s) has s digits
// after the point and no infinity, nothing is "-0" but a float, a varchar(n) has at most n
// characters, text is valid UTF-8 without NUL, a domain's value passes its CHECK.
#ifndef LOCKSTEP_GENERATOR_VALUE_MAKER_H_
#define LOCKSTEP_GENERATOR_VALUE_MAKER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "generator/random.h"
#include "model/relation.h"
#include "model/row.h"
#include "model/value.h"

namespace lockstep::generator {

class ValueMaker {
 public:
  // `column` has one of the types of catalog_maker.h; its modifier is read from the type's name, a
  // domain's is known (user_types.h).
  explicit ValueMaker(const model::Column& column);

  // Appends a value, never null.
  void Add(Random& random, model::RowBuilder& row);
  // Appends 3 to 12 kB of text that does not compress, so that Postgres stores it out of line. For
  // text only.
  void AddLongText(Random& random, model::RowBuilder& row);

 private:
  model::Value MakeNumeric(Random& random);
  model::Value MakeText(Random& random);
  model::Value MakeBytes(Random& random);

  model::Oid type_;
  std::string type_name_;
  // How a value is written that the model keeps as text; null for the others.
  void (*append_)(Random&, std::string&) = nullptr;
  // numeric(p,s): both; varchar(n): precision_ = n; 0: no modifier. A domain's likewise.
  std::uint32_t precision_ = 0;
  std::uint32_t scale_ = 0;
  std::string scratch_;  // what the value last made points to
};

// The first `characters` characters of valid UTF-8.
std::string_view ClipToCharacters(std::string_view text, std::size_t characters);

}  // namespace lockstep::generator

#endif  // LOCKSTEP_GENERATOR_VALUE_MAKER_H_
