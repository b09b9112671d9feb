// Attach, follow, confirm, detach, on a real server with decoderbufs.
#include "consumer/consumer.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <thread>
#include <variant>
#include <vector>

#include "model/change.h"
#include "model/error.h"
#include "postgres/relation_reader.h"
#include "postgres/table_scope.h"
#include "replication/make_decoder.h"
#include "replication/relation_map.h"
#include "tests/consumer/consumer_fixture.h"

namespace lockstep::consumer {
namespace {

class ConsumerTest : public ConsumerFixture {};

TEST_F(ConsumerTest, ReplicaEqualsSourceFromBeforeAndAfterTheAttach) {
  Write(
      "CREATE TABLE s.\"T q\"(k text, \"Order\" bigint, note text, PRIMARY KEY (\"Order\", k));"
      "INSERT INTO s.t SELECT n, 'row ' || n FROM generate_series(1, 500) n;"
      "INSERT INTO s.\"T q\" SELECT 'k' || n, n * 1000000000000, NULL "
      "FROM generate_series(1, 50) n");
  Follow follow = Attach("attached");
  EXPECT_EQ(follow->replica().database().row_count(), 550U);
  EXPECT_EQ(follow->replica().database().digest(), SourceDigest());
  EXPECT_EQ(follow->replica().valid_at(), follow->consistent_point());

  Write("INSERT INTO s.t VALUES (1000, 'it''s'), (-1, ''), (1001, NULL)");
  Write("UPDATE s.t SET name = name || '!' WHERE id <= 100");
  Write("UPDATE s.t SET id = id + 5000 WHERE id BETWEEN 200 AND 210");
  Write("DELETE FROM s.t WHERE id BETWEEN 300 AND 310");
  Write("BEGIN; INSERT INTO s.t VALUES (2000, 'gone'); ROLLBACK");
  Write(
      "BEGIN; INSERT INTO s.t VALUES (2001, 'kept'); SAVEPOINT a; "
      "INSERT INTO s.t VALUES (2002, 'gone'); ROLLBACK TO a; COMMIT");
  Write("UPDATE s.\"T q\" SET note = 'n', \"Order\" = -\"Order\" WHERE k < 'k3'");
  Write("INSERT INTO s.t VALUES (3000, repeat('x', 100000))");
  ExpectReplicaEqualsSource(follow);
  EXPECT_EQ(follow.end_lsns().size(), 7U);
  EXPECT_TRUE(std::ranges::is_sorted(follow.end_lsns()));
  EXPECT_GT(follow.end_lsns().front(), follow->consistent_point());
  EXPECT_EQ(follow->replica().valid_at(), follow.end_lsns().back());
  Must(follow->Detach());
}

// The snapshot and the stream join exactly, wherever the attach falls among the commits.
TEST_F(ConsumerTest, AttachAmongWritersMissesAndDoublesNothing) {
  constexpr int kWriters = 3;
  constexpr int kRounds = 4;
  std::atomic<bool> stop = false;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&stop, writer] {
      Connection sql = Sql();
      for (int i = 0; !stop; ++i) {
        // Keys of its own, inserted once each: a doubled or missing one does not fit the replica.
        const std::string key = std::to_string(i * kWriters + writer);
        const std::string before = std::to_string((i - 1) * kWriters + writer);
        Must(sql.Execute("BEGIN; INSERT INTO s.t VALUES (" + key +
                         ", 'a'); UPDATE s.t SET name = "
                         "name || 'b' WHERE id = " +
                         before + "; COMMIT"));
        if (i % 3 == 2) Must(sql.Execute("DELETE FROM s.t WHERE id = " + before));
      }
    });
  }
  std::vector<Follow> follows;
  std::string failure;
  for (int round = 0; round < kRounds && failure.empty(); ++round) {
    auto consumer = Consumer::Attach(Options("round_" + std::to_string(round)));
    if (!consumer) {
      failure = consumer.error().message;
      break;
    }
    follows.emplace_back(std::move(*consumer));
    try {
      // Some of the stream before the next one attaches.
      follows.back().Until([&] { return follows.back().end_lsns().size() >= 20; });
    } catch (const std::exception& error) {
      failure = error.what();
    }
  }
  stop = true;
  for (std::thread& writer : writers) writer.join();
  ASSERT_EQ(failure, "");
  for (Follow& follow : follows) {
    ExpectReplicaEqualsSource(follow);
    Must(follow->Detach());
  }
}

