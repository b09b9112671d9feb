// The stream breaks off and goes on: no transaction is lost, and none comes out twice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>
#include <optional>
#include <set>
#include <string>

#include "consumer/consumer.h"
#include "postgres/local_cluster.h"
#include "postgres/replication_stream.h"
#include "postgres/table_scope.h"
#include "tests/consumer/consumer_fixture.h"

namespace lockstep::consumer {
namespace {

class ReconnectTest : public ConsumerFixture {
 protected:
  static void Insert(int from, int to) {
    Connection sql = Sql();
    for (int i = from; i < to; ++i)
      Must(sql.Execute("INSERT INTO s.t VALUES (" + std::to_string(i) + ", 'a')"));
  }
  static void ExpectEachOnce(const Follow& follow, std::size_t transactions) {
    EXPECT_EQ(follow.end_lsns().size(), transactions);
    EXPECT_TRUE(std::ranges::is_sorted(follow.end_lsns(), std::less_equal<>()));
    const std::set<model::Lsn> distinct(follow.end_lsns().begin(), follow.end_lsns().end());
    EXPECT_EQ(distinct.size(), transactions);
  }
};

TEST_F(ReconnectTest, LostConnectionGoesOnWhereItBrokeOff) {
  Follow follow = Attach("broken");
  Insert(0, 10);
  follow.UntilReceived(InsertLsn());
  TerminateReader("broken");
  EXPECT_EQ(follow.UntilLost().kind, model::ErrorKind::kDisconnected);
  EXPECT_EQ(follow->fd(), -1);
  Insert(10, 20);
  Must(follow.Reconnect());
  ExpectReplicaEqualsSource(follow);
  ExpectEachOnce(follow, 20);
  Must(follow->Detach());
}

TEST_F(ReconnectTest, ConnectionLostInTheMiddleOfATransaction) {
  Follow follow = Attach("middle");
  Insert(0, 1);
  follow.UntilReceived(InsertLsn());
  follow.Durable();
  Write("INSERT INTO s.t SELECT n, repeat('x', 200) FROM generate_series(1, 50000) n");
  // Some of it has been read.
  (void)Must(follow->Next());
  TerminateReader("middle");
  EXPECT_EQ(follow.UntilLost().kind, model::ErrorKind::kDisconnected);
  Must(follow.Reconnect());
  ExpectReplicaEqualsSource(follow);
  ExpectEachOnce(follow, 2);
  Must(follow->Detach());
}

TEST_F(ReconnectTest, FastShutdownDoesNotWaitForWhatIsNotDurable) {
  // Destroyed after the consumer: a server that waits for us goes on when we have given up.
  std::future<model::Result<void>> stopped;
  Follow follow = Attach("shutdown");
  Insert(0, 10);
  follow.UntilReceived(InsertLsn());
  const model::Lsn before = follow->confirmed();
  ASSERT_LT(before, follow.end_lsns().front());
  stopped =
      std::async(std::launch::async, [] { return cluster().Stop(postgres::StopMode::kFast); });
  const model::Error lost = follow.UntilLost();  // throws when the server waits for us
  EXPECT_EQ(lost.kind, model::ErrorKind::kDisconnected);
  Must(stopped.get());
  EXPECT_FALSE(follow.Reconnect().has_value());
  Must(cluster().StartAgain());
  // Nothing was confirmed on the way down.
  EXPECT_LT(ConfirmedFlush("shutdown"), follow.end_lsns().front());
  Must(follow.Reconnect());
  Insert(10, 20);
  ExpectReplicaEqualsSource(follow);
  ExpectEachOnce(follow, 20);
  follow.Durable();
  follow.Until([&] { return ConfirmedFlush("shutdown") >= follow.end_lsns().back(); });
  Must(follow->Detach());
}

TEST_F(ReconnectTest, SlotThatStepsBackRepeatsNothing) {
  Follow follow = Attach("steps_back");
  Write("CHECKPOINT");
  Insert(0, 10);
  follow.UntilReceived(InsertLsn());
  follow->OnDurable(follow.end_lsns()[4]);
  follow.Until([&] { return ConfirmedFlush("steps_back") == follow.end_lsns()[4]; });
  Must(cluster().Crash());
  EXPECT_EQ(follow.UntilLost().kind, model::ErrorKind::kDisconnected);
  Must(cluster().StartAgain());
  // The confirmation was lost with the server's memory.
  ASSERT_LT(ConfirmedFlush("steps_back"), follow.end_lsns().front());
  EXPECT_EQ(follow->confirmed(), follow.end_lsns()[4]);
  Must(follow.Reconnect());
  Insert(10, 15);
  ExpectReplicaEqualsSource(follow);
  ExpectEachOnce(follow, 15);
  follow.Durable();
  follow.Until([&] { return ConfirmedFlush("steps_back") >= follow.end_lsns().back(); });
  Must(follow->Detach());
}

TEST_F(ReconnectTest, CrashAfterCrashLosesAndDoublesNothing) {
  Follow follow = Attach("crashes");
  for (int round = 0; round < 4; ++round) {
    Insert(round * 20, round * 20 + 20);
    // Of some rounds all is durable, of some half, of one nothing has been read.
    if (round != 2) follow.UntilReceived(InsertLsn());
    if (round == 0) follow.Durable();
    if (round == 1) follow->OnDurable(follow.end_lsns()[30]);
    Must(cluster().Crash());
    EXPECT_EQ(follow.UntilLost().kind, model::ErrorKind::kDisconnected);
    Must(cluster().StartAgain());
    Must(follow.Reconnect());
  }
  ExpectReplicaEqualsSource(follow);
  ExpectEachOnce(follow, 80);
  Must(follow->Detach());
}

TEST_F(ReconnectTest, SlotConfirmedBySomebodyElseIsRefused) {
  Follow follow = Attach("stolen");
  TerminateReader("stolen");
  EXPECT_EQ(follow.UntilLost().kind, model::ErrorKind::kDisconnected);
  Insert(0, 3);
  Write("SELECT pg_replication_slot_advance('stolen', pg_current_wal_insert_lsn())");
  const auto reconnected = follow.Reconnect();
  ASSERT_FALSE(reconnected.has_value());
  EXPECT_EQ(reconnected.error().kind, model::ErrorKind::kMisfit);
  EXPECT_FALSE(model::IsWorthRetry(reconnected.error()));
  EXPECT_NE(reconnected.error().message.find("stolen"), std::string::npos);
  EXPECT_EQ(follow->fd(), -1);
}

TEST_F(ReconnectTest, SlotGoneIsRefused) {
  Follow follow = Attach("gone");
  TerminateReader("gone");
  EXPECT_EQ(follow.UntilLost().kind, model::ErrorKind::kDisconnected);
  Write("SELECT pg_drop_replication_slot('gone')");
  const auto reconnected = follow.Reconnect();
  ASSERT_FALSE(reconnected.has_value());
  EXPECT_EQ(reconnected.error().kind, model::ErrorKind::kMisfit);
  EXPECT_NE(reconnected.error().message.find("slot gone is gone"), std::string::npos)
      << reconnected.error().message;
  // A new one of its name knows nothing of what was missed.
  Insert(0, 3);
  Write("SELECT pg_create_logical_replication_slot('gone', 'decoderbufs')");
  EXPECT_EQ(follow.Reconnect().error().kind, model::ErrorKind::kMisfit);
}

TEST_F(ReconnectTest, AnotherServerAtTheSameAddressIsRefused) {
  char directory[] = "/tmp/lockstep-XXXXXX";
  ASSERT_NE(mkdtemp(directory), nullptr);
  const postgres::LocalClusterOptions options{.directory = std::string(directory) + "/c"};
  const auto prepare = [&](const postgres::LocalCluster& server) {
    Connection sql = Must(Connection::Open(server.uri(), postgres::ConnectionKind::kSql));
    Must(sql.Execute("CREATE SCHEMA s; CREATE TABLE s.t(id int PRIMARY KEY)"));
  };
  std::optional<Follow> follow;
  {
    postgres::LocalCluster first = Must(postgres::LocalCluster::Start(options));
    prepare(first);
    follow.emplace(Must(Consumer::Attach({.conninfo = first.uri(),
                                          .slot = "a",
                                          .plugin = "decoderbufs",
                                          .scope = postgres::TableScope::OneSchema("s")})));
  }
  postgres::LocalCluster second = Must(postgres::LocalCluster::Start(options));
  prepare(second);
  auto refused = follow->Reconnect();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, model::ErrorKind::kMisfit);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("attach again"));
  EXPECT_THAT(refused.error().message, testing::HasSubstr("system "));
  Must(second.Stop(postgres::StopMode::kImmediate));
  std::filesystem::remove_all(directory);
}

