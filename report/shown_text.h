// Text of a database, whose encoding may be any, for people and programs that read UTF-8.
#ifndef LOCKSTEP_REPORT_SHOWN_TEXT_H_
#define LOCKSTEP_REPORT_SHOWN_TEXT_H_

#include <string>
#include <string_view>

namespace lockstep::report {

// As it is; each byte that does not belong to UTF-8 as \xf6, so that what differs looks different.
std::string Utf8(std::string_view text);

// As Utf8; what moves a terminal's cursor or turns the direction of writing is escaped, too:
// control characters, line ends, bidirectional overrides. For a name or a value.
std::string OneLine(std::string_view text);

// As OneLine, but line ends stay, and each further line is indented: what a name or a server's
// message holds is never taken for a line of ours. For messages.
std::string Paragraph(std::string_view text);

}  // namespace lockstep::report

#endif  // LOCKSTEP_REPORT_SHOWN_TEXT_H_
