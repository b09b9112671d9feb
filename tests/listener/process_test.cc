// The listener program on a real server; the test plays the verifier.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "model/error.h"
#include "model/verdict.h"
#include "postgres/local_cluster.h"
#include "postgres/slot.h"
#include "tests/postgres/await.h"
#include "tests/postgres/cluster_fixture.h"
#include "tests/wire/played_verifier.h"
#include "wire/message.h"

namespace lockstep::listener {
namespace {

using postgres::LocalCluster;
using postgres::Must;
using postgres::StopMode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// One listener program, and the verifier that it talks to.
class Listener : public wire::PlayedVerifier {
 public:
  Listener(const std::string& database, std::vector<std::string> options)
      : PlayedVerifier("listener-1") {
    std::vector<std::string> command = {"listener/listener", "--id=listener-1",
                                        "--database=" + database};
    command.insert(command.end(), options.begin(), options.end());
    Start(std::move(command));
  }

  wire::Hello Attach() {
    (void)Await<wire::Join>();
    Send(wire::Attach{"s", "s"});
    return Await<wire::Hello>();
  }
  void AwaitLog(const std::string& text) const {
    postgres::Await("it logs: " + text, [&] { return Log().find(text) != std::string::npos; });
  }
};

class ListenerProgramTest : public postgres::ClusterFixture {
 protected:
  void SetUp() override {
    if (!cluster().IsRunning()) Must(cluster().StartAgain());
    Must(
        Sql().Execute("CREATE SCHEMA s; CREATE TABLE s.t (id int PRIMARY KEY, at timetz);"
                      "INSERT INTO s.t VALUES (1, '12:00:00+02'), (2, NULL)"));
  }
  void TearDown() override {
    if (!cluster().IsRunning()) Must(cluster().StartAgain());
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

TEST_F(ListenerProgramTest, StoppedWhileItWaitsToAttachItLeavesInOrderToo) {
  auto writer = Sql();
  Must(writer.Execute("BEGIN; SELECT pg_current_xact_id()"));
  Listener listener(cluster().uri(), {"--plugin=decoderbufs"});
  (void)listener.Await<wire::Join>();
  listener.Send(wire::Attach{"s", "s"});
  postgres::Await("it waits for the transaction", [] {
    return Must(Sql().Scalar("SELECT count(*) FROM pg_locks WHERE NOT granted")) != "0";
  });
  listener.Signal(SIGTERM);
  EXPECT_FALSE(listener.Await<wire::Leave>().received.IsValid());
  EXPECT_EQ(listener.AwaitEnd(), 0) << listener.Log();
  Must(writer.Execute("ROLLBACK"));
}

TEST_F(ListenerProgramTest, AServerThatIsAwayIsWaitedForToJoinAndToAttach) {
  Must(cluster().Stop(StopMode::kFast));
  Listener listener(cluster().uri(), {"--plugin=decoderbufs"});
  listener.AwaitLog("joining again");
  Must(cluster().StartAgain());
  (void)listener.Await<wire::Join>();
  Must(cluster().Stop(StopMode::kFast));
  listener.Send(wire::Attach{"s", "s"});
  listener.AwaitLog("attaching again");
  Must(cluster().StartAgain());
  EXPECT_EQ(listener.Await<wire::Hello>().slot, "s_listener_1");
  const std::string log = listener.Log();
  EXPECT_EQ(log.find("joining again"), log.rfind("joining again")) << log;  // said once
  EXPECT_EQ(log.find("attaching again"), log.rfind("attaching again")) << log;
  listener.Send(model::Verdict{});
  EXPECT_EQ(listener.AwaitEnd(), 0) << listener.Log();
}

TEST_F(ListenerProgramTest, StoppedWhileTheServerIsAwayItLeavesInOrderToo) {
  Must(cluster().Stop(StopMode::kFast));
  Listener listener(cluster().uri(), {"--plugin=decoderbufs"});
  listener.AwaitLog("joining again");
  listener.Signal(SIGTERM);
  (void)listener.Await<wire::Leave>();
  EXPECT_EQ(listener.AwaitEnd(), 0) << listener.Log();
}

TEST_F(ListenerProgramTest, TheHealthFileIsThereOnlyWhileThereIsASlot) {
  const wire::SocketDirectory directory;
  const std::string path = directory.path() + "/attached";
  std::ofstream(path) << "of an earlier process\n";
  Listener listener(cluster().uri(), {"--plugin=decoderbufs", "--health-file=" + path});
  (void)listener.Await<wire::Join>();
  EXPECT_FALSE(std::filesystem::exists(path));
  listener.Send(wire::Attach{"s", "s"});
  (void)listener.Await<wire::Hello>();
  EXPECT_TRUE(std::filesystem::exists(path));
  listener.Send(wire::Leave{"listener-1", {}});
  (void)listener.Await<wire::Join>();
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(Slots(), "");
  listener.Send(wire::Attach{"s", "s"});
  (void)listener.Await<wire::Hello>();
  EXPECT_TRUE(std::filesystem::exists(path));
  listener.Send(model::Verdict{});
  EXPECT_EQ(listener.AwaitEnd(), 0) << listener.Log();
}

// To find out the plugin's version.
TEST_F(ListenerProgramTest, BeforeItJoinsItSaysWhomItWaitsForAndCanBeStopped) {
  auto open = Sql();
  Must(open.Execute("BEGIN; INSERT INTO s.t VALUES (3, NULL)"));
  Listener listener(cluster().uri(), {"--plugin=wal2json"});
  listener.AwaitLog("to make slot lockstep_probe_");
  listener.Signal(SIGTERM);
  EXPECT_FALSE(listener.Await<wire::Leave>().received.IsValid());
  EXPECT_EQ(listener.AwaitEnd(), 0) << listener.Log();
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

TEST_F(ListenerProgramTest, TheVerifierIsToldWhyAListenerFails) {
  for (const auto& [option, reason] :
       {std::pair("--plugin=typo", "there is no decoder for the output plugin \"typo\""),
        std::pair("--sabotage=typo", "typo"), std::pair("--attach-timeout=soon", "soon")}) {
    SCOPED_TRACE(option);
    Listener listener(cluster().uri(), {option});
    const auto failure = listener.Await<wire::Failure>();
    EXPECT_EQ(failure.process, "listener-1");
    EXPECT_EQ(failure.error.kind, model::ErrorKind::kUsage);
    EXPECT_THAT(failure.error.message, HasSubstr(reason));
    EXPECT_EQ(listener.AwaitEnd(), 1) << listener.Log();
  }
}

TEST(ListenerProgram, AServerThatCannotBeFollowedIsToldBeforeAnythingIsMade) {
  const LocalCluster server = Must(LocalCluster::Start({.settings = {{"wal_level", "replica"}}}));
  Listener listener(server.uri(), {"--plugin=pgoutput"});
  EXPECT_EQ(listener.AwaitEnd(), 1);
  EXPECT_THAT(listener.Log(), HasSubstr("set wal_level = logical in postgresql.conf"));
}

}  // namespace
}  // namespace lockstep::listener
