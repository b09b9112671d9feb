// Numbers as people read them.
#ifndef LOCKSTEP_LAUNCHER_NUMBER_TEXT_H_
#define LOCKSTEP_LAUNCHER_NUMBER_TEXT_H_

#include <cstdint>
#include <string>

namespace lockstep::launcher {

// "1,234,567".
std::string Grouped(std::uint64_t number);
// "812 B", "12.3 kB", "4.0 GB": powers of 1000.
std::string ByteText(std::uint64_t bytes);

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_NUMBER_TEXT_H_
