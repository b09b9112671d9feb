#include "postgres/commit_order.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "postgres/replication_stream.h"
#include "postgres/slot.h"
#include "tests/postgres/cluster_fixture.h"

namespace lockstep::postgres {
namespace {

using namespace std::chrono_literals;
using model::Lsn;
using model::Xid;

Xid ParseXid(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return Xid{static_cast<std::uint32_t>(value)};
}

// Transactions of one session: plain, with savepoints, and prepared ones. Returns their xids in
// commit order.
std::vector<Xid> Write(Connection sql, int writer, int transactions) {
  std::vector<Xid> xids;
  for (int i = 0; i < transactions; ++i) {
    Must(sql.Execute("BEGIN"));
    Must(sql.Execute("INSERT INTO t SELECT generate_series(1, 3)"));
    if (i % 5 == 0) Must(sql.Execute("SAVEPOINT s; INSERT INTO t VALUES (4)"));
    Xid xid = ParseXid(Must(sql.Scalar("SELECT pg_current_xact_id()")));
    if (i % 7 == 0) {
      std::string gid = fmt::format("'w{}-{}'", writer, i);
      Must(sql.Execute("PREPARE TRANSACTION " + gid));
      Must(sql.Execute((i % 2 == 0 ? "COMMIT PREPARED " : "ROLLBACK PREPARED ") + gid));
      if (i % 2 != 0) continue;
    } else if (i % 11 == 0) {
      Must(sql.Execute("ROLLBACK"));
      continue;
    } else {
      Must(sql.Execute("COMMIT"));
    }
    xids.push_back(xid);
  }
  return xids;
}

class CommitOrderTest : public ClusterFixture {
 protected:
  static CommitOrder Open(Lsn from, std::uint64_t step_bytes) {
    Connection sql = Sql();
    EXPECT_EQ(Must(CommitOrder::WhyUnavailable(sql)), "");
    return Must(CommitOrder::Start(std::move(sql), from, step_bytes));
  }
  static CommitBatch NextBatch(CommitOrder& order) {
    Must(order.Request());
    while (true) {
      if (std::optional<CommitBatch> batch = Must(order.Next())) return std::move(*batch);
      Must(order.Flush());
      pollfd waiting{order.fd(), POLLIN, 0};
      poll(&waiting, 1, -1);
    }
  }
  // The commits that decoding shows, by the headers of their frames, up to those of all `xids`.
  static std::vector<model::CommitRecord> Decoded(const std::string& slot, std::set<Xid> xids) {
    std::vector<model::CommitRecord> commits;
    ReplicationStream stream = Must(ReplicationStream::Start(Replication(), slot, Lsn{}, {}));
    while (!xids.empty()) {
      CopyData frame = Must(stream.Wait(30s));
      if (frame.bytes()[0] != 'w' || frame.bytes().size() < 32) continue;
      std::string_view payload = frame.bytes().substr(25);
      if (!payload.starts_with("COMMIT ")) continue;
      Lsn end;
      for (char c : frame.bytes().substr(1, 8)) {
        end.value = end.value << 8 | static_cast<unsigned char>(c);
      }
      commits.push_back({ParseXid(payload.substr(7)), end});
      xids.erase(commits.back().xid);
    }
    return commits;
  }
};

// Read in small steps while four sessions write: every commit once, and as logical decoding says.
TEST_F(CommitOrderTest, EqualsDecodingUnderConcurrentWriters) {
  constexpr int kWriters = 4;
  constexpr int kTransactions = 300;
  Must(Sql().Execute("CREATE TABLE t(a int)"));
  Connection replication = Replication();
  CreatedSlot slot = Must(CreateSlot(
      replication, {.name = "order", .plugin = "test_decoding", .export_snapshot = false}));
  CommitOrder order = Open(slot.consistent_point, 300);

  std::atomic<int> running = kWriters;
  std::vector<std::vector<Xid>> written(kWriters);
  std::vector<std::thread> writers;
  for (int i = 0; i < kWriters; ++i) {
    writers.emplace_back([&, i] {
      written[static_cast<std::size_t>(i)] = Write(Sql(), i, kTransactions);
      --running;
    });
  }
  std::vector<model::CommitRecord> commits;
  while (running > 0) {
    // One query, however far it comes: the steps fall anywhere between and inside records.
    CommitBatch batch = NextBatch(order);
    commits.insert(commits.end(), batch.commits.begin(), batch.commits.end());
    if (!batch.commits.empty()) {
      ASSERT_LE(batch.commits.back().end_lsn, batch.read_to);
    }
  }
  for (std::thread& writer : writers) writer.join();

  std::set<Xid> xids;
  for (const std::vector<Xid>& of_one : written) xids.insert(of_one.begin(), of_one.end());
  std::vector<model::CommitRecord> decoded = Decoded("order", xids);
  std::vector<model::CommitRecord> rest = Must(order.ReadTo(decoded.back().end_lsn, 60s));
  commits.insert(commits.end(), rest.begin(), rest.end());

  // In one step, from the start, by another reader.
  CommitOrder whole_order = Open(slot.consistent_point, std::uint64_t{1} << 30);
  std::vector<model::CommitRecord> whole = Must(whole_order.ReadTo(decoded.back().end_lsn, 60s));
  ASSERT_GE(whole.size(), commits.size());
  whole.resize(commits.size());
  EXPECT_EQ(commits, whole);

  std::set<Xid> shown;
  for (const model::CommitRecord& commit : decoded) shown.insert(commit.xid);
  std::erase_if(commits, [&](const model::CommitRecord& commit) {
    return !shown.contains(commit.xid) || commit.end_lsn > decoded.back().end_lsn;
  });
  EXPECT_GE(decoded.size(), xids.size());
  EXPECT_EQ(commits, decoded);
}

TEST_F(CommitOrderTest, NothingNewIsAnEmptyBatchAtTheEnd) {
  Must(Sql().Execute("SELECT pg_switch_wal()"));
  Lsn here = Must(Sql().ScalarLsn("SELECT pg_current_wal_insert_lsn()"));
  CommitOrder order = Open(here, 1 << 20);
  EXPECT_FALSE(Must(order.Next()).has_value());
  CommitBatch batch = NextBatch(order);
  EXPECT_TRUE(batch.at_end);
  EXPECT_GE(batch.read_to, here);
}

// A record larger than the step, over several segments of the log.
TEST_F(CommitOrderTest, RecordsLargerThanTheStepAreCrossed) {
  Connection sql = Sql();
  Lsn here = Must(sql.ScalarLsn("SELECT pg_current_wal_insert_lsn()"));
  CommitOrder order = Open(here, 10);
  Must(sql.Execute("BEGIN; SELECT pg_logical_emit_message(true, 'p', repeat('x', 40000000))"));
  Xid xid = ParseXid(Must(sql.Scalar("SELECT pg_current_xact_id()")));
  Must(sql.Execute("COMMIT"));
  Lsn end = Must(sql.ScalarLsn("SELECT pg_current_wal_insert_lsn()"));
  bool found = false;
  for (const model::CommitRecord& commit : Must(order.ReadTo(end, 60s))) found |= commit.xid == xid;
  EXPECT_TRUE(found);
}

TEST_F(CommitOrderTest, RemovedLogIsAnErrorNotSilence) {
  CommitOrder order = Open(Lsn{0x10000}, 1 << 20);
  model::Result<std::vector<model::CommitRecord>> commits = order.ReadTo(Lsn{0x20000}, 10s);
  ASSERT_FALSE(commits.has_value());
  EXPECT_EQ(commits.error().kind, model::ErrorKind::kEnvironment) << commits.error().message;
  EXPECT_NE(commits.error().message.find("0/10000"), std::string::npos) << commits.error().message;
}

TEST_F(CommitOrderTest, UserWithoutTheRightIsTold) {
  Connection sql = Sql();
  EXPECT_EQ(Must(CommitOrder::WhyUnavailable(sql)), "");
  Must(sql.Execute("CREATE ROLE reader LOGIN"));
  Must(sql.Execute("CREATE DATABASE bare"));
  auto why = [](const std::string& database) {
    Connection reader = Must(Connection::Open(
        "host=" + cluster().directory() + " user=reader dbname=" + database, ConnectionKind::kSql));
    return Must(CommitOrder::WhyUnavailable(reader));
  };
  EXPECT_NE(why("postgres").find("pg_read_server_files"), std::string::npos) << why("postgres");
  EXPECT_NE(why("bare").find("CREATE EXTENSION"), std::string::npos) << why("bare");
  Must(sql.Execute("GRANT pg_read_server_files TO reader"));
  EXPECT_EQ(why("postgres"), "");
}

}  // namespace
}  // namespace lockstep::postgres
