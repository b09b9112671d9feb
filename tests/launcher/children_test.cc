// Shells stand in for the programs of a run; what a child would report, the test itself does.
#include "launcher/children.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "launcher/process.h"
#include "launcher/programs.h"
#include "launcher/run_directory.h"
#include "model/error.h"
#include "wire/message.h"
#include "wire/peer.h"
#include "wire/reporter.h"
#include "wire/stop_signal.h"

namespace lockstep::launcher {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

template <typename T>
T Must(model::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

ProcessPlan Shell(const std::string& name, const std::string& script) {
  return {name, {"/bin/sh", "-c", script}};
}

class ChildrenTest : public ::testing::Test {
 protected:
  model::Result<void> Start(const std::vector<ProcessPlan>& plans) {
    return children_.Start(plans, directory_);
  }
  // Looks at `done` after each wait, for ten seconds at most.
  template <typename Done>
  bool Await(Done done) {
    const wire::Time end = wire::Clock::now() + std::chrono::seconds(10);
    while (!done() && wire::Clock::now() < end) {
      stop_came_ |= Must(children_.Wait(wire::Clock::now() + std::chrono::milliseconds(20)));
      (void)server_.Tick(wire::Clock::now());
    }
    return done();
  }
  // The next `count` ends.
  std::vector<Children::Ended> Ends(std::size_t count) {
    std::vector<Children::Ended> all;
    (void)Await([&] {
      for (Children::Ended& one : children_.TakeEnded()) all.push_back(std::move(one));
      return all.size() >= count;
    });
    return all;
  }
  std::string endpoint() const { return "ipc://" + directory_.sockets() + "/status"; }

  wire::StopSignal stop_ = Must(wire::StopSignal::Make());
  RunDirectory directory_ = Must(RunDirectory::Make(""));
  wire::Context context_;
  wire::Server server_ = Must(wire::Server::Bind(context_, "launcher", endpoint()));
  Children children_{server_, stop_};
  bool stop_came_ = false;
};

TEST_F(ChildrenTest, EachEndIsToldOnce) {
  Must(Start({Shell("one", "exit 3"), Shell("two", "kill -9 $$")}));
  EXPECT_THAT(children_.names(), ElementsAre("one", "two"));
  EXPECT_THAT(Ends(2), testing::UnorderedElementsAre(Children::Ended{"one", {.status = 3}},
                                                     Children::Ended{"two", {.signal = SIGKILL}}));
  EXPECT_THAT(children_.TakeEnded(), IsEmpty());
  EXPECT_THAT(children_.names(), ElementsAre("one", "two"));
}

TEST_F(ChildrenTest, WhenOneCannotBeStartedNoneIsLeft) {
  const auto started = Start({Shell("one", "sleep 60"), {"two", {"/nowhere/program"}}});
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error().kind, model::ErrorKind::kEnvironment);
  EXPECT_THAT(children_.names(), IsEmpty());
  EXPECT_THAT(children_.TakeEnded(), IsEmpty());
}

TEST_F(ChildrenTest, ASignalReachesAllOrTheNamedOneButNotTheForeground) {
  Must(Start({Shell("one", "exec sleep 60"), Shell("two", "exec sleep 60")}));
  Must(children_.StartForeground({"sleep", "60"}, {}));
  children_.Signal("two", SIGUSR1);
  EXPECT_THAT(Ends(1), ElementsAre(Children::Ended{"two", {.signal = SIGUSR1}}));
  children_.Signal(SIGUSR2);
  EXPECT_THAT(Ends(1), ElementsAre(Children::Ended{"one", {.signal = SIGUSR2}}));
  EXPECT_EQ(children_.TakeForegroundEnd(), std::nullopt);
}

TEST_F(ChildrenTest, TheForegroundHasAnEndOfItsOwn) {
  EXPECT_EQ(children_.TakeForegroundEnd(), std::nullopt);
  children_.SignalForeground(SIGTERM);  // there is none
  Must(children_.StartForeground({"sh", "-c", "exit $GIVEN"}, {{"GIVEN", "7"}}));
  std::optional<ExitStatus> ended;
  EXPECT_TRUE(Await([&] { return ended || (ended = children_.TakeForegroundEnd()); }));
  EXPECT_EQ(ended, ExitStatus{.status = 7});
  EXPECT_EQ(children_.TakeForegroundEnd(), std::nullopt);
  EXPECT_THAT(children_.TakeEnded(), IsEmpty());

  Must(children_.StartForeground({"sleep", "60"}, {}));  // the next one
  children_.SignalForeground(SIGTERM);
  ended.reset();
  EXPECT_TRUE(Await([&] { return ended || (ended = children_.TakeForegroundEnd()); }));
  EXPECT_EQ(ended, ExitStatus{.signal = SIGTERM});
}

TEST_F(ChildrenTest, MessagesOfChildrenComeInTheirOrder) {
  Must(Start({Shell("one", "exec sleep 60")}));
  wire::Reporter stranger = Must(wire::Reporter::Connect(context_, "stranger", endpoint()));
  stranger.Fail({model::ErrorKind::kUsage, "of nobody's"});
  wire::Reporter reporter = Must(wire::Reporter::Connect(context_, "one", endpoint()));
  reporter.Report({{"rows", 5}}, wire::Clock::now());
  reporter.Fail({model::ErrorKind::kUsage, "no such table"});
  std::vector<wire::Message> messages;
  EXPECT_TRUE(Await([&] {
    (void)stranger.Tick(wire::Clock::now());
    (void)reporter.Tick(wire::Clock::now());
    while (auto message = children_.NextMessage()) messages.push_back(std::move(*message));
    return messages.size() == 2;
  }));
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(std::get<wire::Status>(messages[0]).process, "one");
  EXPECT_EQ(std::get<wire::Failure>(messages[1]).error.message, "no such table");
}

TEST_F(ChildrenTest, AStopRequestIsTold) {
  EXPECT_FALSE(Must(children_.Wait(wire::Clock::now())));
  kill(getpid(), SIGTERM);
  EXPECT_TRUE(Await([&] { return stop_came_; }));
  EXPECT_FALSE(Must(children_.Wait(wire::Clock::now())));
  kill(getpid(), SIGTERM);
  EXPECT_TRUE(Must(children_.Wait(wire::Clock::now() + std::chrono::seconds(10))));
}

}  // namespace
}  // namespace lockstep::launcher
