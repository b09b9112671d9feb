// How a run is doing, while it runs: on a terminal one line per process, rewritten in place;
// elsewhere a line now and then.
#ifndef LOCKSTEP_LAUNCHER_LIVE_DISPLAY_H_
#define LOCKSTEP_LAUNCHER_LIVE_DISPLAY_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "launcher/status_board.h"

namespace lockstep::launcher {

// One line for the generator, the applier, each listener and the verifier.
std::vector<std::string> LiveLines(const StatusBoard& board, std::uint64_t transactions,
                                   std::uint32_t listeners);
// The same in one line.
std::string LogLine(const StatusBoard& board, std::uint64_t transactions, std::uint32_t listeners,
                    std::chrono::milliseconds elapsed);

// The width of the terminal that `fd` is; 0: unknown.
std::size_t ColumnsOf(int fd);

class LiveDisplay {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Options {
    bool is_terminal = false;
    std::uint64_t transactions = 0;
    std::uint32_t listeners = 0;
    Time start;
  };
  // `out` must outlive it.
  LiveDisplay(std::ostream& out, const Options& options);

  // Writes what is due at NextDeadline() or later. `columns`: the terminal's width; lines are cut
  // there, since one that wraps cannot be rewritten. 0: unknown, nothing is cut.
  void Show(const StatusBoard& board, std::size_t columns, Time now);
  Time NextDeadline() const { return next_; }
  // Takes the lines off the terminal, so that other output can follow.
  void Clear();

 private:
  void Rewrite(const std::vector<std::string>& lines, std::size_t columns);

  std::ostream& out_;
  Options options_;
  Time next_;
  std::size_t lines_shown_ = 0;
};

}  // namespace lockstep::launcher

#endif  // LOCKSTEP_LAUNCHER_LIVE_DISPLAY_H_
