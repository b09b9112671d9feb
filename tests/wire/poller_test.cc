#include "wire/poller.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "wire/codec.h"
#include "wire/peer.h"

namespace lockstep::wire {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class PollerTest : public ::testing::Test {
 protected:
  PollerTest() { EXPECT_EQ(pipe(pipe_.data()), 0); }
  ~PollerTest() override {
    for (int fd : pipe_) close(fd);
  }
  int read_end() const { return pipe_[0]; }
  int write_end() const { return pipe_[1]; }

  std::array<int, 2> pipe_;
  Poller poller_;
};

TEST_F(PollerTest, NothingIsReadyAtTheDeadlineAndNotBefore) {
  poller_.AddFd(read_end(), {.read = true});
  const Time deadline = Clock::now() + milliseconds(20);
  EXPECT_TRUE(poller_.Wait(deadline)->empty());
  EXPECT_GE(Clock::now(), deadline);
}

TEST_F(PollerTest, ADeadlineInThePastDoesNotWait) {
  poller_.AddFd(read_end(), {.read = true});
  EXPECT_TRUE(poller_.Wait(Time::min())->empty());
}

TEST_F(PollerTest, SaysWhichFileDescriptorIsReadable) {
  const Poller::Token reader = poller_.AddFd(read_end(), {.read = true});
  poller_.AddFd(write_end(), {});
  ASSERT_EQ(write(write_end(), "x", 1), 1);
  const auto ready = poller_.Wait(std::nullopt).value();
  ASSERT_EQ(ready.size(), 1u);
  EXPECT_EQ(ready[0].token, reader);
  EXPECT_TRUE(ready[0].readable);
  EXPECT_FALSE(ready[0].writable);
}

TEST_F(PollerTest, InterestCanBeChanged) {
  const Poller::Token writer = poller_.AddFd(write_end(), {});
  EXPECT_TRUE(poller_.Wait(Clock::now())->empty());
  poller_.SetInterest(writer, {.write = true});
  ASSERT_EQ(poller_.Wait(Clock::now())->size(), 1u);
  EXPECT_TRUE(poller_.Wait(Clock::now())->front().writable);
  poller_.SetInterest(writer, {});
  EXPECT_TRUE(poller_.Wait(Clock::now())->empty());
}

TEST_F(PollerTest, ARemovedFileDescriptorIsNotWatchedAndTheOthersKeepTheirTokens) {
  const Poller::Token first = poller_.AddFd(write_end(), {.write = true});
  const Poller::Token second = poller_.AddFd(read_end(), {.read = true});
  ASSERT_EQ(write(write_end(), "x", 1), 1);
  poller_.Remove(first);
  const auto ready = poller_.Wait(std::nullopt).value();
  ASSERT_EQ(ready.size(), 1u);
  EXPECT_EQ(ready[0].token, second);
}

TEST_F(PollerTest, ASignalEndsTheWait) {
  struct sigaction action = {};
  struct sigaction previous = {};
  action.sa_handler = [](int) {};
  ASSERT_EQ(sigaction(SIGALRM, &action, &previous), 0);
  // Repeats, so that one that comes before the wait begins does no harm.
  const itimerval timer = {.it_interval = {0, 10'000}, .it_value = {0, 10'000}};
  ASSERT_EQ(setitimer(ITIMER_REAL, &timer, nullptr), 0);
  const Time start = Clock::now();
  poller_.AddFd(read_end(), {.read = true});
  const auto ready = poller_.Wait(start + seconds(30));
  const itimerval off = {};
  setitimer(ITIMER_REAL, &off, nullptr);
  sigaction(SIGALRM, &previous, nullptr);
  ASSERT_TRUE(ready.has_value());
  EXPECT_TRUE(ready->empty());
  EXPECT_LT(Clock::now(), start + seconds(20));
}

TEST_F(PollerTest, ASignalfdIsAFileDescriptorLikeAnother) {
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGUSR1);
  ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &mask, nullptr), 0);
  const int fd = signalfd(-1, &mask, SFD_CLOEXEC);
  const Poller::Token token = poller_.AddFd(fd, {.read = true});
  raise(SIGUSR1);
  const auto ready = poller_.Wait(Clock::now() + seconds(20)).value();
  ASSERT_EQ(ready.size(), 1u);
  EXPECT_EQ(ready[0].token, token);
  signalfd_siginfo info;
  EXPECT_EQ(read(fd, &info, sizeof info), static_cast<ssize_t>(sizeof info));
  close(fd);
}

TEST_F(PollerTest, AServerIsReadableUntilItHasBeenReadToItsEnd) {
  Context context;
  Server server = Server::Bind(context, "server", "tcp://127.0.0.1:*").value();
  Client client = Client::Connect(context, "client", server.endpoint()).value();
  const Poller::Token token = poller_.Add(server);
  ASSERT_TRUE(client.Send(Encode(Barrier{.number = 1})).has_value());
  const Time give_up = Clock::now() + seconds(20);
  // The first message brings two events; the second is not on the socket any more and makes the
  // poller ready all the same.
  std::optional<Event> event;
  while (!event.has_value()) {
    ASSERT_LT(Clock::now(), give_up);
    ASSERT_TRUE(poller_.Wait(give_up).has_value());
    event = server.Receive().value();
  }
  EXPECT_TRUE(std::holds_alternative<PeerStarted>(*event));
  const auto ready = poller_.Wait(std::nullopt).value();
  ASSERT_EQ(ready.size(), 1u);
  EXPECT_EQ(ready[0].token, token);
  EXPECT_TRUE(ready[0].readable);
  EXPECT_TRUE(std::holds_alternative<Received>(*server.Receive().value()));
  EXPECT_FALSE(server.Receive().value().has_value());
}

}  // namespace
}  // namespace lockstep::wire
