// Numbers as people read them.
#ifndef LOCKSTEP_REPORT_NUMBER_TEXT_H_
#define LOCKSTEP_REPORT_NUMBER_TEXT_H_

#include <cstdint>
#include <string>

namespace lockstep::report {

// "1,234,567".
std::string Grouped(std::uint64_t number);
// "812 B", "12.3 kB", "4.0 GB": powers of 1000.
std::string ByteText(std::uint64_t bytes);

}  // namespace lockstep::report

#endif  // LOCKSTEP_REPORT_NUMBER_TEXT_H_
