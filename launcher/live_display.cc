#include "launcher/live_display.h"

#include <fmt/format.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <string_view>

#include "launcher/programs.h"
#include "report/number_text.h"

namespace lockstep::launcher {
namespace {

using report::ByteText;
using report::Grouped;

// Processes report four times a second; nobody reads faster.
constexpr std::chrono::milliseconds kTerminalInterval{250};
constexpr std::chrono::seconds kLogInterval{5};

std::string Rate(double per_second) {
  return fmt::format("{:>8}/s", Grouped(static_cast<std::uint64_t>(per_second + 0.5)));
}

std::string Line(const StatusBoard& board, const std::string& process, std::string_view counter,
                 const std::string& text) {
  if (!board.HasHeardOf(process)) return fmt::format("{:<12} starting", process);
  return fmt::format("{:<12}{}  {}", process, Rate(board.PerSecond(process, counter)), text);
}

// "1,500 of 2,000"; without an end "1,500".
std::string Generated(const StatusBoard& board, std::uint64_t transactions) {
  std::string text = Grouped(board.Get("generator", "scripts"));
  return transactions == 0 ? text : text + " of " + Grouped(transactions);
}

std::string LagText(const StatusBoard& board, const std::string& listener) {
  return fmt::format("lag {}, {} commits", ByteText(board.LagBytes(listener)),
                     Grouped(board.LagCommits(listener)));
}

}  // namespace

std::vector<std::string> LiveLines(const StatusBoard& board, std::uint64_t transactions,
                                   std::uint32_t listeners) {
  const auto get = [&](std::string_view process, std::string_view counter) {
    return Grouped(board.Get(process, counter));
  };
  std::vector<std::string> lines = {
      Line(board, "generator", "scripts",
           fmt::format("{} transactions generated, waited {} times for credit",
                       Generated(board, transactions), get("generator", "credit_waits"))),
      Line(board, "applier", "committed",
           fmt::format("{} committed, {} rolled back, {} in flight", get("applier", "committed"),
                       get("applier", "rolled_back"), get("applier", "in_flight")))};
  for (std::uint32_t number = 1; number <= listeners; ++number) {
    const std::string listener = ListenerName(number);
    lines.push_back(
        Line(board, listener, "transactions",
             fmt::format("{} transactions received, {} changes, {}", get(listener, "transactions"),
                         get(listener, "changes"), LagText(board, listener))));
  }
  lines.push_back(Line(
      board, "verifier", "judged",
      fmt::format("{} of {} commits checked, {} transactions failed", get("verifier", "judged"),
                  get("verifier", "committed"), get("verifier", "failed"))));
  return lines;
}

std::string LogLine(const StatusBoard& board, std::uint64_t transactions, std::uint32_t listeners,
                    std::chrono::milliseconds elapsed) {
  std::string line = fmt::format(
      "{:.0f} s: {} transactions generated; {} committed, {}/s; {} commits checked",
      std::chrono::duration<double>(elapsed).count(), Generated(board, transactions),
      Grouped(board.Get("applier", "committed")),
      Grouped(static_cast<std::uint64_t>(board.PerSecond("applier", "committed") + 0.5)),
      Grouped(board.Get("verifier", "judged")));
  for (std::uint32_t number = 1; number <= listeners; ++number) {
    const std::string listener = ListenerName(number);
    line += fmt::format("; {} {}", listener, LagText(board, listener));
  }
  return line;
}

std::size_t ColumnsOf(int fd) {
  winsize size{};
  return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

LiveDisplay::LiveDisplay(std::ostream& out, const Options& options)
    : out_(out),
      options_(options),
      next_(options.is_terminal ? options.start : options.start + kLogInterval) {}

void LiveDisplay::Show(const StatusBoard& board, std::size_t columns, Time now) {
  if (now < next_) return;
  if (options_.is_terminal) {
    next_ = now + kTerminalInterval;
    return Rewrite(LiveLines(board, options_.transactions, options_.listeners), columns);
  }
  next_ = now + kLogInterval;
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - options_.start);
  out_ << LogLine(board, options_.transactions, options_.listeners, elapsed) << std::endl;
}

void LiveDisplay::Rewrite(const std::vector<std::string>& lines, std::size_t columns) {
  // Cursor up to our first line; each line is followed by "erase to its end".
  std::string text = lines_shown_ > 0 ? fmt::format("\x1b[{}A", lines_shown_) : std::string();
  for (const std::string& line : lines) {
    const std::size_t length = columns > 0 ? std::min(line.size(), columns - 1) : line.size();
    text += "\r";
    text.append(line, 0, length);
    text += "\x1b[K\n";
  }
  lines_shown_ = lines.size();
  out_ << text << std::flush;
}

void LiveDisplay::Clear() {
  if (lines_shown_ == 0) return;
  out_ << fmt::format("\x1b[{}A\r\x1b[J", lines_shown_) << std::flush;
  lines_shown_ = 0;
}

}  // namespace lockstep::launcher
