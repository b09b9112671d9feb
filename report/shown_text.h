// Text of a database, whose encoding may be any, for people and programs that read UTF-8.
#ifndef LOCKSTEP_REPORT_SHOWN_TEXT_H_
#define LOCKSTEP_REPORT_SHOWN_TEXT_H_

#include <string>
#include <string_view>

namespace lockstep::report {

// As it is; each byte that does not belong to UTF-8 as \xf6, so that what differs looks different.
std::string Utf8(std::string_view text);

// As Utf8, control characters escaped, too.
std::string OneLine(std::string_view text);

}  // namespace lockstep::report

#endif  // LOCKSTEP_REPORT_SHOWN_TEXT_H_
