#include "postgres/replication_stream.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>

#include "model/lsn.h"
#include "postgres/slot.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

using namespace std::chrono_literals;
using model::Lsn;

std::uint64_t BigEndian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (char c : bytes.substr(0, 8)) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::string StatusUpdate(Lsn position) {
  std::string bytes = "r";
  for (int field = 0; field < 4; ++field) {
    std::uint64_t value = field < 3 ? position.value : 0;
    for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xFF);
  }
  return bytes + '\0';
}

// test_decoding's payloads are text.
class ReplicationStreamTest : public ClusterFixture {
 protected:
  static void MakeSlot(const std::string& name) {
    Connection replication = Replication();
    Must(CreateSlot(replication,
                    {.name = name, .plugin = "test_decoding", .export_snapshot = false}));
  }
  static ReplicationStream Follow(const std::string& slot) {
    return Must(ReplicationStream::Start(Replication(), slot, Lsn{},
                                         {{"skip-empty-xacts", "1"}, {"include-xids", "0"}}));
  }
  // The payload of the next XLogData frame.
  static std::string Next(ReplicationStream& stream, Lsn* position = nullptr) {
    while (true) {
      CopyData frame = Must(stream.Wait(30s));
      if (frame.bytes()[0] != 'w') continue;
      if (position != nullptr) *position = Lsn{BigEndian(frame.bytes().substr(1))};
      return std::string(frame.bytes().substr(25));
    }
  }
};

TEST_F(ReplicationStreamTest, CommittedRowsArrive) {
  Connection sql = Sql();
  Must(sql.Execute("CREATE TABLE arrive(a int PRIMARY KEY)"));
  MakeSlot("arrive");
  Must(sql.Execute("INSERT INTO arrive VALUES (7)"));
  ReplicationStream stream = Follow("arrive");
  EXPECT_EQ(Next(stream), "BEGIN");
  EXPECT_EQ(Next(stream), "table public.arrive: INSERT: a[integer]:7");
  EXPECT_EQ(Next(stream), "COMMIT");
  // Nothing more: the next frame can only be a keepalive.
  model::Result<std::optional<CopyData>> frame = stream.Receive();
  ASSERT_TRUE(frame.has_value());
  EXPECT_TRUE(!frame->has_value() || (*frame)->bytes()[0] == 'k');
}

TEST_F(ReplicationStreamTest, StatusUpdateMovesTheSlot) {
  Connection sql = Sql();
  Must(sql.Execute("CREATE TABLE moved(a int PRIMARY KEY)"));
  MakeSlot("moved");
  Must(sql.Execute("INSERT INTO moved VALUES (1)"));
  ReplicationStream stream = Follow("moved");
  Lsn end;
  while (Next(stream, &end) != "COMMIT") {
  }
  Must(stream.SendStatusUpdate(StatusUpdate(end)));
  EXPECT_FALSE(stream.WantsWrite());
  Connection back = Must(std::move(stream).Finish(10s));
  // The server has read everything before our CopyDone, and the slot is free.
  SlotInfo info = Must(InspectSlot(sql, "moved")).value();
  EXPECT_EQ(info.confirmed_flush_lsn, end);
  EXPECT_FALSE(info.active);
  EXPECT_EQ(Must(back.Scalar("SELECT 1")), "1");
  Must(sql.Execute("INSERT INTO moved VALUES (2)"));
  ReplicationStream again = Follow("moved");
  EXPECT_EQ(Next(again), "BEGIN");
  EXPECT_EQ(Next(again), "table public.moved: INSERT: a[integer]:2");
}

TEST_F(ReplicationStreamTest, FinishInTheMiddleOfALargeTransactionFreesTheSlot) {
  Connection sql = Sql();
  Must(sql.Execute("CREATE TABLE large(a int PRIMARY KEY)"));
  MakeSlot("large");
  Must(sql.Execute("INSERT INTO large SELECT generate_series(1, 100000)"));
  ReplicationStream stream = Follow("large");
  EXPECT_EQ(Next(stream), "BEGIN");
  Must(std::move(stream).Finish(60s));
  EXPECT_FALSE(Must(InspectSlot(sql, "large")).value().active);
}

TEST_F(ReplicationStreamTest, TerminatedWalsenderIsDisconnectedWithItsWords) {
  MakeSlot("terminated");
  ReplicationStream stream = Follow("terminated");
  Must(Sql().Execute("SELECT pg_terminate_backend(" +
                     std::to_string(stream.connection().backend_pid()) + ", 10000)"));
  model::Result<CopyData> frame = stream.Wait(10s);
  while (frame) frame = stream.Wait(10s);
  EXPECT_EQ(frame.error().kind, model::ErrorKind::kDisconnected);
  EXPECT_NE(frame.error().message.find("administrator command"), std::string::npos)
      << frame.error().message;
}

TEST_F(ReplicationStreamTest, UnknownOptionIsThePluginsError) {
  MakeSlot("unknown_option");
  model::Result<ReplicationStream> stream =
      ReplicationStream::Start(Replication(), "unknown_option", Lsn{}, {{"no-such", "1"}});
  ASSERT_FALSE(stream.has_value());
  EXPECT_NE(stream.error().message.find("no-such"), std::string::npos) << stream.error().message;
  EXPECT_FALSE(model::IsWorthRetry(stream.error()));
}

TEST_F(ReplicationStreamTest, SlotInUseNamesThePidAndIsWorthARetry) {
  MakeSlot("in_use");
  ReplicationStream first = Follow("in_use");
  model::Result<ReplicationStream> second =
      ReplicationStream::Start(Replication(), "in_use", Lsn{}, {});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().sqlstate, "55006");
  EXPECT_TRUE(model::IsWorthRetry(second.error()));
  EXPECT_NE(second.error().message.find(std::to_string(first.connection().backend_pid())),
            std::string::npos)
      << second.error().message;
}

TEST(ReplicationStreamAtCrash, CrashEndsTheStreamAsDisconnected) {
  LocalCluster cluster = Must(LocalCluster::Start());
  Connection replication = Must(Connection::Open(cluster.uri(), ConnectionKind::kReplication));
  Must(CreateSlot(replication, {.name = "s", .plugin = "test_decoding"}));
  ReplicationStream stream = Must(ReplicationStream::Start(std::move(replication), "s", Lsn{}, {}));
  Must(cluster.Crash());
  model::Result<CopyData> frame = stream.Wait(10s);
  while (frame) frame = stream.Wait(10s);
  EXPECT_EQ(frame.error().kind, model::ErrorKind::kDisconnected) << frame.error().message;
}

}  // namespace
}  // namespace lockstep::postgres
