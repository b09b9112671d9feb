// Text in columns, and values in it.
#ifndef LOCKSTEP_REPORT_TEXT_TABLE_H_
#define LOCKSTEP_REPORT_TEXT_TABLE_H_

#include <optional>
#include <string>
#include <vector>

namespace lockstep::report {

using TextRows = std::vector<std::vector<std::string>>;

// One line a row, columns as wide as their widest cell; those whose letter in `alignment` is 'r'
// are right-aligned. No row has more cells than that has letters.
std::string TextTable(const TextRows& rows, const std::string& alignment,
                      const std::string& indent);

// A value on one line: quoted, control characters escaped, the middle left out when it is long;
// "null".
std::string ShownValue(const std::optional<std::string>& value);

}  // namespace lockstep::report

#endif  // LOCKSTEP_REPORT_TEXT_TABLE_H_