TEST_F(ConsumerTest, NothingIsConfirmedBeforeItIsDurable) {
  Follow follow = Attach("durable");
  Write("INSERT INTO s.t VALUES (1, 'a')");
  Write("INSERT INTO s.t VALUES (2, 'b')");
  follow.UntilReceived(InsertLsn());
  ASSERT_EQ(follow.end_lsns().size(), 2U);
  const model::Lsn first = follow.end_lsns().front();
  const model::Lsn second = follow.end_lsns().back();
  // The server has handled a status update that says all was received ...
  follow.Until([&] {
    return Must(Sql().Scalar("SELECT count(*) FROM pg_stat_replication WHERE write_lsn >= '" +
                             ToString(second) + "'")) == "1";
  });
  // ... and holds on to the transactions.
  EXPECT_LT(ConfirmedFlush("durable"), first);
  EXPECT_LT(follow->confirmed(), first);

  follow->OnDurable(first);
  follow.Until([&] { return ConfirmedFlush("durable") >= first; });
  EXPECT_EQ(ConfirmedFlush("durable"), first);
  follow->OnDurable(second);
  follow.Until([&] { return ConfirmedFlush("durable") >= second; });
  Must(follow->Detach());
}

TEST_F(ConsumerTest, IdleDatabaseAdvancesTheSlot) {
  Follow follow = Attach("idle");
  // Of another database nothing comes but keepalives.
  Write("CREATE DATABASE other");
  {
    Connection other =
        Must(Connection::Open(cluster().uri("other"), postgres::ConnectionKind::kSql));
    Must(other.Execute("CREATE TABLE public.t AS SELECT generate_series(1, 1000) AS a"));
  }
  const model::Lsn elsewhere = InsertLsn();
  // CREATE DATABASE is a transaction here too, without changes of ours.
  follow.Until([&] {
    follow.Durable();
    return ConfirmedFlush("idle") >= elsewhere;
  });
  EXPECT_EQ(follow.changes(), 0U);

  // Writes only to tables that are not followed.
  Write("CREATE SCHEMA u; CREATE TABLE u.t(a int PRIMARY KEY); INSERT INTO u.t VALUES (1)");
  const model::Lsn unfollowed = InsertLsn();
  follow.Until([&] {
    follow.Durable();
    return ConfirmedFlush("idle") >= unfollowed;
  });
  EXPECT_EQ(follow.changes(), 0U);
  Must(follow->Detach());
  Write("DROP SCHEMA u CASCADE");
  Write("DROP DATABASE other");
}

// A keepalive's position is not confirmed over the head of a transaction that is not durable.
TEST_F(ConsumerTest, IdleAfterATransactionWaitsForIt) {
  Follow follow = Attach("waits");
  Write("INSERT INTO s.t VALUES (1, 'a')");
  follow.UntilReceived(InsertLsn());
  ASSERT_EQ(follow.end_lsns().size(), 1U);
  Write("SELECT pg_logical_emit_message(false, 'x', repeat('x', 100000))");
  const model::Lsn later = InsertLsn();
  follow.UntilReceived(later);
  follow.Until([&] {
    return Must(Sql().Scalar("SELECT count(*) FROM pg_stat_replication WHERE write_lsn >= '" +
                             ToString(later) + "'")) == "1";
  });
  EXPECT_LT(ConfirmedFlush("waits"), follow.end_lsns().front());
  follow.Durable();
  follow.Until([&] { return ConfirmedFlush("waits") >= later; });
  Must(follow->Detach());
}

TEST_F(ConsumerTest, RecordedFramesGiveTheSameTransactionsAgain) {
  std::vector<std::string> frames;
  ConsumerOptions options = Options("recorded");
  options.on_frame = [&](std::string_view frame) {
    frames.emplace_back(frame);
    return model::Result<void>();
  };
  Follow follow(Must(Consumer::Attach(options)));
  Connection sql = Sql();
  const auto relations = Must(postgres::ReadSchema(sql, "s"));
  Write("INSERT INTO s.t VALUES (1, 'a'), (2, 'b')");
  Write("UPDATE s.t SET id = 3 WHERE id = 1");
  Write("DELETE FROM s.t WHERE id = 2");
  follow.UntilReceived(InsertLsn());

  replication::Replica replica(relations, follow->consistent_point());
  replication::Follower again(
      {.start = follow->consistent_point()},
      Must(replication::MakeDecoder({.name = "decoderbufs"}, replication::RelationMap(relations))),
      std::chrono::steady_clock::now());
  std::vector<model::Lsn> end_lsns;
  for (const std::string& frame : frames) {
    auto transaction = Must(again.OnCopyData(frame));
    if (!transaction) continue;
    end_lsns.push_back(transaction->end_lsn);
    ASSERT_TRUE(replica.Apply(*transaction).has_value());
  }
  EXPECT_EQ(end_lsns, follow.end_lsns());
  EXPECT_EQ(replica.database().digest(), follow->replica().database().digest());
}

