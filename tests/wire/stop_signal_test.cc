#include "wire/stop_signal.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

namespace lockstep::wire {
namespace {

// Each kind of signal stays blocked for the process.
TEST(StopSignalTest, EachSignalStopsAndIsCounted) {
  signal(SIGHUP, SIG_DFL);
  auto stop = StopSignal::Make();
  ASSERT_TRUE(stop.has_value()) << stop.error().message;
  EXPECT_FALSE(stop->Stopped());
  int count = 0;
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    kill(getpid(), number);
    EXPECT_EQ(stop->Count(), ++count) << number;
  }
}

TEST(StopSignalTest, UnderNohupAHangupIsIgnored) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGHUP, SIG_IGN);
  auto stop = StopSignal::Make();
  ASSERT_TRUE(stop.has_value()) << stop.error().message;
  kill(getpid(), SIGHUP);
  EXPECT_EQ(stop->Count(), 0);
}

}  // namespace
}  // namespace lockstep::wire
