// Random text: words, and the strings on which programs stumble.
#ifndef LOCKSTEP_GENERATOR_TEXT_MAKER_H_
#define LOCKSTEP_GENERATOR_TEXT_MAKER_H_

#include <span>
#include <string>
#include <string_view>

#include "generator/random.h"

namespace lockstep::generator {

// Empty, blanks, quotes, backslashes, control characters, what COPY and JSON treat specially,
// characters of one to four bytes, combining ones and emoji.
std::span<const std::string_view> EdgeTexts();

// Appends zero to a few words, sometimes an edge text.
void AppendText(Random& random, std::string& out);

// Appends 3 to 12 kB without repetitions: neither pglz nor lz4 makes it smaller.
void AppendLongText(Random& random, std::string& out);

}  // namespace lockstep::generator

#endif  // LOCKSTEP_GENERATOR_TEXT_MAKER_H_