TEST_F(ConsumerTest, AnErrorOfTheRecorderEndsTheFollowing) {
  ConsumerOptions options = Options("recorder_fails");
  options.on_frame = [](std::string_view) {
    return model::Result<void>(model::Fail(model::ErrorKind::kEnvironment, "disk full"));
  };
  Follow follow(Must(Consumer::Attach(options)));
  Write("INSERT INTO s.t VALUES (1, 'a')");
  EXPECT_EQ(follow.UntilLost().message, "disk full");
}

// Read slowly it takes longer to come than the server waits for a sign of life.
TEST_F(ConsumerTest, StatusIsSentInTheMiddleOfATransaction) {
  constexpr int kRows = 3000;
  ConsumerOptions options = Options("slow_reader");
  options.conninfo += "&options=-c%20wal_sender_timeout%3D1500ms";  // a status every 500 ms
  options.on_frame = [](std::string_view) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return model::Result<void>();
  };
  Consumer consumer = Must(Consumer::Attach(options));
  Write("INSERT INTO s.t SELECT n, 'a' FROM generate_series(1, " + std::to_string(kRows) + ") n");
  int due = 0;
  std::size_t changes = 0;
  while (changes == 0) {
    const FromStream next = Must(consumer.Next());
    if (const auto* transaction = std::get_if<model::Transaction>(&next)) {
      changes = transaction->changes.size();
    } else if (std::holds_alternative<StatusIsDue>(next)) {
      ++due;
      Must(consumer.SendStatus(std::chrono::steady_clock::now()));
    } else {
      Must(consumer.Flush());
      pollfd waiting{consumer.fd(), POLLIN, 0};
      poll(&waiting, 1, 10);
    }
  }
  EXPECT_EQ(changes, static_cast<std::size_t>(kRows));
  EXPECT_GE(due, 3);
  Must(consumer.Detach());
}

// The connection stands.
TEST_F(ConsumerTest, AServerThatSendsNothingAnyMoreIsGone) {
  ConsumerOptions options = Options("silent");
  options.silence_limit = std::chrono::seconds(3);
  Follow follow(Must(Consumer::Attach(options)));
  const int walsender = std::stoi(
      Must(Sql().Scalar("SELECT active_pid FROM pg_replication_slots WHERE slot_name = 'silent'")));
  ASSERT_EQ(kill(walsender, SIGSTOP), 0);
  const model::Error lost = follow.UntilLost();
  EXPECT_EQ(lost.kind, model::ErrorKind::kDisconnected);
  EXPECT_TRUE(lost.message.contains("slot silent: the server sends nothing")) << lost.message;
  ASSERT_EQ(kill(walsender, SIGCONT), 0);
  TerminateReader("silent");
  Write("INSERT INTO s.t VALUES (1, 'a')");
  Must(follow.Reconnect());
  ExpectReplicaEqualsSource(follow);
  Must(follow->Detach());
}

TEST_F(ConsumerTest, DetachDropsTheSlotAndLeavesTheReplica) {
  Write("INSERT INTO s.t VALUES (1, 'a')");
  Follow follow = Attach("detached");
  EXPECT_EQ(Slots(), "detached");
  Must(follow->Detach());
  EXPECT_EQ(Slots(), "");
  EXPECT_EQ(follow->fd(), -1);
  EXPECT_FALSE(follow->WantsToRead());
  EXPECT_EQ(follow->replica().database().row_count(), 1U);
  const auto next = follow->Next();
  ASSERT_FALSE(next.has_value());
  EXPECT_EQ(next.error().kind, model::ErrorKind::kDisconnected);
}

