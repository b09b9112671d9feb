// What Linux says of a process: CPU time and memory.
#ifndef LOCKSTEP_BENCH_PROC_H_
#define LOCKSTEP_BENCH_PROC_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lockstep::bench {

struct ProcessStat {
  std::string name;              // of the program, at most 15 bytes
  double cpu_s = 0;              // user and system time of all its threads, as clock ticks (10 ms)
  double children_cpu_s = 0;     // of children that ended and were waited for, and of theirs
  std::uint64_t rss_kb = 0;      // 0: it is a zombie
  std::uint64_t rss_max_kb = 0;  // the most it ever was
};

// nullopt when there is no such process.
std::optional<ProcessStat> ReadProcess(pid_t pid);

// Those that still run or were not waited for; of a child's own children, none.
std::vector<pid_t> ChildrenOf(pid_t pid);

}  // namespace lockstep::bench

#endif  // LOCKSTEP_BENCH_PROC_H_
