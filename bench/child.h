// A program run to its end, while somebody looks at it now and then.
#ifndef LOCKSTEP_BENCH_CHILD_H_
#define LOCKSTEP_BENCH_CHILD_H_

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "model/error.h"

namespace lockstep::bench {

struct ChildResult {
  int exit_code = 0;  // 128 + the signal's number when a signal ended it
  double wall_s = 0;
  double cpu_s = 0;    // with all its descendants that were waited for
  std::string output;  // standard output and error
};

// How often `look` is called.
constexpr std::chrono::milliseconds kLookInterval{50};

// `command`: program (looked up in PATH) and arguments. `look` gets the child's pid while it runs.
// kEnvironment when the program cannot be started.
model::Result<ChildResult> RunChild(const std::vector<std::string>& command,
                                    const std::function<void(pid_t)>& look = {});

}  // namespace lockstep::bench

#endif  // LOCKSTEP_BENCH_CHILD_H_