TEST_F(ConsumerTest, DetachInTheMiddleOfALargeTransaction) {
  Follow follow = Attach("large");
  Write("INSERT INTO s.t SELECT n, repeat('x', 100) FROM generate_series(1, 200000) n");
  (void)follow->Next();
  Must(follow->Detach());
  EXPECT_EQ(Slots(), "");
}

// Whatever goes wrong after the slot was made, nobody else would drop it.
TEST_F(ConsumerTest, FailedAttachLeavesNoSlot) {
  const auto attach = [](ConsumerOptions options) {
    auto consumer = Consumer::Attach(options);
    if (consumer) {
      (void)consumer->Detach();
      return model::Error{.message = "attached"};
    }
    return std::move(consumer.error());
  };
  ConsumerOptions no_plugin = Options("no_plugin");
  no_plugin.plugin = "no_such_plugin";
  EXPECT_NE(attach(no_plugin).message.find("no_such_plugin"), std::string::npos);
  EXPECT_EQ(Slots(), "");

  ConsumerOptions no_decoder = Options("no_decoder");
  no_decoder.plugin = "test_decoding";
  const model::Error error = attach(no_decoder);
  EXPECT_EQ(error.kind, model::ErrorKind::kUsage);
  EXPECT_NE(error.message.find("test_decoding"), std::string::npos) << error.message;
  EXPECT_EQ(Slots(), "");

  ConsumerOptions no_schema = Options("no_schema");
  no_schema.scope = postgres::TableScope::OneSchema("absent");
  const model::Error absent = attach(no_schema);
  EXPECT_EQ(absent.kind, model::ErrorKind::kUsage);
  EXPECT_NE(absent.message.find("absent"), std::string::npos) << absent.message;
  EXPECT_EQ(Slots(), "");

  Write("CREATE TABLE s.no_key(a int); INSERT INTO s.no_key VALUES (1), (1)");
  const model::Error no_key = attach(Options("no_key"));
  EXPECT_EQ(no_key.kind, model::ErrorKind::kUnsupported);
  EXPECT_NE(no_key.message.find("s.no_key"), std::string::npos) << no_key.message;
  EXPECT_EQ(Slots(), "");
  Write("ALTER TABLE s.no_key REPLICA IDENTITY FULL");
  EXPECT_EQ(attach(Options("no_key")).kind, model::ErrorKind::kUnsupported);
}

// Somebody who confirms the new slot while the tables are copied.
TEST_F(ConsumerTest, SlotConfirmedBeforeTheStreamStartsIsRefused) {
  Write("INSERT INTO s.t SELECT n, repeat('x', 100) FROM generate_series(1, 300000) n");
  std::atomic<bool> attached = false;
  std::thread thief([&attached] {
    Connection sql = Sql();
    std::string first;
    while (!attached) {
      // Nothing while it is not there, or still being made.
      const std::string confirmed = Must(sql.Scalar(
          "SELECT coalesce(max(confirmed_flush_lsn)::text, '') FROM pg_replication_slots"));
      if (first.empty()) first = confirmed;
      // Once is enough: an advance that is under way keeps the consumer from its slot.
      if (confirmed != first) return;
      Must(sql.Execute("SELECT pg_logical_emit_message(false, 'x', 'y')"));
      (void)sql.Execute("SELECT pg_replication_slot_advance('early', pg_current_wal_insert_lsn())");
    }
  });
  auto consumer = Consumer::Attach(Options("early"));
  attached = true;
  thief.join();
  ASSERT_FALSE(consumer.has_value());
  EXPECT_EQ(consumer.error().kind, model::ErrorKind::kMisfit) << consumer.error().message;
  EXPECT_NE(consumer.error().message.find("by somebody else"), std::string::npos)
      << consumer.error().message;
  EXPECT_EQ(Slots(), "");
}

TEST_F(ConsumerTest, SlotOfSomebodyElseStays) {
  Follow follow = Attach("taken");
  auto second = Consumer::Attach(Options("taken"));
  ASSERT_FALSE(second.has_value());
  EXPECT_NE(second.error().message.find("taken"), std::string::npos) << second.error().message;
  EXPECT_EQ(Slots(), "taken");
  Write("INSERT INTO s.t VALUES (1, 'a')");
  ExpectReplicaEqualsSource(follow);
  Must(follow->Detach());
}

}  // namespace
}  // namespace lockstep::consumer
