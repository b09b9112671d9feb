#include "launcher/live_display.h"

#include <gtest/gtest.h>

#include <chrono>
#include <sstream>

namespace lockstep::launcher {
namespace {

using std::chrono::milliseconds;
using Time = LiveDisplay::Time;

StatusBoard SomeBoard() {
  StatusBoard board;
  const auto at = [](int ms) { return Time() + milliseconds(ms); };
  board.Update({"generator", {{"scripts", 0}, {"credit_waits", 0}}}, at(0));
  board.Update({"generator", {{"scripts", 1500}, {"credit_waits", 3}}}, at(1000));
  board.Update({"applier", {{"committed", 0}}}, at(0));
  board.Update({"applier", {{"committed", 1200}, {"rolled_back", 130}, {"in_flight", 4}}},
               at(1000));
  board.Update({"listener-1", {{"transactions", 1190}, {"changes", 23456}}}, at(1000));
  board.Update({"verifier",
                {{"committed", 1200},
                 {"judged", 1180},
                 {"failed", 2},
                 {"wal_lsn", 100'000},
                 {"listener-1.lsn", 87'700},
                 {"listener-1.checked", 1180}}},
               at(1000));
  return board;
}

TEST(LiveDisplayTest, EachProcessHasALine) {
  const std::vector<std::string> expected = {
      "generator      1,500/s  1,500 of 2,000 transactions generated, waited 3 times for credit",
      "applier        1,200/s  1,200 committed, 130 rolled back, 4 in flight",
      "listener-1         0/s  1,190 transactions received, 23,456 changes, "
      "lag 12.3 kB, 20 commits",
      "listener-2   starting",
      "verifier           0/s  1,180 of 1,200 commits checked, 2 transactions failed"};
  EXPECT_EQ(LiveLines(SomeBoard(), 2000, 2), expected);
}

TEST(LiveDisplayTest, ALogLineSaysItAll) {
  EXPECT_EQ(LogLine(SomeBoard(), 2000, 1, milliseconds(5200)),
            "5 s: 1,500 of 2,000 transactions generated; 1,200 committed, 1,200/s; 1,180 commits "
            "checked; listener-1 lag 12.3 kB, 20 commits");
}

TEST(LiveDisplayTest, ATerminalIsRewrittenInPlaceAndClearedAtTheEnd) {
  std::ostringstream out;
  LiveDisplay display(out, {.is_terminal = true, .transactions = 9, .listeners = 1});
  display.Show(StatusBoard(), 16, Time());
  const std::string lines =
      "\rgenerator    st\x1b[K\n\rapplier      st\x1b[K\n\rlistener-1   st\x1b[K\n"
      "\rverifier     st\x1b[K\n";
  EXPECT_EQ(out.str(), lines);
  display.Show(StatusBoard(), 16, Time() + milliseconds(100));  // not due yet
  display.Show(StatusBoard(), 16, Time() + milliseconds(250));
  EXPECT_EQ(out.str(), lines + "\x1b[4A" + lines);
  display.Clear();
  EXPECT_TRUE(out.str().ends_with("\x1b[4A\r\x1b[J"));
}

TEST(LiveDisplayTest, WithoutATerminalThereIsALineEveryFewSeconds) {
  std::ostringstream out;
  LiveDisplay display(out, {.is_terminal = false, .transactions = 9, .listeners = 0});
  for (int ms = 0; ms <= 11'000; ms += 250) {
    display.Show(StatusBoard(), 0, Time() + milliseconds(ms));
  }
  display.Clear();
  EXPECT_EQ(out.str(),
            "5 s: 0 of 9 transactions generated; 0 committed, 0/s; 0 commits checked\n"
            "10 s: 0 of 9 transactions generated; 0 committed, 0/s; 0 commits checked\n");
}

}  // namespace
}  // namespace lockstep::launcher