TEST_F(ReconnectTest, SlotInUseIsWorthARetry) {
  Follow follow = Attach("in_use");
  TerminateReader("in_use");
  follow.UntilLost();
  Connection other = Replication();
  auto stream = Must(postgres::ReplicationStream::Start(std::move(other), "in_use", {}, {}));
  const auto reconnected = follow.Reconnect();
  ASSERT_FALSE(reconnected.has_value());
  EXPECT_TRUE(model::IsWorthRetry(reconnected.error())) << reconnected.error().message;
  Must(std::move(stream).Finish(kPatience));
  Must(follow.Reconnect());
  Insert(0, 3);
  ExpectReplicaEqualsSource(follow);
}

TEST_F(ReconnectTest, ServerGoneIsDisconnected) {
  Follow follow = Attach("server_gone");
  Must(cluster().Crash());
  EXPECT_EQ(follow.UntilLost().kind, model::ErrorKind::kDisconnected);
  EXPECT_EQ(follow.Reconnect().error().kind, model::ErrorKind::kDisconnected);
  EXPECT_EQ(follow->Detach().error().kind, model::ErrorKind::kDisconnected);
  EXPECT_EQ(Consumer::Attach(Options("never")).error().kind, model::ErrorKind::kDisconnected);
}

}  // namespace
}  // namespace lockstep::consumer
