// The listener program on a real server; the test plays the verifier.
#include "launcher/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "model/verdict.h"
#include "postgres/slot.h"
#include "tests/postgres/cluster_fixture.h"
#include "wire/codec.h"
#include "wire/message.h"
#include "wire/peer.h"
#include "wire/poller.h"

namespace lockstep::listener {
namespace {

using postgres::LocalCluster;
using postgres::Must;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::chrono::seconds kPatience{60};

// A directory for the test's socket and log, gone with it.
class Directory {
 public:
  Directory() {
    std::string pattern = "/tmp/lockstep-XXXXXX";
    if (!mkdtemp(pattern.data())) throw std::runtime_error("no directory for the test");
    path_ = pattern;
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// One listener program, and the verifier that it talks to.
class Listener {
 public:
  Listener(const std::string& database, std::vector<std::string> options)
      : verifier_(Must(
            wire::Server::Bind(context_, "verifier", "ipc://" + directory_.path() + "/verifier"))) {
    std::vector<std::string> command = {"listener/listener", "--id=listener-1",
                                        "--verifier=" + verifier_.endpoint(),
                                        "--database=" + database};
    command.insert(command.end(), options.begin(), options.end());
    program_.emplace(Must(launcher::Process::Start(command, LogPath())));
  }

  void Send(const wire::Message& message) {
    Must(verifier_.Send("listener-1", wire::Encode(message)));
  }
  // The next message of this kind.
  template <typename T>
  T Await() {
    wire::Poller poller;
    poller.Add(verifier_);
    const auto end = wire::Clock::now() + kPatience;
    while (wire::Clock::now() < end) {
      while (auto event = Must(verifier_.Receive())) {
        auto* received = std::get_if<wire::Received>(&*event);
        if (!received) continue;
        if (auto* message = std::get_if<T>(&received->message)) return std::move(*message);
      }
      Must(verifier_.Tick(wire::Clock::now()));
      (void)Must(poller.Wait(wire::Earlier(end, verifier_.NextDeadline())));
    }
    throw std::runtime_error("waited in vain for a message: " + Log());
  }
  wire::Hello Attach() {
    (void)Await<wire::Join>();
    Send(wire::Attach{"s", "s"});
    return Await<wire::Hello>();
  }

  void Signal(int number) { program_->Signal(number); }
  // Its exit status, once it has ended.
  int AwaitEnd() {
    pollfd item{.fd = program_->fd(), .events = POLLIN, .revents = 0};
    const auto milliseconds = std::chrono::milliseconds(kPatience).count();
    if (poll(&item, 1, static_cast<int>(milliseconds)) != 1)
      throw std::runtime_error("it does not end: " + Log());
    const launcher::ExitStatus ended = program_->Poll().value();
    EXPECT_EQ(ended.signal, 0) << Log();
    return ended.status;
  }
  std::string Log() const {
    std::ostringstream text;
    text << std::ifstream(LogPath()).rdbuf();
    return text.str();
  }

 private:
  std::string LogPath() const { return directory_.path() + "/log"; }

  Directory directory_;
  wire::Context context_;
  wire::Server verifier_;
  std::optional<launcher::Process> program_;
};

class ListenerProgramTest : public postgres::ClusterFixture {
 protected:
  void SetUp() override {
    Must(
        Sql().Execute("CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, at timetz);"
                      "INSERT INTO s.t VALUES (1, '12:00:00+02'), (2, NULL)"));
  }
  void TearDown() override {
    EXPECT_EQ(Slots(), "");
    Must(Sql().Execute("DROP SCHEMA s CASCADE"));
  }
  static std::string Slots() {
    return Must(
        Sql().Scalar("SELECT coalesce(string_agg(slot_name, ' '), '') "
                     "FROM pg_replication_slots"));
  }
  static std::string TruncationLogs() {
    return Must(
        Sql().Scalar("SELECT count(*) FROM pg_class WHERE relname = 'lockstep_truncation'"));
  }
};

TEST_F(ListenerProgramTest, WithoutTriggersItSaysWhichTablesItIsBlindTo) {
  Listener listener(cluster().uri(), {"--plugin=decoderbufs"});
  const wire::Hello hello = listener.Attach();
  EXPECT_THAT(hello.blind_tables, ElementsAre("t"));
  EXPECT_THAT(listener.Log(), HasSubstr("--install-triggers makes them"));
  EXPECT_EQ(TruncationLogs(), "0");
  listener.Send(model::Verdict{});
  EXPECT_EQ(listener.AwaitEnd(), 0);
}

TEST_F(ListenerProgramTest, InstalledTriggersShowATruncation) {
  Listener listener(cluster().uri(), {"--plugin=decoderbufs", "--install-triggers"});
  const wire::Hello hello = listener.Attach();
  EXPECT_THAT(hello.blind_tables, IsEmpty());
  EXPECT_THAT(listener.Log(), Not(HasSubstr("--install-triggers")));
  EXPECT_EQ(TruncationLogs(), "1");
  Must(Sql().Execute("TRUNCATE s.t"));
  const auto commit = listener.Await<wire::Commit>();
  EXPECT_EQ(commit.run_changes, 1U);
  EXPECT_NE(commit.digest, hello.digest);
  listener.Send(model::Verdict{});
  EXPECT_EQ(listener.AwaitEnd(), 0);
}

TEST_F(ListenerProgramTest, ItSaysWhatOfTheTablesWillBeLost) {
  Listener listener(cluster().uri(), {"--plugin=decoderbufs", "--install-triggers"});
  (void)listener.Attach();
  EXPECT_THAT(listener.Log(), HasSubstr("s.t.at: time with time zone arrives in UTC"));
  listener.Send(model::Verdict{});
  EXPECT_EQ(listener.AwaitEnd(), 0);
}

TEST_F(ListenerProgramTest, StoppedItSaysHowFarItCameAndDropsItsSlot) {
  Listener listener(cluster().uri(), {"--plugin=pgoutput"});
  Must(Sql().Execute("CREATE PUBLICATION s FOR ALL TABLES"));
  const wire::Hello hello = listener.Attach();
  EXPECT_EQ(Slots(), "s_listener_1");
  listener.Signal(SIGTERM);
  EXPECT_GE(listener.Await<wire::Leave>().received, hello.consistent_point);
  EXPECT_EQ(listener.AwaitEnd(), 0);
  Must(Sql().Execute("DROP PUBLICATION s"));
}

// To find out the plugin's version.
TEST_F(ListenerProgramTest, BeforeItJoinsItSaysWhomItWaitsForAndCanBeStopped) {
  auto open = Sql();
  Must(open.Execute("BEGIN; INSERT INTO s.t VALUES (3, NULL)"));
  Listener listener(cluster().uri(), {"--plugin=wal2json"});
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (listener.Log().find("to make slot lockstep_probe_") == std::string::npos) {
    ASSERT_LT(std::chrono::steady_clock::now(), end) << listener.Log();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  listener.Signal(SIGTERM);
  EXPECT_EQ(listener.AwaitEnd(), 4);
  EXPECT_THAT(listener.Log(), HasSubstr("stopped while waiting for transaction"));
  Must(open.Execute("ROLLBACK"));
}

TEST_F(ListenerProgramTest, ASlotOfItsNameIsLeftOverAndASlotThatTheUserNamedIsNot) {
  const auto make = [](const char* name) {
    auto maker = Replication();
    Must(CreateSlot(maker, {.name = name, .plugin = "wal2json"}));
  };
  make("s_listener_1");
  make("mine");
  Listener first(cluster().uri(), {"--plugin=wal2json"});
  (void)first.Attach();
  EXPECT_THAT(first.Log(), HasSubstr("drops slot s_listener_1"));
  first.Send(model::Verdict{});
  EXPECT_EQ(first.AwaitEnd(), 0);
  Listener second(cluster().uri(), {"--plugin=wal2json", "--slot=mine"});
  (void)second.Await<wire::Join>();
  second.Send(wire::Attach{"s", "s"});
  EXPECT_EQ(second.AwaitEnd(), 1);
  EXPECT_THAT(second.Log(), HasSubstr("\"mine\""));
  EXPECT_EQ(Slots(), "mine");
  auto dropper = Sql();
  Must(DropSlot(dropper, "mine"));
}

TEST(ListenerProgram, AServerThatCannotBeFollowedIsToldBeforeAnythingIsMade) {
  const LocalCluster server = Must(LocalCluster::Start({.settings = {{"wal_level", "replica"}}}));
  Listener listener(server.uri(), {"--plugin=pgoutput"});
  EXPECT_EQ(listener.AwaitEnd(), 1);
  EXPECT_THAT(listener.Log(), HasSubstr("set wal_level = logical in postgresql.conf"));
}

}  // namespace
}  // namespace lockstep::listener
